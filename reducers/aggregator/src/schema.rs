//! The schemas of `air/schemas.air.json` as Rust types, field for field.

use std::collections::BTreeMap;

use aos_sdk::Value;

/// One request to make, as asked for.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Target {
    pub name: String,
    pub url: String,
    pub method: String,
}

/// `demo/AggregateStart@1`
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Start {
    pub topic: String,
    pub primary: Target,
    pub secondary: Target,
    pub tertiary: Target,
}

/// `demo/AggregateRequested@1`, which starts the plan.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Requested {
    pub request_id: u64,
    pub topic: String,
    pub primary: Target,
    pub secondary: Target,
    pub tertiary: Target,
}

/// What one request came to: the HTTP status and the beginning of the body.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct TargetResult {
    pub name: String,
    pub status: i64,
    pub body_preview: String,
}

/// `demo/AggregateComplete@1`, which the plan raises when all three answers are in.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Complete {
    pub request_id: u64,
    pub topic: String,
    pub primary: TargetResult,
    pub secondary: TargetResult,
    pub tertiary: TargetResult,
}

/// `demo/AggregatorEvent@1`
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub enum Event {
    Start(Start),
    Complete(Complete),
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Value)]
pub enum Pc {
    #[default]
    Idle,
    Running,
    Done,
}

/// A request whose answers are not all in.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Pending {
    pub topic: String,
    /// The names under which the plan waits for the three answers.
    pub handles: Vec<String>,
}

/// A finished request, in the order primary, secondary, tertiary.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Aggregate {
    pub topic: String,
    pub statuses: Vec<i64>,
    pub previews: Vec<String>,
}

/// `demo/AggregatorState@1`
#[derive(Debug, Default, Clone, PartialEq, Eq, Value)]
pub struct State {
    pub pc: Pc,
    /// How many requests were started; the newest one's id.
    pub requests: u64,
    pub pending: BTreeMap<u64, Pending>,
    pub results: BTreeMap<u64, Aggregate>,
    /// The finished request with the highest id, and what it came to.
    pub last_request_id: Option<u64>,
    pub last_statuses: Vec<i64>,
    pub last_previews: Vec<String>,
}
