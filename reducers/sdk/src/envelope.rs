//! The bytes that go into a reducer and come out of it.

use crate::step::{Effect, Raised, Step};
use crate::{Value, decode, encode};

pub(crate) const VERSION: u64 = 1;

/// The encoding of "nothing": a state of these bytes is no state.
const NULL: [u8; 1] = [0xf6];

/// A reducer: a state, an event that changes it, and what else comes of that.
pub type Reducer<S, E> = fn(&mut S, E, &mut Step);

#[derive(Value)]
pub(crate) struct Input {
    pub version: u64,
    pub state: Option<Vec<u8>>,
    pub event: Event,
    pub ctx: Option<Vec<u8>>,
}

#[derive(Value)]
pub(crate) struct Event {
    pub schema: String,
    pub value: Vec<u8>,
    pub key: Option<Vec<u8>>,
}

#[derive(Value)]
pub(crate) struct Output {
    pub state: Option<Vec<u8>>,
    pub domain_events: Vec<Raised>,
    pub effects: Vec<Effect>,
}

/// Runs one step over the envelope of a reducer and gives its output.
///
/// A cell without state begins with `S::default()`, and a state that encodes as null is no state:
/// so with `Option<T>` as the state, `None` is a cell that does not exist.
///
/// # Panics
/// If the envelope, the state or the event does not fit, or `reduce` panics.
pub fn run<S, E>(envelope: &[u8], reduce: Reducer<S, E>) -> Vec<u8>
where
    S: Value + Default,
    E: Value,
{
    let input: Input = decode("envelope", envelope);
    check_version(input.version);
    let mut state = input.state.map_or_else(S::default, |state| decode("state", &state));
    let event = decode("event", &input.event.value);
    let mut step = Step::new(input.event.key, input.ctx);
    reduce(&mut state, event, &mut step);
    encode(&Output {
        state: Some(encode(&state)).filter(|state| *state != NULL),
        domain_events: step.events,
        effects: step.effects,
    })
}

pub(crate) fn check_version(version: u64) {
    assert_eq!(version, VERSION, "this module reads version {VERSION} of the envelope");
}
