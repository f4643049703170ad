//! Asks three places at once and keeps what they said, request by request.
//!
//! The reducer makes no request itself: it raises an event, which starts a plan, which calls,
//! waits, and raises the completion. Several requests may run at the same time, and their answers
//! may come in any order: the end state depends on neither.

mod schema;

use aos_sdk::Step;
use schema::{Aggregate, Complete, Event, Pc, Pending, Requested, Start, State};

const REQUESTED: &str = "demo/AggregateRequested@1";
const HANDLES: [&str; 3] = ["fetch_a", "fetch_b", "fetch_c"];

pub fn reduce(state: &mut State, event: Event, step: &mut Step) {
    match event {
        Event::Start(start) => begin(state, start, step),
        Event::Complete(complete) => finish(state, complete),
    }
}

aos_sdk::reducer!(reduce);

fn begin(state: &mut State, start: Start, step: &mut Step) {
    state.requests += 1;
    state.pc = Pc::Running;
    let pending =
        Pending { topic: start.topic.clone(), handles: HANDLES.map(String::from).to_vec() };
    state.pending.insert(state.requests, pending);
    let requested = Requested {
        request_id: state.requests,
        topic: start.topic,
        primary: start.primary,
        secondary: start.secondary,
        tertiary: start.tertiary,
    };
    step.raise(REQUESTED, &requested).key(&state.requests.to_be_bytes());
}

fn finish(state: &mut State, complete: Complete) {
    // A completion that nobody waits for, or waits for no longer, changes nothing.
    if state.pending.remove(&complete.request_id).is_none() {
        return;
    }
    let targets = [complete.primary, complete.secondary, complete.tertiary];
    let aggregate = Aggregate {
        topic: complete.topic,
        statuses: targets.iter().map(|target| target.status).collect(),
        previews: targets.map(|target| target.body_preview).to_vec(),
    };
    if state.last_request_id < Some(complete.request_id) {
        state.last_request_id = Some(complete.request_id);
        state.last_statuses.clone_from(&aggregate.statuses);
        state.last_previews.clone_from(&aggregate.previews);
    }
    state.results.insert(complete.request_id, aggregate);
    if state.pending.is_empty() {
        state.pc = Pc::Done;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aos_sdk::testing::Cell;
    use schema::{Target, TargetResult};

    fn target(name: &str) -> Target {
        Target {
            name: name.into(),
            url: format!("https://example.com/api/{name}"),
            method: "GET".into(),
        }
    }

    fn start(topic: &str) -> Event {
        Event::Start(Start {
            topic: topic.into(),
            primary: target("a"),
            secondary: target("b"),
            tertiary: target("c"),
        })
    }

    fn complete(request_id: u64, statuses: [i64; 3]) -> Event {
        let result = |name: &str, status: i64| TargetResult {
            name: name.into(),
            status,
            body_preview: format!("{name} of {request_id}"),
        };
        Event::Complete(Complete {
            request_id,
            topic: format!("topic {request_id}"),
            primary: result("a", statuses[0]),
            secondary: result("b", statuses[1]),
            tertiary: result("c", statuses[2]),
        })
    }

    fn play(events: impl IntoIterator<Item = Event>) -> State {
        let mut cell = Cell::new(reduce);
        for event in events {
            cell.play(event);
        }
        cell.state()
    }

    #[test]
    fn a_start_asks_for_one_request_keyed_by_its_id() {
        let mut cell = Cell::new(reduce);
        let played = cell.play(start("x"));
        let state = cell.state();
        assert_eq!((state.pc, state.requests), (Pc::Running, 1));
        assert_eq!(state.pending[&1].topic, "x");
        assert_eq!(state.pending[&1].handles, ["fetch_a", "fetch_b", "fetch_c"]);
        assert_eq!(played.raised(), [("demo/AggregateRequested@1", Some(&1u64.to_be_bytes()[..]))]);
        let [requested] = &played.events::<Requested>(REQUESTED)[..] else {
            panic!("one event is expected")
        };
        assert_eq!((requested.request_id, &requested.topic[..]), (1, "x"));
        let targets = [&requested.primary, &requested.secondary, &requested.tertiary];
        assert_eq!(targets, ["a", "b", "c"].map(target).each_ref());
    }

    #[test]
    fn a_completion_keeps_statuses_and_previews_and_is_done() {
        let state = play([start("topic 1"), complete(1, [202, 200, 201])]);
        assert_eq!(state.pc, Pc::Done);
        assert!(state.pending.is_empty());
        assert_eq!(state.results[&1].topic, "topic 1");
        assert_eq!(state.results[&1].statuses, [202, 200, 201]);
        assert_eq!(state.results[&1].previews, ["a of 1", "b of 1", "c of 1"]);
        assert_eq!(state.last_request_id, Some(1));
        assert_eq!(state.last_statuses, [202, 200, 201]);
        assert_eq!(state.last_previews, ["a of 1", "b of 1", "c of 1"]);
    }

    #[test]
    fn a_completion_raises_nothing() {
        let mut cell = Cell::new(reduce);
        cell.play(start("x"));
        assert_eq!(cell.play(complete(1, [1, 2, 3])).raised(), []);
    }

    #[test]
    fn a_failed_answer_is_kept_like_any_other() {
        let state = play([start("x"), complete(1, [202, 500, 201])]);
        assert_eq!((state.pc, &state.last_statuses[..]), (Pc::Done, &[202, 500, 201][..]));
    }

    #[test]
    fn it_runs_while_any_request_is_pending() {
        let state = play([start("x"), start("y"), complete(2, [1, 2, 3])]);
        assert_eq!(state.pc, Pc::Running);
        assert_eq!(state.pending.keys().collect::<Vec<_>>(), [&1]);
    }

    #[test]
    fn the_end_state_does_not_depend_on_the_order_of_completions() {
        let (first, second) = (complete(1, [1, 2, 3]), complete(2, [4, 5, 6]));
        let forth = play([start("x"), start("y"), first.clone(), second.clone()]);
        let back = play([start("x"), start("y"), second, first]);
        assert_eq!(forth, back);
        assert_eq!(forth.last_request_id, Some(2));
        assert_eq!(forth.last_statuses, [4, 5, 6]);
    }

    #[test]
    fn a_repeated_or_unknown_completion_changes_nothing() {
        let before = play([start("x"), complete(1, [1, 2, 3])]);
        let after = play([start("x"), complete(1, [1, 2, 3]), complete(1, [7, 8, 9])]);
        assert_eq!(before, after);
        assert_eq!(play([complete(9, [1, 2, 3])]), State::default());
    }
}
