//! The schemas of `air/schemas.air.json` as Rust types, field for field.

use std::collections::BTreeMap;

use aos_sdk::{Hash, Value};

/// `demo/Summarize@1`: what a person asks for.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Summarize {
    pub url: String,
    /// How long the summary may be. More than the world grants is denied, not cut.
    pub max_tokens: u64,
}

/// `demo/SummaryRequested@1`, which starts the plan.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Requested {
    pub summary_id: u64,
    pub url: String,
    pub max_tokens: u64,
}

/// `demo/SummaryDone@1`, which the plan raises when the model has answered.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Done {
    pub summary_id: u64,
    /// The beginning of the answer; all of it is in the store, under `output_ref`.
    pub text: String,
    pub output_ref: Hash,
    pub tokens: u64,
}

/// `demo/SummaryFailed@1`, which the plan raises when a call failed.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Failed {
    pub summary_id: u64,
    /// `page` or `model`.
    pub at: String,
}

/// `demo/SummarizerEvent@1`
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub enum Event {
    Summarize(Summarize),
    Done(Done),
    Failed(Failed),
}

/// `demo/SummaryOutcome@1`
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub enum Outcome {
    Working,
    Done { text: String, output_ref: Hash },
    Failed { at: String },
}

/// `demo/Summary@1`
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Summary {
    pub url: String,
    pub outcome: Outcome,
}

/// `demo/SummarizerState@1`
#[derive(Debug, Default, Clone, PartialEq, Eq, Value)]
pub struct State {
    /// How many summaries were asked for; the newest one's id.
    pub asked: u64,
    /// What all answers together have used.
    pub tokens: u64,
    pub summaries: BTreeMap<u64, Summary>,
}
