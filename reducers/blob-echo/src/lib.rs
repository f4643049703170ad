//! Puts a text into the store, gets it back, and looks whether it is the same.
//!
//! A step may ask for one effect. Two in a row are two steps: the receipt of the first is the event
//! in which the second is asked for, and the state says which of them is awaited.

use aos_sdk::{BlobGet, BlobGetResult, BlobPut, BlobPutResult, Hash, Step, Value};

/// `demo/EchoState@1`
#[derive(Debug, Default, Clone, PartialEq, Value)]
pub enum State {
    #[default]
    Idle,
    /// `blob.put` is awaited.
    Storing {
        sent: String,
    },
    /// `blob.get` is awaited.
    Loading {
        sent: String,
        blob_ref: Hash,
    },
    Same {
        text: String,
        blob_ref: Hash,
    },
    Different {
        sent: String,
        got: Vec<u8>,
    },
    /// `effect` is the kind of the one that failed, `status` its receipt's.
    Failed {
        effect: String,
        status: String,
    },
}

/// `demo/EchoEvent@1`
#[derive(Debug, Clone, PartialEq, Value)]
pub enum Event {
    Start { text: String },
    Stored(BlobPutResult),
    Loaded(BlobGetResult),
}

pub fn reduce(state: &mut State, event: Event, step: &mut Step) {
    let now = std::mem::take(state);
    *state = match (now, event) {
        (busy @ (State::Storing { .. } | State::Loading { .. }), Event::Start { .. }) => busy,
        (_, Event::Start { text }) => {
            step.ask(&BlobPut::of(text.clone().into_bytes()));
            State::Storing { sent: text }
        }
        (State::Storing { .. }, Event::Stored(put)) if !put.is_ok() => {
            State::Failed { effect: put.effect_kind, status: put.status }
        }
        (State::Storing { sent }, Event::Stored(put)) => {
            let blob_ref = put.receipt.blob_ref;
            step.ask(&BlobGet { blob_ref });
            State::Loading { sent, blob_ref }
        }
        (State::Loading { .. }, Event::Loaded(get)) if !get.is_ok() => {
            State::Failed { effect: get.effect_kind, status: get.status }
        }
        (State::Loading { sent, blob_ref }, Event::Loaded(get)) => {
            if get.receipt.bytes == sent.as_bytes() {
                State::Same { text: sent, blob_ref }
            } else {
                State::Different { sent, got: get.receipt.bytes }
            }
        }
        (other, _) => other, // a receipt that is not awaited changes nothing
    };
}

aos_sdk::reducer!(reduce);

#[cfg(test)]
mod tests {
    use super::*;
    use aos_sdk::testing::{Asked, Cell, Played};
    use aos_sdk::{BlobGetReceipt, BlobPutReceipt};

    fn hash() -> Hash {
        Hash::of(b"echo")
    }

    fn stored(status: &str) -> Event {
        Event::Stored(BlobPutResult {
            intent_hash: Hash::of(b"put"),
            reducer: "demo/Echo@1".into(),
            effect_kind: "blob.put".into(),
            adapter_id: "test".into(),
            status: status.into(),
            requested: BlobPut::of(b"echo".to_vec()),
            receipt: BlobPutReceipt { blob_ref: hash(), size: 4 },
            cost_cents: None,
            signature: vec![],
        })
    }

    fn loaded(status: &str, bytes: &[u8]) -> Event {
        Event::Loaded(BlobGetResult {
            intent_hash: Hash::of(b"get"),
            reducer: "demo/Echo@1".into(),
            effect_kind: "blob.get".into(),
            adapter_id: "test".into(),
            status: status.into(),
            requested: BlobGet { blob_ref: hash() },
            receipt: BlobGetReceipt { blob_ref: hash(), size: 4, bytes: bytes.to_vec() },
            cost_cents: None,
            signature: vec![],
        })
    }

    /// The cell after a start and these events, and what the last step gave out.
    fn play(events: impl IntoIterator<Item = Event>) -> (State, Played) {
        let mut cell = Cell::new(reduce);
        let mut played = cell.play(Event::Start { text: "echo".into() });
        for event in events {
            played = cell.play(event);
        }
        (cell.state(), played)
    }

    #[test]
    fn a_start_stores_the_text() {
        let (state, played) = play([]);
        assert_eq!(played.effect(), Some(Asked::new(BlobPut::of(b"echo".to_vec()))));
        assert_eq!(state, State::Storing { sent: "echo".into() });
    }

    #[test]
    fn what_was_stored_is_loaded_again() {
        let (state, played) = play([stored("ok")]);
        assert_eq!(played.effect(), Some(Asked::new(BlobGet { blob_ref: hash() })));
        assert_eq!(state, State::Loading { sent: "echo".into(), blob_ref: hash() });
    }

    #[test]
    fn equal_bytes_are_the_same_and_others_are_not() {
        let (state, _) = play([stored("ok"), loaded("ok", b"echo")]);
        assert_eq!(state, State::Same { text: "echo".into(), blob_ref: hash() });
        let (state, _) = play([stored("ok"), loaded("ok", b"Echo")]);
        assert_eq!(state, State::Different { sent: "echo".into(), got: b"Echo".to_vec() });
    }

    #[test]
    fn a_failure_says_of_which_effect_and_asks_for_nothing_more() {
        let (state, played) = play([stored("error")]);
        assert_eq!(played.effect::<BlobGet>(), None);
        assert_eq!(state, State::Failed { effect: "blob.put".into(), status: "error".into() });
        let (state, _) = play([stored("ok"), loaded("timeout", b"")]);
        assert_eq!(state, State::Failed { effect: "blob.get".into(), status: "timeout".into() });
    }

    #[test]
    fn it_starts_again_only_when_nothing_is_awaited() {
        let again = || Event::Start { text: "again".into() };
        let storing = State::Storing { sent: "again".into() };
        assert_eq!(play([again()]).0, State::Storing { sent: "echo".into() });
        assert_eq!(play([stored("error"), again()]).0, storing);
        assert_eq!(play([stored("ok"), loaded("ok", b"echo"), again()]).0, storing);
    }

    #[test]
    fn a_receipt_that_is_not_awaited_changes_nothing() {
        assert_eq!(play([loaded("ok", b"echo")]).0, State::Storing { sent: "echo".into() });
        let (state, played) = play([stored("ok"), stored("ok")]);
        assert_eq!(state, State::Loading { sent: "echo".into(), blob_ref: hash() });
        assert_eq!(played.effect::<BlobGet>(), None);
    }
}
