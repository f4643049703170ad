//! The effects that a reducer may ask for, and the events that answer them.

use crate::{Hash, Value};

/// Parameters of an effect. Implement it for the effects that a world defines.
pub trait Ask: Value {
    /// The effect's kind, such as `timer.set`.
    const KIND: &'static str;
}

/// `timer.set`: answered by [`TimerFired`].
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct TimerSet {
    /// On the logical clock, in nanoseconds.
    pub deliver_at_ns: u64,
    pub key: Option<String>,
}

/// `blob.put`: answered by [`BlobPutResult`].
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct BlobPut {
    pub blob_ref: Hash,
    pub bytes: Vec<u8>,
}

/// `blob.get`: answered by [`BlobGetResult`].
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct BlobGet {
    pub blob_ref: Hash,
}

impl Ask for TimerSet {
    const KIND: &'static str = "timer.set";
}

impl Ask for BlobPut {
    const KIND: &'static str = "blob.put";
}

impl Ask for BlobGet {
    const KIND: &'static str = "blob.get";
}

impl TimerSet {
    /// A timer without key.
    pub fn at(deliver_at_ns: u64) -> Self {
        TimerSet { deliver_at_ns, key: None }
    }
}

impl BlobPut {
    /// Stores these bytes under their hash.
    pub fn of(bytes: Vec<u8>) -> Self {
        BlobPut { blob_ref: Hash::of(&bytes), bytes }
    }
}

/// A receipt, as it comes back to the reducer that asked: a member of its event variant.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Receipt<Params, Answer> {
    pub intent_hash: Hash,
    pub reducer: String,
    pub effect_kind: String,
    pub adapter_id: String,
    /// `ok`, `error` or `timeout`.
    pub status: String,
    pub requested: Params,
    pub receipt: Answer,
    pub cost_cents: Option<u64>,
    pub signature: Vec<u8>,
}

impl<Params, Answer> Receipt<Params, Answer> {
    pub fn is_ok(&self) -> bool {
        self.status == "ok"
    }
}

/// `sys/TimerFired@1`
pub type TimerFired = Receipt<TimerSet, TimerSetReceipt>;

/// `sys/BlobPutResult@1`
pub type BlobPutResult = Receipt<BlobPut, BlobPutReceipt>;

/// `sys/BlobGetResult@1`
pub type BlobGetResult = Receipt<BlobGet, BlobGetReceipt>;

#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct TimerSetReceipt {
    pub delivered_at_ns: u64,
    pub key: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct BlobPutReceipt {
    pub blob_ref: Hash,
    pub size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct BlobGetReceipt {
    pub blob_ref: Hash,
    pub size: u64,
    pub bytes: Vec<u8>,
}
