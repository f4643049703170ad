//! A note that reminds of itself, keyed by its name: created by its first event, deleted on
//! demand. It uses all of the SDK that a reducer can, each part once.

use std::collections::{BTreeMap, BTreeSet};

use aos_sdk::{BlobPut, BlobPutResult, Context, Hash, Step, TimerFired, TimerSet, Value};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Value)]
pub struct NoteName(String);

#[derive(Debug, Default, PartialEq, Value)]
pub struct Note {
    name: Option<NoteName>,
    text: String,
    edited_ns: u64,
    height: u64,
    nonce: Vec<u8>,
    mood: Mood,
    tags: BTreeSet<String>,
    shifts: BTreeMap<i64, u64>,
    blob: Option<Hash>,
}

#[derive(Debug, Default, PartialEq, Value)]
pub enum Mood {
    #[default]
    Calm,
    #[name = "due"]
    Due { at_ns: u64 },
}

#[derive(Debug, PartialEq, Value)]
pub enum Event {
    Write { text: String, tags: BTreeSet<String>, shifts: BTreeMap<i64, u64> },
    Remind { after_ns: u64 },
    Keep,
    Fired(TimerFired),
    Kept(BlobPutResult),
    Delete,
}

pub fn reduce(note: &mut Option<Note>, event: Event, step: &mut Step) {
    if let Event::Delete = event {
        return delete(note, step);
    }
    let note = note.get_or_insert_default();
    match event {
        Event::Write { text, tags, shifts } => {
            let Context { now_ns, journal_height, entropy, .. } = step.context();
            note.name = Some(step.key());
            (note.text, note.tags, note.shifts) = (text, tags, shifts);
            (note.edited_ns, note.height) = (now_ns, journal_height);
            note.nonce = entropy[..4].to_vec();
        }
        Event::Remind { after_ns } => {
            let at_ns = step.context().logical_now_ns + after_ns;
            note.mood = Mood::Due { at_ns };
            let timer = TimerSet { deliver_at_ns: at_ns, key: Some(note.text.clone()) };
            step.ask(&timer).slot("clock").idempotency_key(Hash::of_value(&note.text));
        }
        Event::Keep => {
            step.ask(&BlobPut::of(note.text.clone().into_bytes()));
        }
        Event::Fired(fired) => {
            assert!(fired.is_ok(), "the timer ended with {}", fired.status);
            note.mood = Mood::Calm;
        }
        Event::Kept(kept) => note.blob = Some(kept.receipt.blob_ref),
        Event::Delete => unreachable!("it was answered above"),
    }
}

aos_sdk::reducer!(reduce);

fn delete(note: &mut Option<Note>, step: &mut Step) {
    let gone = note.take().expect("there is no note to delete");
    let name: NoteName = step.key();
    step.raise("demo/NoteDeleted@1", &gone.text).cell(&name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use aos_sdk::testing::Cell;

    fn written() -> Cell<Option<Note>, Event> {
        let mut cell = Cell::new(reduce).keyed(&NoteName("alpha".into()));
        cell.set_context(Context {
            now_ns: 1_000,
            logical_now_ns: 5,
            journal_height: 3,
            entropy: (0..64).collect(),
            ..Context::default()
        });
        let (tags, shifts) = (BTreeSet::new(), BTreeMap::new());
        cell.play(Event::Write { text: "tea".into(), tags, shifts });
        cell
    }

    #[test]
    fn a_written_note_has_its_name_and_moment() {
        let note = written().state().unwrap();
        assert_eq!((note.name, note.text), (Some(NoteName("alpha".into())), "tea".into()));
        assert_eq!((note.edited_ns, note.height, note.nonce), (1_000, 3, vec![0, 1, 2, 3]));
    }

    #[test]
    fn a_reminder_is_a_timer_from_now_on() {
        let mut cell = written();
        let asked = cell.play(Event::Remind { after_ns: 20 }).effect::<TimerSet>().unwrap();
        assert_eq!(asked.params, TimerSet { deliver_at_ns: 25, key: Some("tea".into()) });
        assert_eq!(asked.slot.as_deref(), Some("clock"));
        assert_eq!(cell.state().unwrap().mood, Mood::Due { at_ns: 25 });
    }

    #[test]
    fn a_deleted_note_leaves_no_cell_and_says_so() {
        let mut cell = written();
        let played = cell.play(Event::Delete);
        assert_eq!(played.events::<String>("demo/NoteDeleted@1"), ["tea"]);
        assert_eq!(cell.state(), None);
    }

    #[test]
    #[should_panic(expected = "there is no note to delete")]
    fn a_note_that_does_not_exist_cannot_be_deleted() {
        Cell::new(reduce).keyed(&NoteName("alpha".into())).play(Event::Delete);
    }
}
