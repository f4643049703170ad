//! Seats of a theatre: one cell each, which is there only while the seat is taken.
//!
//! The reducer sees one seat and knows no other. The host finds the cell by the event's key,
//! creates it with its first event, and deletes it when its state is `None`.

use aos_sdk::{Step, TimerFired, TimerSet, Value};

/// `demo/SeatId@1`, the key of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct SeatId(String);

/// `demo/SeatState@1`
#[derive(Debug, Clone, PartialEq, Value)]
pub struct Seat {
    pub guest: String,
    pub stage: Stage,
}

/// `demo/SeatStage@1`
#[derive(Debug, Clone, PartialEq, Value)]
pub enum Stage {
    /// Kept for its guest until then, on the logical clock.
    Held {
        until_ns: u64,
    },
    Sold,
}

/// `demo/SeatEvent@1`. Every member but the timer's receipt names its seat.
#[derive(Debug, Clone, PartialEq, Value)]
pub enum Event {
    Hold { seat: SeatId, guest: String, for_ns: u64 },
    Buy { seat: SeatId, guest: String },
    Cancel { seat: SeatId },
    Fired(TimerFired),
}

pub fn reduce(seat: &mut Option<Seat>, event: Event, step: &mut Step) {
    match (&mut *seat, event) {
        (None, Event::Hold { seat: id, guest, for_ns }) => {
            let until_ns = step.context().logical_now_ns.saturating_add(for_ns);
            step.ask(&TimerSet { deliver_at_ns: until_ns, key: Some(id.0) });
            *seat = Some(Seat { guest, stage: Stage::Held { until_ns } });
        }
        (Some(held), Event::Buy { guest, .. }) if held.guest == guest => held.stage = Stage::Sold,
        (Some(_), Event::Cancel { .. }) => *seat = None,
        (Some(held), Event::Fired(timer)) if is_over(&held.stage, &timer) => *seat = None,
        _ => {} // taken by somebody else, not held at all, or the timer of an earlier hold
    }
}

aos_sdk::reducer!(reduce);

/// Whether this timer ends the hold: a seat that was cancelled and held anew has another one, and
/// the first still fires. A timer that failed ends it too, or the seat would be held for ever.
fn is_over(stage: &Stage, timer: &TimerFired) -> bool {
    matches!(stage, Stage::Held { until_ns } if *until_ns == timer.requested.deliver_at_ns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aos_sdk::testing::{Asked, Cell};
    use aos_sdk::{Context, Hash, TimerSetReceipt};

    fn id() -> SeatId {
        SeatId("A1".into())
    }

    fn cell() -> Cell<Option<Seat>, Event> {
        let mut cell = Cell::new(reduce).keyed(&id());
        at(&mut cell, 1_000);
        cell
    }

    fn at(cell: &mut Cell<Option<Seat>, Event>, logical_now_ns: u64) {
        cell.set_context(Context { logical_now_ns, ..Context::default() });
    }

    fn hold(guest: &str) -> Event {
        Event::Hold { seat: id(), guest: guest.into(), for_ns: 500 }
    }

    fn buy(guest: &str) -> Event {
        Event::Buy { seat: id(), guest: guest.into() }
    }

    fn cancel() -> Event {
        Event::Cancel { seat: id() }
    }

    fn fired(status: &str, due_ns: u64) -> Event {
        Event::Fired(TimerFired {
            intent_hash: Hash::of(b"timer"),
            reducer: "demo/Seat@1".into(),
            effect_kind: "timer.set".into(),
            adapter_id: "test".into(),
            status: status.into(),
            requested: TimerSet { deliver_at_ns: due_ns, key: Some("A1".into()) },
            receipt: TimerSetReceipt { delivered_at_ns: due_ns, key: Some("A1".into()) },
            cost_cents: None,
            signature: vec![],
        })
    }

    fn held(guest: &str, until_ns: u64) -> Option<Seat> {
        Some(Seat { guest: guest.into(), stage: Stage::Held { until_ns } })
    }

    fn sold(guest: &str) -> Option<Seat> {
        Some(Seat { guest: guest.into(), stage: Stage::Sold })
    }

    #[test]
    fn a_hold_takes_a_free_seat_and_sets_its_timer() {
        let mut cell = cell();
        let timer = TimerSet { deliver_at_ns: 1_500, key: Some("A1".into()) };
        assert_eq!(cell.play(hold("ann")).effect(), Some(Asked::new(timer)));
        assert_eq!(cell.state(), held("ann", 1_500));
    }

    #[test]
    fn a_taken_seat_is_not_given_away() {
        let mut cell = cell();
        cell.play(hold("ann"));
        assert_eq!(cell.play(hold("bob")).effect::<TimerSet>(), None);
        cell.play(buy("bob"));
        assert_eq!(cell.state(), held("ann", 1_500));
    }

    #[test]
    fn a_hold_that_is_over_leaves_no_cell_however_the_timer_ended() {
        for status in ["ok", "error", "timeout"] {
            let mut cell = cell();
            cell.play(hold("ann"));
            cell.play(fired(status, 1_500));
            assert_eq!(cell.state_bytes(), None, "{status}");
        }
    }

    #[test]
    fn a_sold_seat_stays_sold_when_its_timer_fires() {
        let mut cell = cell();
        cell.play(hold("ann"));
        cell.play(buy("ann"));
        cell.play(fired("ok", 1_500));
        assert_eq!(cell.state(), sold("ann"));
    }

    #[test]
    fn a_cancelled_seat_is_free_whether_held_or_sold() {
        let mut cell = cell();
        cell.play(hold("ann"));
        cell.play(cancel());
        assert_eq!(cell.state_bytes(), None);
        cell.play(hold("bob"));
        cell.play(buy("bob"));
        cell.play(cancel());
        assert_eq!(cell.state_bytes(), None);
    }

    #[test]
    fn the_timer_of_an_earlier_hold_does_not_end_a_later_one() {
        let mut cell = cell();
        cell.play(hold("ann"));
        cell.play(cancel());
        at(&mut cell, 1_200);
        cell.play(hold("bob"));
        cell.play(fired("ok", 1_500));
        assert_eq!(cell.state(), held("bob", 1_700));
        cell.play(fired("ok", 1_700));
        assert_eq!(cell.state_bytes(), None);
    }

    #[test]
    fn what_is_asked_of_a_free_seat_creates_no_cell() {
        for event in [buy("ann"), cancel(), fired("ok", 1_500)] {
            let mut cell = cell();
            cell.play(event);
            assert_eq!(cell.state_bytes(), None);
        }
    }
}
