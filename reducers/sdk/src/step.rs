//! What a reducer is given besides its state and its event, and what it gives out.

use crate::effects::Ask;
use crate::{Context, Hash, Value, canonical, decode, encode};

/// One step: the cell and the moment it runs for, the events it raises, the effect it asks for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Step {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) context: Option<Vec<u8>>,
    pub(crate) events: Vec<Raised>,
    pub(crate) effects: Vec<Effect>,
}

impl Step {
    pub(crate) fn new(key: Option<Vec<u8>>, context: Option<Vec<u8>>) -> Self {
        Step { key, context, ..Step::default() }
    }

    /// The key of the cell.
    ///
    /// # Panics
    /// If the reducer is not keyed, or keyed by another type.
    #[track_caller]
    pub fn key<K: Value>(&self) -> K {
        let key = self.key.as_ref().expect("this event came without a key");
        decode("key", key)
    }

    /// The moment of this step, for a module whose definition declares a context.
    ///
    /// # Panics
    /// If it declares none.
    #[track_caller]
    pub fn context(&self) -> Context {
        let context = self.context.as_ref().expect(
            "no context: declare `\"context\": \"sys/ReducerContext@1\"` in the module's abi",
        );
        decode("context", context)
    }

    /// Raises an event of the named schema: `step.raise("demo/Told@1", &told)`.
    pub fn raise<T: Value>(&mut self, schema: &str, value: &T) -> &mut Raised {
        let schema = schema.to_owned();
        let value = encode(value);
        self.events.push(Raised { schema, value, key: None });
        self.events.last_mut().expect("it was pushed")
    }

    /// Asks for an effect, the only one of this step: `step.ask(&TimerSet::at(deadline))`.
    ///
    /// # Panics
    /// If the step has asked already.
    #[track_caller]
    pub fn ask<P: Ask>(&mut self, params: &P) -> &mut Effect {
        assert!(self.effects.is_empty(), "a step may ask for one effect at most");
        self.effects.push(Effect {
            kind: P::KIND.to_owned(),
            params: encode(params),
            slot: None,
            idempotency_key: None,
        });
        self.effects.last_mut().expect("it was pushed")
    }
}

/// An event that was raised. The host brings its value in order and finds its way.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Raised {
    pub(crate) schema: String,
    pub(crate) value: Vec<u8>,
    pub(crate) key: Option<Vec<u8>>,
}

impl Raised {
    /// Gives the event a key of any bytes. It reaches plans as `correlation_id`.
    pub fn key(&mut self, key: &[u8]) {
        self.key = Some(key.to_vec());
    }

    /// Gives the event the key of a cell.
    pub fn cell<K: Value>(&mut self, key: &K) {
        self.key = Some(canonical(key));
    }
}

/// An effect that was asked for, under the slot `default` unless another one is named.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Effect {
    pub(crate) kind: String,
    #[name = "params_cbor"]
    pub(crate) params: Vec<u8>,
    #[name = "cap_slot"]
    pub(crate) slot: Option<String>,
    pub(crate) idempotency_key: Option<Vec<u8>>,
}

impl Effect {
    /// Names the capability slot of the module.
    pub fn slot(&mut self, slot: &str) -> &mut Self {
        self.slot = Some(slot.to_owned());
        self
    }

    /// Tells this request from others with equal parameters.
    pub fn idempotency_key(&mut self, key: Hash) -> &mut Self {
        self.idempotency_key = Some(key.0.to_vec());
        self
    }
}
