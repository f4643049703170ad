//! The schemas of `air/schemas.air.json` as Rust types, field for field.

use std::collections::BTreeMap;

use aos_sdk::Value;

/// `demo/Fetch@1`: what a person asks for.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Fetch {
    pub url: String,
}

/// `demo/FetchRequested@1`, which starts the plan.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Requested {
    pub fetch_id: u64,
    pub url: String,
}

/// `demo/FetchDone@1`, which the plan raises for a good answer.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Done {
    pub fetch_id: u64,
    pub status: i64,
    pub preview: String,
}

/// `demo/FetchFailed@1`, which the plan raises for any other.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Failed {
    pub fetch_id: u64,
    /// `ok` where the server did answer, else `error` or `timeout`.
    pub receipt_status: String,
    pub status: i64,
}

/// `demo/FetcherEvent@1`
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub enum Event {
    Fetch(Fetch),
    Done(Done),
    Failed(Failed),
}

/// `demo/FetchOutcome@1`
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub enum Outcome {
    Waiting,
    Done { status: i64, preview: String },
    Failed { receipt_status: String, status: i64 },
}

/// `demo/Page@1`
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Page {
    pub url: String,
    pub outcome: Outcome,
}

/// `demo/FetcherState@1`
#[derive(Debug, Default, Clone, PartialEq, Eq, Value)]
pub struct State {
    /// How many pages were asked for; the newest one's id.
    pub asked: u64,
    pub pages: BTreeMap<u64, Page>,
}
