//! Fetches a page, and tries again after delays that double, until it has it or gives up.
//!
//! The reducer decides, others do: a plan makes the HTTP request of each attempt, a timer keeps
//! each delay. Both come back as events, so between them the world may rest for as long as it likes.

use aos_sdk::{Step, TimerFired, TimerSet, Value};

const REQUESTED: &str = "demo/FetchRequested@1";

/// `demo/RetryState@1`
#[derive(Debug, Default, Clone, PartialEq, Value)]
pub struct State {
    pub pc: Pc,
    pub url: String,
    pub max_attempts: u64,
    pub first_delay_ns: u64,
    /// The attempt that runs or ran last, from 1.
    pub attempt: u64,
    /// The delays after each failed attempt, in order.
    pub delays_ns: Vec<u64>,
    /// What each attempt came to, in order.
    pub outcomes: Vec<String>,
    pub body: Option<String>,
}

/// `demo/RetryPc@1`
#[derive(Debug, Default, Clone, Copy, PartialEq, Value)]
pub enum Pc {
    #[default]
    Idle,
    Trying,
    Waiting,
    Done,
    GaveUp,
}

/// `demo/RetryEvent@1`
#[derive(Debug, Clone, PartialEq, Value)]
pub enum Event {
    Start(Start),
    Answered(Answered),
    Fired(TimerFired),
}

/// `demo/RetryStart@1`
#[derive(Debug, Clone, PartialEq, Value)]
pub struct Start {
    pub url: String,
    pub max_attempts: u64,
    pub first_delay_ns: u64,
}

/// `demo/FetchRequested@1`, which starts the plan.
#[derive(Debug, Clone, PartialEq, Value)]
pub struct Requested {
    pub attempt: u64,
    pub url: String,
}

/// `demo/FetchAnswered@1`, which the plan raises. Without an HTTP answer `status` is `None`.
#[derive(Debug, Clone, PartialEq, Value)]
pub struct Answered {
    pub attempt: u64,
    /// Of the receipt: `ok`, `error` or `timeout`.
    pub receipt: String,
    pub status: Option<i64>,
    pub body: String,
}

pub fn reduce(state: &mut State, event: Event, step: &mut Step) {
    match (state.pc, event) {
        (Pc::Idle | Pc::Done | Pc::GaveUp, Event::Start(start)) => begin(state, start, step),
        (Pc::Trying, Event::Answered(answer)) if answer.attempt == state.attempt => {
            judge(state, answer, step);
        }
        // However the timer ended, the wait is over.
        (Pc::Waiting, Event::Fired(_)) => attempt(state, step),
        _ => {} // a start while it is busy, an answer to another attempt
    }
}

aos_sdk::reducer!(reduce);

fn begin(state: &mut State, start: Start, step: &mut Step) {
    let Start { url, max_attempts, first_delay_ns } = start;
    *state = State { url, max_attempts, first_delay_ns, ..State::default() };
    attempt(state, step);
}

fn attempt(state: &mut State, step: &mut Step) {
    state.pc = Pc::Trying;
    state.attempt += 1;
    step.raise(REQUESTED, &Requested { attempt: state.attempt, url: state.url.clone() });
}

fn judge(state: &mut State, answer: Answered, step: &mut Step) {
    state.outcomes.push(match answer.status {
        Some(status) => status.to_string(),
        None => answer.receipt,
    });
    if answer.status.is_some_and(|status| (200..300).contains(&status)) {
        state.pc = Pc::Done;
        state.body = Some(answer.body);
    } else if state.attempt >= state.max_attempts {
        state.pc = Pc::GaveUp;
    } else {
        wait(state, step);
    }
}

fn wait(state: &mut State, step: &mut Step) {
    let delay_ns = match state.delays_ns.last() {
        Some(last) => last.saturating_mul(2),
        None => state.first_delay_ns,
    };
    state.pc = Pc::Waiting;
    state.delays_ns.push(delay_ns);
    step.ask(&TimerSet::at(step.context().logical_now_ns.saturating_add(delay_ns)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use aos_sdk::testing::{Asked, Cell, Played};
    use aos_sdk::{Context, Hash, TimerSetReceipt};

    const URL: &str = "https://example.com/api/page";

    fn start(max_attempts: u64) -> Event {
        Event::Start(Start { url: URL.into(), max_attempts, first_delay_ns: 100 })
    }

    fn answered(attempt: u64, status: i64) -> Event {
        let (receipt, body) = ("ok".into(), format!("body {attempt}"));
        Event::Answered(Answered { attempt, receipt, status: Some(status), body })
    }

    fn lost(attempt: u64, receipt: &str) -> Event {
        let receipt = receipt.into();
        Event::Answered(Answered { attempt, receipt, status: None, body: String::new() })
    }

    fn fired(status: &str) -> Event {
        Event::Fired(TimerFired {
            intent_hash: Hash::of(b"timer"),
            reducer: "demo/Retry@1".into(),
            effect_kind: "timer.set".into(),
            adapter_id: "test".into(),
            status: status.into(),
            requested: TimerSet::at(0),
            receipt: TimerSetReceipt { delivered_at_ns: 0, key: None },
            cost_cents: None,
            signature: vec![],
        })
    }

    /// The state after these events, and what the last step gave out.
    fn play(events: impl IntoIterator<Item = Event>) -> (State, Played) {
        let mut cell = Cell::new(reduce);
        cell.set_context(Context { logical_now_ns: 1_000, ..Context::default() });
        let played: Vec<Played> = events.into_iter().map(|event| cell.play(event)).collect();
        (cell.state(), played.into_iter().last().expect("at least one event"))
    }

    fn attempts(played: &Played) -> Vec<u64> {
        let raised = played.events::<Requested>(REQUESTED);
        raised.into_iter().map(|requested| requested.attempt).collect()
    }

    #[test]
    fn a_start_asks_the_plan_for_the_first_attempt() {
        let (state, played) = play([start(3)]);
        let requested = Requested { attempt: 1, url: URL.into() };
        assert_eq!(played.events::<Requested>(REQUESTED), [requested]);
        assert_eq!((state.pc, state.attempt), (Pc::Trying, 1));
    }

    #[test]
    fn a_good_answer_is_the_end() {
        let (state, played) = play([start(3), answered(1, 204)]);
        assert_eq!((state.pc, state.body), (Pc::Done, Some("body 1".into())));
        assert_eq!(played.effect::<TimerSet>(), None);
    }

    #[test]
    fn after_a_bad_answer_it_waits_and_then_tries_again() {
        let (state, played) = play([start(3), answered(1, 503)]);
        assert_eq!(state.pc, Pc::Waiting);
        assert_eq!(played.effect(), Some(Asked::new(TimerSet::at(1_100))));
        let (state, played) = play([start(3), answered(1, 503), fired("ok")]);
        assert_eq!((state.pc, attempts(&played)), (Pc::Trying, vec![2]));
    }

    #[test]
    fn the_delays_double() {
        let (ok, bad) = (|| fired("ok"), |n| answered(n, 500));
        let (state, played) = play([start(9), bad(1), ok(), bad(2), ok(), bad(3), ok(), bad(4)]);
        assert_eq!(state.delays_ns, [100, 200, 400, 800]);
        assert_eq!(played.effect(), Some(Asked::new(TimerSet::at(1_800))));
    }

    #[test]
    fn it_gives_up_after_the_last_attempt() {
        let (state, played) = play([start(2), answered(1, 500), fired("ok"), answered(2, 502)]);
        assert_eq!((state.pc, state.attempt, state.body), (Pc::GaveUp, 2, None));
        assert_eq!(state.outcomes, ["500", "502"]);
        assert_eq!(played.effect::<TimerSet>(), None);
    }

    #[test]
    fn no_answer_at_all_is_a_failure_like_others() {
        let (state, _) = play([start(3), lost(1, "timeout"), fired("ok"), lost(2, "error")]);
        assert_eq!(state.pc, Pc::Waiting);
        assert_eq!(state.outcomes, ["timeout", "error"]);
    }

    #[test]
    fn a_timer_that_fails_ends_the_wait_too() {
        let (state, played) = play([start(3), answered(1, 503), fired("error")]);
        assert_eq!((state.pc, attempts(&played)), (Pc::Trying, vec![2]));
    }

    #[test]
    fn what_is_not_expected_changes_nothing() {
        let busy = play([start(3), answered(1, 503), fired("ok")]).0;
        let events = [start(3), answered(1, 503), fired("ok"), answered(1, 200), fired("ok")];
        assert_eq!(play(events).0, busy);
        assert_eq!(play([start(3), start(7)]).0, play([start(3)]).0);
        assert_eq!(play([fired("ok")]).0, State::default());
    }

    #[test]
    fn a_finished_one_may_start_again_from_the_first_attempt() {
        let (state, played) = play([start(1), answered(1, 500), start(1)]);
        assert_eq!(attempts(&played), [1]);
        assert_eq!(state, play([start(1)]).0);
    }
}
