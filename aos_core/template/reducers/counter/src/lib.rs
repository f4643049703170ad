//! Counts ticks up to a goal. What is not expected now changes nothing.

use aos_sdk::{Step, Value};

/// `demo/CounterStart@1`
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Start {
    pub goal: u64,
}

/// `demo/CounterEvent@1`
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub enum Event {
    Start(Start),
    Tick,
}

/// `demo/CounterPc@1`
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Value)]
pub enum Pc {
    #[default]
    Idle,
    Counting,
    Done,
}

/// `demo/CounterState@1`
#[derive(Debug, Default, Clone, PartialEq, Eq, Value)]
pub struct State {
    pub pc: Pc,
    pub count: u64,
    pub goal: u64,
}

pub fn reduce(state: &mut State, event: Event, _step: &mut Step) {
    match (state.pc, event) {
        (Pc::Idle | Pc::Done, Event::Start(Start { goal })) => {
            let pc = if goal == 0 { Pc::Done } else { Pc::Counting };
            *state = State { pc, count: 0, goal };
        }
        (Pc::Counting, Event::Tick) => {
            state.count += 1;
            if state.count == state.goal {
                state.pc = Pc::Done;
            }
        }
        _ => {}
    }
}

aos_sdk::reducer!(reduce);

#[cfg(test)]
mod tests {
    use super::*;

    fn play(events: impl IntoIterator<Item = Event>) -> State {
        let mut state = State::default();
        for event in events {
            reduce(&mut state, event, &mut Step::default());
        }
        state
    }

    fn start(goal: u64) -> Event {
        Event::Start(Start { goal })
    }

    #[test]
    fn ticks_count_until_the_goal() {
        let state = play([start(2), Event::Tick]);
        assert_eq!(state, State { pc: Pc::Counting, count: 1, goal: 2 });
        assert_eq!(play([start(2), Event::Tick, Event::Tick]).pc, Pc::Done);
    }

    #[test]
    fn a_tick_before_the_start_and_after_the_goal_changes_nothing() {
        assert_eq!(play([Event::Tick]), State::default());
        assert_eq!(play([start(1), Event::Tick, Event::Tick]).count, 1);
        assert_eq!(play([start(0)]).pc, Pc::Done);
    }

    #[test]
    fn a_start_while_it_counts_changes_nothing() {
        assert_eq!(play([start(2), Event::Tick, start(9)]).goal, 2);
    }
}
