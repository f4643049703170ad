//! Remembers which services were checked and what came of it.
//!
//! How a service is checked is the plan's business. Both versions of the world use this reducer:
//! they agree on the event that asks and on the event that answers, so one plan can take the place
//! of the other while checks are running.

mod schema;

use aos_sdk::Step;
use schema::{Check, Ended, Event, Outcome, Requested, Run, State};

const REQUESTED: &str = "demo/CheckRequested@1";

pub fn reduce(state: &mut State, event: Event, step: &mut Step) {
    match event {
        Event::Check(check) => ask(state, check, step),
        Event::Ended(ended) => settle(state, ended),
    }
}

aos_sdk::reducer!(reduce);

fn ask(state: &mut State, check: Check, step: &mut Step) {
    state.asked += 1;
    step.raise(REQUESTED, &Requested { check_id: state.asked, service: check.service.clone() });
    let run = Run { service: check.service, outcome: Outcome::Running };
    state.checks.insert(state.asked, run);
}

/// The first answer counts. One that nobody waits for, or waits for no longer, changes nothing.
fn settle(state: &mut State, Ended { check_id, up, source }: Ended) {
    match state.checks.get_mut(&check_id) {
        Some(run) if run.outcome == Outcome::Running => {
            run.outcome = if up { Outcome::Up { source } } else { Outcome::Down { source } };
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aos_sdk::testing::Cell;

    fn check(service: &str) -> Event {
        Event::Check(Check { service: service.into() })
    }

    fn ended(check_id: u64, up: bool, source: &str) -> Event {
        Event::Ended(Ended { check_id, up, source: source.into() })
    }

    fn play(events: impl IntoIterator<Item = Event>) -> State {
        let mut cell = Cell::new(reduce);
        for event in events {
            cell.play(event);
        }
        cell.state()
    }

    #[test]
    fn a_check_is_numbered_and_asked_for() {
        let mut cell = Cell::new(reduce);
        cell.play(check("shop"));
        let asked = cell.play(check("mail")).events::<Requested>(REQUESTED);
        assert_eq!(asked, [Requested { check_id: 2, service: "mail".into() }]);
        assert_eq!(cell.state().checks[&2].outcome, Outcome::Running);
    }

    #[test]
    fn an_answer_says_up_or_down_and_who_said_so() {
        let state = play([
            check("shop"),
            check("mail"),
            ended(2, false, "primary"),
            ended(1, true, "mirror"),
        ]);
        assert_eq!(state.checks[&1].outcome, Outcome::Up { source: "mirror".into() });
        assert_eq!(state.checks[&2].outcome, Outcome::Down { source: "primary".into() });
    }

    #[test]
    fn a_second_or_an_unknown_answer_changes_nothing() {
        let once = play([check("shop"), ended(1, true, "primary")]);
        let again = [
            check("shop"),
            ended(1, true, "primary"),
            ended(1, false, "mirror"),
            ended(9, true, "primary"),
        ];
        assert_eq!(play(again), once);
    }
}
