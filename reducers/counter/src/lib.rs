//! Counts ticks up to a target.
//!
//! The state is a *typestate*: each stage has only the fields that mean something in it, so a
//! counter without a target, or one that is done but short of it, cannot be written down.

use aos_sdk::{Step, Value};

/// `demo/CounterState@1`
#[derive(Debug, Default, Clone, PartialEq, Value)]
pub enum State {
    #[default]
    Idle,
    Counting {
        count: u64,
        target: u64,
    },
    Done {
        target: u64,
    },
}

/// `demo/CounterEvent@1`
#[derive(Debug, Clone, PartialEq, Value)]
pub enum Event {
    Start { target: u64 },
    Tick,
}

pub fn reduce(state: &mut State, event: Event, _step: &mut Step) {
    match (&*state, event) {
        (State::Idle, Event::Start { target }) => *state = at(0, target),
        (&State::Counting { count, target }, Event::Tick) => *state = at(count + 1, target),
        _ => {} // a tick before the start or after the end, a second start: nothing changes
    }
}

aos_sdk::reducer!(reduce);

/// The stage in which `count` of `target` ticks have come.
fn at(count: u64, target: u64) -> State {
    if count < target { State::Counting { count, target } } else { State::Done { target } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aos_sdk::testing::Cell;

    fn play(events: impl IntoIterator<Item = Event>) -> Cell<State, Event> {
        let mut cell = Cell::new(reduce);
        for event in events {
            cell.play(event);
        }
        cell
    }

    fn start(target: u64) -> Event {
        Event::Start { target }
    }

    #[test]
    fn it_counts_and_is_done_at_its_target() {
        assert_eq!(play([start(2)]).state(), State::Counting { count: 0, target: 2 });
        assert_eq!(play([start(2), Event::Tick]).state(), State::Counting { count: 1, target: 2 });
        assert_eq!(play([start(2), Event::Tick, Event::Tick]).state(), State::Done { target: 2 });
    }

    #[test]
    fn a_target_of_zero_is_reached_at_once() {
        assert_eq!(play([start(0)]).state(), State::Done { target: 0 });
    }

    #[test]
    fn a_tick_before_the_start_does_not_count() {
        assert_eq!(play([Event::Tick]).state(), State::Idle);
        assert_eq!(play([Event::Tick, start(2)]).state(), State::Counting { count: 0, target: 2 });
    }

    #[test]
    fn what_is_done_stays_done_byte_for_byte() {
        let done = play([start(1), Event::Tick]);
        let more = play([start(1), Event::Tick, Event::Tick, start(9)]);
        assert_eq!(done.state_bytes(), more.state_bytes());
    }

    #[test]
    fn a_second_start_does_not_begin_anew() {
        let cell = play([start(3), Event::Tick, start(9)]);
        assert_eq!(cell.state(), State::Counting { count: 1, target: 3 });
    }
}
