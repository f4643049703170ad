//! Says hello after a while.
//!
//! A reducer has no clock and cannot wait. It asks for the effect `timer.set`, its step ends, and
//! when the timer has fired the receipt comes back to it as one more event.

use aos_sdk::{Step, TimerFired, TimerSet, Value};

/// `demo/HelloState@1`
#[derive(Debug, Default, Clone, PartialEq, Value)]
pub enum State {
    #[default]
    Idle,
    Waiting {
        name: String,
        due_ns: u64,
    },
    Greeted {
        greeting: String,
        at_ns: u64,
    },
    /// The timer came to nothing; `status` is its receipt's.
    Failed {
        status: String,
    },
}

/// `demo/HelloEvent@1`
#[derive(Debug, Clone, PartialEq, Value)]
pub enum Event {
    Start { name: String, after_ns: u64 },
    Fired(TimerFired),
}

pub fn reduce(state: &mut State, event: Event, step: &mut Step) {
    match (&*state, event) {
        (State::Idle, Event::Start { name, after_ns }) => {
            let due_ns = step.context().logical_now_ns.saturating_add(after_ns);
            step.ask(&TimerSet::at(due_ns));
            *state = State::Waiting { name, due_ns };
        }
        (State::Waiting { name, .. }, Event::Fired(timer)) if timer.is_ok() => {
            let greeting = format!("Hello, {name}!");
            *state = State::Greeted { greeting, at_ns: timer.receipt.delivered_at_ns };
        }
        (State::Waiting { .. }, Event::Fired(timer)) => {
            *state = State::Failed { status: timer.status };
        }
        _ => {} // a second start: it greets once
    }
}

aos_sdk::reducer!(reduce);

#[cfg(test)]
mod tests {
    use super::*;
    use aos_sdk::testing::{Asked, Cell};
    use aos_sdk::{Context, Hash, TimerSetReceipt};

    const NOW_NS: u64 = 40;

    fn cell() -> Cell<State, Event> {
        let mut cell = Cell::new(reduce);
        cell.set_context(Context { logical_now_ns: NOW_NS, ..Context::default() });
        cell
    }

    fn start(name: &str, after_ns: u64) -> Event {
        Event::Start { name: name.into(), after_ns }
    }

    fn fired(status: &str, at_ns: u64) -> Event {
        Event::Fired(TimerFired {
            intent_hash: Hash::of(b"timer"),
            reducer: "demo/Hello@1".into(),
            effect_kind: "timer.set".into(),
            adapter_id: "test".into(),
            status: status.into(),
            requested: TimerSet::at(at_ns),
            receipt: TimerSetReceipt { delivered_at_ns: at_ns, key: None },
            cost_cents: None,
            signature: vec![],
        })
    }

    #[test]
    fn a_start_asks_for_a_timer_from_now_on() {
        let mut cell = cell();
        let asked = cell.play(start("Ada", 5)).effect::<TimerSet>();
        assert_eq!(asked, Some(Asked::new(TimerSet::at(45))));
        assert_eq!(cell.state(), State::Waiting { name: "Ada".into(), due_ns: 45 });
    }

    #[test]
    fn the_greeting_is_said_when_the_timer_has_fired() {
        let mut cell = cell();
        cell.play(start("Ada", 5));
        assert_eq!(cell.play(fired("ok", 45)).effect::<TimerSet>(), None);
        assert_eq!(cell.state(), State::Greeted { greeting: "Hello, Ada!".into(), at_ns: 45 });
    }

    #[test]
    fn a_timer_that_does_not_fire_is_a_failure() {
        let mut cell = cell();
        cell.play(start("Ada", 5));
        cell.play(fired("timeout", 0));
        assert_eq!(cell.state(), State::Failed { status: "timeout".into() });
    }

    #[test]
    fn a_second_start_asks_for_nothing_and_changes_nothing() {
        let mut cell = cell();
        cell.play(start("Ada", 5));
        let before = cell.state();
        assert_eq!(cell.play(start("Bob", 1)).effect::<TimerSet>(), None);
        assert_eq!(cell.state(), before);
    }

    #[test]
    fn a_timer_that_nobody_waits_for_changes_nothing() {
        let mut cell = cell();
        cell.play(fired("ok", 45));
        assert_eq!(cell.state(), State::Idle);
    }
}
