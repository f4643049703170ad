//! Remembers which pages were asked for and what came of each.
//!
//! The reducer fetches nothing itself. It raises an event, which starts a plan; the plan makes the
//! request, waits, judges the answer and raises the outcome, which comes back here as an event.

mod schema;

use aos_sdk::Step;
use schema::{Event, Fetch, Outcome, Page, Requested, State};

const REQUESTED: &str = "demo/FetchRequested@1";

pub fn reduce(state: &mut State, event: Event, step: &mut Step) {
    match event {
        Event::Fetch(fetch) => ask(state, fetch, step),
        Event::Done(done) => {
            let outcome = Outcome::Done { status: done.status, preview: done.preview };
            settle(state, done.fetch_id, outcome);
        }
        Event::Failed(failed) => {
            let (receipt_status, status) = (failed.receipt_status, failed.status);
            settle(state, failed.fetch_id, Outcome::Failed { receipt_status, status });
        }
    }
}

aos_sdk::reducer!(reduce);

fn ask(state: &mut State, fetch: Fetch, step: &mut Step) {
    state.asked += 1;
    step.raise(REQUESTED, &Requested { fetch_id: state.asked, url: fetch.url.clone() });
    state.pages.insert(state.asked, Page { url: fetch.url, outcome: Outcome::Waiting });
}

/// The first outcome counts. One that nobody waits for, or waits for no longer, changes nothing.
fn settle(state: &mut State, fetch_id: u64, outcome: Outcome) {
    match state.pages.get_mut(&fetch_id) {
        Some(page) if page.outcome == Outcome::Waiting => page.outcome = outcome,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aos_sdk::testing::Cell;
    use schema::{Done, Failed};

    fn fetch(url: &str) -> Event {
        Event::Fetch(Fetch { url: url.into() })
    }

    fn done(fetch_id: u64, status: i64) -> Event {
        Event::Done(Done { fetch_id, status, preview: format!("page {fetch_id}") })
    }

    fn failed(fetch_id: u64) -> Event {
        Event::Failed(Failed { fetch_id, receipt_status: "timeout".into(), status: 0 })
    }

    fn play(events: impl IntoIterator<Item = Event>) -> State {
        let mut cell = Cell::new(reduce);
        for event in events {
            cell.play(event);
        }
        cell.state()
    }

    #[test]
    fn a_fetch_asks_for_its_page_and_waits() {
        let mut cell = Cell::new(reduce);
        cell.play(fetch("https://example.com/a"));
        let played = cell.play(fetch("https://example.com/b"));
        let wanted = Requested { fetch_id: 2, url: "https://example.com/b".into() };
        assert_eq!(played.events::<Requested>(REQUESTED), [wanted]);
        let state = cell.state();
        assert_eq!((state.asked, state.pages.len()), (2, 2));
        assert_eq!(state.pages[&2].outcome, Outcome::Waiting);
    }

    #[test]
    fn an_answer_is_kept_at_its_page_and_nothing_else_is_asked() {
        let mut cell = Cell::new(reduce);
        cell.play(fetch("a"));
        cell.play(fetch("b"));
        assert_eq!(cell.play(done(1, 200)).raised(), []);
        let pages = cell.state().pages;
        assert_eq!(pages[&1].outcome, Outcome::Done { status: 200, preview: "page 1".into() });
        assert_eq!(pages[&2].outcome, Outcome::Waiting);
    }

    #[test]
    fn a_failure_says_how_the_request_ended() {
        let outcome = Outcome::Failed { receipt_status: "timeout".into(), status: 0 };
        assert_eq!(play([fetch("a"), failed(1)]).pages[&1].outcome, outcome);
    }

    #[test]
    fn the_end_does_not_depend_on_the_order_of_the_answers() {
        let forth = play([fetch("a"), fetch("b"), done(1, 200), failed(2)]);
        let back = play([fetch("a"), fetch("b"), failed(2), done(1, 200)]);
        assert_eq!(forth, back);
    }

    #[test]
    fn a_second_or_an_unknown_outcome_changes_nothing() {
        let once = play([fetch("a"), done(1, 200)]);
        assert_eq!(play([fetch("a"), done(1, 200), failed(1), done(9, 200)]), once);
        assert_eq!(play([done(1, 200)]), State::default());
    }
}
