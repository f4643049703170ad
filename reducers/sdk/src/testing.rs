//! Playing events to a module natively, through the bytes that the host would pass.
//!
//! ```
//! use aos_sdk::testing::Cell;
//! use aos_sdk::{Step, Value};
//!
//! #[derive(Debug, Default, PartialEq, Value)]
//! struct Counter {
//!     count: u64,
//! }
//!
//! fn reduce(counter: &mut Counter, add: u64, step: &mut Step) {
//!     counter.count += add;
//!     step.raise("demo/Counted@1", &counter.count);
//! }
//!
//! let mut cell = Cell::new(reduce);
//! let played = cell.play(5);
//! assert_eq!(cell.state(), Counter { count: 5 });
//! assert_eq!(played.events::<u64>("demo/Counted@1"), [5]);
//! ```
//!
//! A fault is a panic: `#[should_panic(expected = "..")]` looks at its text.

use crate::effects::Ask;
use crate::envelope::{Event, Input, Output, Reducer, VERSION, run};
use crate::pure::{self, CapCheck, CapCheckOutput, Verdict, run_enforcer, run_pure};
use crate::step::{Effect, Raised};
use crate::{Call, Context, Hash, PureContext, Value, canonical, decode, encode};

/// One cell of a reducer, from its first event on.
pub struct Cell<S, E> {
    reduce: Reducer<S, E>,
    state: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
    context: Option<Context>,
}

impl<S: Value + Default, E: Value> Cell<S, E> {
    pub fn new(reduce: Reducer<S, E>) -> Self {
        Cell { reduce, state: None, key: None, context: None }
    }

    /// The cell of this key, of a keyed reducer.
    #[must_use]
    pub fn keyed<K: Value>(mut self, key: &K) -> Self {
        self.key = Some(canonical(key));
        self
    }

    /// Sets the context of the steps to come, as for a module that declares one. The fields for
    /// the cell are filled in.
    pub fn set_context(&mut self, context: Context) {
        let (key, cell_mode) = (self.key.clone(), self.key.is_some());
        self.context = Some(Context { key, cell_mode, ..context });
    }

    /// Steps once. If the reducer panics, so does this, and the state stays as it was.
    pub fn play(&mut self, event: E) -> Played {
        let input = encode(&Input {
            version: VERSION,
            state: self.state.clone(),
            event: Event {
                schema: "test/Event@1".into(),
                value: canonical(&event),
                key: self.key.clone(),
            },
            ctx: self.context.as_ref().map(canonical),
        });
        let Output { state, domain_events, effects } = decode("output", &run(&input, self.reduce));
        self.state = state;
        Played { events: domain_events, effect: effects.into_iter().next() }
    }

    /// The state; `S::default()` where there is none.
    pub fn state(&self) -> S {
        self.state.as_ref().map_or_else(S::default, |state| decode("state", state))
    }

    /// The bytes of the state; none if the cell does not exist.
    pub fn state_bytes(&self) -> Option<&[u8]> {
        self.state.as_deref()
    }
}

/// What a step gave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    events: Vec<Raised>,
    effect: Option<Effect>,
}

impl Played {
    /// Schema and key of every event that was raised, in order.
    pub fn raised(&self) -> Vec<(&str, Option<&[u8]>)> {
        self.events.iter().map(|event| (event.schema.as_str(), event.key.as_deref())).collect()
    }

    /// The events of one schema, in order.
    pub fn events<T: Value>(&self, schema: &str) -> Vec<T> {
        let those = self.events.iter().filter(|event| event.schema == schema);
        those.map(|event| decode("event", &event.value)).collect()
    }

    /// The effect that was asked for.
    ///
    /// # Panics
    /// If it is of another kind.
    pub fn effect<P: Ask>(&self) -> Option<Asked<P>> {
        let effect = self.effect.as_ref()?;
        assert_eq!(effect.kind, P::KIND, "another effect was asked for");
        let key = effect.idempotency_key.as_ref();
        Some(Asked {
            params: decode("params", &effect.params),
            slot: effect.slot.clone(),
            idempotency_key: key.map(|key| Hash(key.as_slice().try_into().expect("32 bytes"))),
        })
    }
}

/// An effect that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked<P> {
    pub params: P,
    pub slot: Option<String>,
    pub idempotency_key: Option<Hash>,
}

impl<P> Asked<P> {
    /// Nothing but parameters, under the slot `default`.
    pub fn new(params: P) -> Self {
        Asked { params, slot: None, idempotency_key: None }
    }
}

/// Calls a pure module.
pub fn call<I: Value, O: Value>(
    function: fn(I, &Call) -> O,
    input: &I,
    context: Option<&PureContext>,
) -> O {
    let envelope = pure_envelope(input, context);
    let pure::Output { output } = decode("output", &run_pure(&envelope, function));
    decode("output", &output)
}

/// Asks an enforcer.
pub fn judge(check: fn(&CapCheck) -> Verdict, request: &CapCheck) -> Verdict {
    let envelope = pure_envelope(request, None);
    let pure::Output { output } = decode("output", &run_enforcer(&envelope, check));
    let CapCheckOutput { constraints_ok, deny } = decode("output", &output);
    assert_eq!(constraints_ok, deny.is_none());
    deny.map_or(Ok(()), Err)
}

fn pure_envelope<I: Value>(input: &I, context: Option<&PureContext>) -> Vec<u8> {
    let (input, ctx) = (canonical(input), context.map(canonical));
    encode(&pure::Input { version: VERSION, input, ctx })
}
