//! The schemas of `air.v1/schemas.air.json` as Rust types, field for field. Version 2 has the same.

use std::collections::BTreeMap;

use aos_sdk::Value;

/// `demo/Check@1`: what a person asks for.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Check {
    pub service: String,
}

/// `demo/CheckRequested@1`, which starts the plan, of whichever version.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Requested {
    pub check_id: u64,
    pub service: String,
}

/// `demo/CheckEnded@1`, which the plan raises.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Ended {
    pub check_id: u64,
    pub up: bool,
    /// Who said so: `primary`, or in version 2 `mirror`.
    pub source: String,
}

/// `demo/CheckerEvent@1`
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub enum Event {
    Check(Check),
    Ended(Ended),
}

/// `demo/CheckOutcome@1`
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub enum Outcome {
    Running,
    Up { source: String },
    Down { source: String },
}

/// `demo/CheckRun@1`
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Run {
    pub service: String,
    pub outcome: Outcome,
}

/// `demo/CheckerState@1`
#[derive(Debug, Default, Clone, PartialEq, Eq, Value)]
pub struct State {
    /// How many checks were asked for; the newest one's id.
    pub asked: u64,
    pub checks: BTreeMap<u64, Run>,
}
