//! What the host tells a module that declares a context.

use crate::{Hash, Value};

/// `sys/ReducerContext@1`. All of it is journaled, and the same when the step is replayed.
#[derive(Debug, Default, Clone, PartialEq, Eq, Value)]
pub struct Context {
    /// The wall clock at the input, in nanoseconds since 1970.
    pub now_ns: u64,
    /// Nanoseconds since the world began; never goes back. Timers run on it.
    pub logical_now_ns: u64,
    /// The height of the event's record.
    pub journal_height: u64,
    /// 64 random bytes, this event's own.
    pub entropy: Vec<u8>,
    /// Of the event as delivered: schema, value and key.
    pub event_hash: Hash,
    pub manifest_hash: Hash,
    /// The reducer's name.
    pub reducer: String,
    /// The canonical bytes of the cell's key.
    pub key: Option<Vec<u8>>,
    pub cell_mode: bool,
}

/// `sys/PureContext@1`
#[derive(Debug, Default, Clone, PartialEq, Eq, Value)]
pub struct PureContext {
    pub logical_now_ns: u64,
    pub journal_height: u64,
    pub manifest_hash: Hash,
    pub module: String,
}
