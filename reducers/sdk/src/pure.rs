//! Pure modules, and the enforcers of capabilities, which are pure modules of one shape.

use crate::envelope::check_version;
use crate::{PureContext, Value, decode, encode};

/// What a pure module is given besides its input.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Call {
    pub(crate) context: Option<Vec<u8>>,
}

impl Call {
    /// The moment of this call, for a module whose definition declares a context.
    ///
    /// # Panics
    /// If it declares none.
    #[track_caller]
    pub fn context(&self) -> PureContext {
        let context = self
            .context
            .as_ref()
            .expect("no context: declare `\"context\": \"sys/PureContext@1\"` in the module's abi");
        decode("context", context)
    }
}

#[derive(Value)]
pub(crate) struct Input {
    pub version: u64,
    pub input: Vec<u8>,
    pub ctx: Option<Vec<u8>>,
}

#[derive(Value)]
pub(crate) struct Output {
    pub output: Vec<u8>,
}

/// Runs a pure module over its envelope and gives its output.
///
/// # Panics
/// If the envelope or the input does not fit, or `function` panics.
pub fn run_pure<I, O>(envelope: &[u8], function: impl FnOnce(I, &Call) -> O) -> Vec<u8>
where
    I: Value,
    O: Value,
{
    let Input { version, input, ctx } = decode("envelope", envelope);
    check_version(version);
    let call = Call { context: ctx };
    let output = encode(&function(decode("input", &input), &call));
    encode(&Output { output })
}

/// Runs an enforcer over its envelope and gives its output.
///
/// # Panics
/// As [`run_pure`].
pub fn run_enforcer(envelope: &[u8], check: fn(&CapCheck) -> Verdict) -> Vec<u8> {
    run_pure(envelope, |request: CapCheck, _: &Call| {
        let deny = check(&request).err();
        CapCheckOutput { constraints_ok: deny.is_none(), deny }
    })
}

/// What an enforcer says of a request.
pub type Verdict = Result<(), Deny>;

/// `sys/CapCheckInput@1`: the request that an enforcer judges.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct CapCheck {
    pub cap_def: String,
    pub grant_name: String,
    pub cap_params: Vec<u8>,
    pub effect_kind: String,
    pub effect_params: Vec<u8>,
    pub origin: Origin,
    pub logical_now_ns: u64,
}

/// Who asks: a `reducer` or a `plan`.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Origin {
    pub kind: String,
    pub name: String,
}

impl CapCheck {
    /// The parameters of the grant, of the type that the capability's schema has.
    ///
    /// # Panics
    /// If they are of another type.
    pub fn grant<T: Value>(&self) -> T {
        decode("cap_params", &self.cap_params)
    }

    /// The parameters of the effect.
    ///
    /// # Panics
    /// If they are of another type.
    pub fn params<T: Value>(&self) -> T {
        decode("effect_params", &self.effect_params)
    }
}

/// A refusal: a code, such as `host_not_allowed`, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Deny {
    pub code: String,
    pub message: String,
}

impl Deny {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        let (code, message) = (code.to_owned(), message.into());
        Deny { code, message }
    }
}

/// `sys/CapCheckOutput@1`
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub(crate) struct CapCheckOutput {
    pub constraints_ok: bool,
    pub deny: Option<Deny>,
}
