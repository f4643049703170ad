//! The books of the apiary: what was given to which hive, what was found, what was sold. Every
//! entry is a join, so the order of the entries does not matter.

use std::collections::{BTreeMap, BTreeSet};

use aos_sdk::{Hash, Step, Value};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Value)]
pub struct HiveId(String);

#[derive(Debug, Clone, PartialEq, Value)]
pub struct Treated {
    hive: HiveId,
    at: u64,
    dose: u64,
    marks: BTreeSet<String>,
    quiet: i64,
}

#[derive(Debug, Clone, PartialEq, Value)]
pub struct Gone {
    hive: HiveId,
    into: HiveId,
    weight: i64,
}

#[derive(Debug, Clone, PartialEq, Value)]
pub enum Verdict {
    Good { score: i64 },
    Bad(BTreeSet<String>),
}

#[derive(Debug, Clone, PartialEq, Value)]
pub struct Audited {
    inspection: Hash,
    verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Value)]
pub enum Reason {
    Silent,
    Refused(i64),
}

#[derive(Debug, Clone, PartialEq, Value)]
pub enum Outcome {
    Sold { grams: u64 },
    Unsold(Reason),
}

#[derive(Debug, Clone, PartialEq, Value)]
pub struct Harvested {
    batch: String,
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Value)]
pub enum Event {
    Treated(Treated),
    Gone(Gone),
    Audited(Audited),
    Harvested(Harvested),
    Letter(String),
}

#[derive(Debug, Default, Clone, PartialEq, Value)]
pub struct Yard {
    pub doses: BTreeMap<HiveId, u64>,
    pub marks: BTreeSet<String>,
    pub gone: BTreeMap<HiveId, Gone>,
    pub audits: BTreeMap<Hash, Verdict>,
    pub batches: BTreeMap<String, Outcome>,
    pub grams: u64,
    pub letters: BTreeSet<String>,
}

pub fn reduce(yard: &mut Yard, event: Event, _: &mut Step) {
    match event {
        Event::Treated(treated) => {
            *yard.doses.entry(treated.hive).or_default() += treated.dose;
            yard.marks.extend(treated.marks);
        }
        Event::Gone(gone) => {
            yard.gone.insert(gone.hive.clone(), gone);
        }
        Event::Audited(audited) => {
            yard.audits.insert(audited.inspection, audited.verdict);
        }
        Event::Harvested(harvested) => {
            if let Outcome::Sold { grams } = harvested.outcome {
                yard.grams += grams;
            }
            yard.batches.insert(harvested.batch, harvested.outcome);
        }
        Event::Letter(text) => {
            yard.letters.insert(text);
        }
    }
}

aos_sdk::reducer!(reduce);

#[cfg(test)]
mod tests {
    use super::*;
    use aos_sdk::testing::Cell;

    #[test]
    fn what_was_sold_is_counted() {
        let mut yard = Cell::new(reduce);
        for (batch, outcome) in [
            ("a", Outcome::Sold { grams: 3 }),
            ("b", Outcome::Unsold(Reason::Refused(404))),
            ("c", Outcome::Sold { grams: 4 }),
        ] {
            yard.play(Event::Harvested(Harvested { batch: batch.into(), outcome }));
        }
        assert_eq!((yard.state().grams, yard.state().batches.len()), (7, 3));
    }
}
