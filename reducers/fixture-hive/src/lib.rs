//! A hive, keyed by its id: created by its first event, deleted when it is merged into another.
//!
//! What it keeps is a join of what it was told, so the order in which it was told does not matter.

use std::collections::{BTreeMap, BTreeSet};

use aos_sdk::{Hash, Step, TimerFired, TimerSet, Value};

#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord, Value)]
pub struct HiveId(String);

#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord, Value)]
pub enum Colour {
    #[default]
    White,
    Yellow,
    Other(String),
}

#[derive(Debug, Default, Clone, PartialEq, Value)]
pub enum Queen {
    #[default]
    Absent,
    Marked {
        colour: Colour,
        born: u64,
    },
    Virgin(Option<String>),
}

#[derive(Debug, Clone, PartialEq, Value)]
pub enum Frame {
    Empty,
    Brood(u64),
    Honey { grams: u64, capped: bool },
    Foreign(Colour),
}

/// `apiary/Inspection@1`: it holds a value of every type.
#[derive(Debug, Default, Clone, PartialEq, Value)]
pub struct Inspection {
    pub hive: HiveId,
    pub at: u64,
    pub took: i64,
    pub weight: i64,
    pub price: String,
    pub by: String,
    pub marks: BTreeSet<String>,
    pub frames: BTreeMap<u64, Frame>,
    pub drift: BTreeMap<i64, u64>,
    pub helpers: BTreeMap<String, bool>,
    pub neighbours: BTreeMap<HiveId, Option<i64>>,
    pub photos: BTreeMap<Hash, Vec<u8>>,
    pub seal: Hash,
    pub note: Option<String>,
    pub queen: Queen,
    pub rounds: Vec<u64>,
    pub blank: (),
}

#[derive(Debug, Clone, PartialEq, Value)]
pub struct Treated {
    hive: HiveId,
    at: u64,
    dose: u64,
    marks: BTreeSet<String>,
    quiet: i64,
}

#[derive(Debug, Clone, PartialEq, Value)]
pub struct Merged {
    hive: HiveId,
    into: HiveId,
}

#[derive(Debug, Clone, PartialEq, Value)]
pub struct Rested {
    hive: HiveId,
    until: u64,
}

#[derive(Debug, Clone, PartialEq, Value)]
pub struct Gone {
    hive: HiveId,
    into: HiveId,
    weight: i64,
}

#[derive(Debug, Clone, PartialEq, Value)]
pub enum Event {
    Inspected(Inspection),
    Treated(Treated),
    Merged(Merged),
    Fired(TimerFired),
}

#[derive(Debug, Default, Clone, PartialEq, Value)]
pub struct Hive {
    /// The latest inspection; of two at one time the one with the greater seal.
    pub latest: Option<Inspection>,
    pub weights: BTreeMap<u64, i64>,
    pub marks: BTreeSet<String>,
    pub doses: u64,
    /// Timers that have not fired yet, by how many wait for the same moment.
    pub quiet: BTreeMap<u64, u64>,
    pub rested: u64,
}

pub fn reduce(hive: &mut Option<Hive>, event: Event, step: &mut Step) {
    match event {
        Event::Merged(merged) => merge(hive, merged, step),
        Event::Inspected(seen) => inspect(hive.get_or_insert_default(), seen),
        Event::Treated(treated) => treat(hive.get_or_insert_default(), treated, step),
        Event::Fired(fired) => {
            if let Some(hive) = hive {
                rest(hive, &fired, step);
            }
        }
    }
}

aos_sdk::reducer!(reduce);

fn inspect(hive: &mut Hive, seen: Inspection) {
    hive.weights.insert(seen.at, seen.weight);
    hive.marks.extend(seen.marks.iter().cloned());
    let newest = |of: &Inspection| (of.at, of.seal.to_string());
    if hive.latest.as_ref().is_none_or(|known| newest(known) < newest(&seen)) {
        hive.latest = Some(seen);
    }
}

fn treat(hive: &mut Hive, treated: Treated, step: &mut Step) {
    hive.doses += treated.dose;
    hive.marks.extend(treated.marks);
    let until = treated.at.saturating_add_signed(treated.quiet);
    *hive.quiet.entry(until).or_default() += 1;
    let timer = TimerSet { deliver_at_ns: until, key: Some(treated.hive.0) };
    step.ask(&timer).slot("clock");
}

fn rest(hive: &mut Hive, fired: &TimerFired, step: &mut Step) {
    let until = fired.requested.deliver_at_ns;
    let waiting = hive.quiet.get_mut(&until).expect("nobody waits for this timer");
    *waiting -= 1;
    hive.quiet.retain(|_, waiting| *waiting > 0);
    hive.rested += 1;
    step.raise("apiary/Rested@1", &Rested { hive: step.key(), until });
}

fn merge(hive: &mut Option<Hive>, merged: Merged, step: &mut Step) {
    let gone = hive.take().expect("there is no hive to merge");
    let weight = gone.weights.last_key_value().map_or(0, |(_, weight)| *weight);
    step.raise("apiary/Gone@1", &Gone { hive: merged.hive, into: merged.into, weight });
}

#[cfg(test)]
mod tests {
    use super::*;
    use aos_sdk::testing::Cell;

    fn hive() -> Cell<Option<Hive>, Event> {
        Cell::new(reduce).keyed(&HiveId("h".into()))
    }

    fn inspection(at: u64, mark: &str) -> Event {
        let marks = [mark.to_string()].into();
        Event::Inspected(Inspection { at, marks, weight: at as i64, ..Inspection::default() })
    }

    #[test]
    fn the_latest_inspection_is_kept_in_whatever_order_they_come() {
        let (mut one, mut other) = (hive(), hive());
        one.play(inspection(1, "a"));
        one.play(inspection(2, "b"));
        other.play(inspection(2, "b"));
        other.play(inspection(1, "a"));
        assert_eq!(one.state(), other.state());
        assert_eq!(one.state().unwrap().latest.unwrap().at, 2);
    }

    #[test]
    fn a_treatment_asks_for_rest() {
        let treated =
            Treated { hive: HiveId("h".into()), at: 10, dose: 3, marks: BTreeSet::new(), quiet: 5 };
        let mut cell = hive();
        let asked = cell.play(Event::Treated(treated)).effect::<TimerSet>().unwrap();
        assert_eq!(asked.params, TimerSet { deliver_at_ns: 15, key: Some("h".into()) });
        assert_eq!(cell.state().unwrap().quiet, [(15, 1)].into());
    }

    #[test]
    fn a_merged_hive_is_gone() {
        let mut cell = hive();
        cell.play(inspection(7, "a"));
        let merged = Merged { hive: HiveId("h".into()), into: HiveId("i".into()) };
        let played = cell.play(Event::Merged(merged));
        assert_eq!(played.events::<Gone>("apiary/Gone@1")[0].weight, 7);
        assert_eq!(cell.state(), None);
    }

    #[test]
    #[should_panic(expected = "there is no hive to merge")]
    fn what_is_not_there_cannot_be_merged() {
        let merged = Merged { hive: HiveId("h".into()), into: HiveId("i".into()) };
        hive().play(Event::Merged(merged));
    }
}
