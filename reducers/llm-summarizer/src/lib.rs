//! Remembers which pages were to be summarised, and what the model said.
//!
//! The reducer sees neither the network, nor the model, nor the key to it: it raises an event, and
//! the plan does the rest under the grants and the policy of the world.

mod schema;

use aos_sdk::Step;
use schema::{Event, Outcome, Requested, State, Summarize, Summary};

const REQUESTED: &str = "demo/SummaryRequested@1";

pub fn reduce(state: &mut State, event: Event, step: &mut Step) {
    match event {
        Event::Summarize(wanted) => ask(state, wanted, step),
        Event::Done(done) => {
            let outcome = Outcome::Done { text: done.text, output_ref: done.output_ref };
            if settle(state, done.summary_id, outcome) {
                state.tokens = state.tokens.saturating_add(done.tokens);
            }
        }
        Event::Failed(failed) => {
            settle(state, failed.summary_id, Outcome::Failed { at: failed.at });
        }
    }
}

aos_sdk::reducer!(reduce);

fn ask(state: &mut State, Summarize { url, max_tokens }: Summarize, step: &mut Step) {
    state.asked += 1;
    step.raise(REQUESTED, &Requested { summary_id: state.asked, url: url.clone(), max_tokens });
    state.summaries.insert(state.asked, Summary { url, outcome: Outcome::Working });
}

/// Whether somebody waited for this outcome; the first one counts, others change nothing.
fn settle(state: &mut State, summary_id: u64, outcome: Outcome) -> bool {
    match state.summaries.get_mut(&summary_id) {
        Some(summary) if summary.outcome == Outcome::Working => {
            summary.outcome = outcome;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aos_sdk::Hash;
    use aos_sdk::testing::Cell;
    use schema::{Done, Failed};

    fn summarize(url: &str) -> Event {
        Event::Summarize(Summarize { url: url.into(), max_tokens: 100 })
    }

    fn done(summary_id: u64, tokens: u64) -> Event {
        let output_ref = Hash::of(b"said");
        Event::Done(Done { summary_id, text: format!("summary {summary_id}"), output_ref, tokens })
    }

    fn failed(summary_id: u64) -> Event {
        Event::Failed(Failed { summary_id, at: "model".into() })
    }

    fn play(events: impl IntoIterator<Item = Event>) -> State {
        let mut cell = Cell::new(reduce);
        for event in events {
            cell.play(event);
        }
        cell.state()
    }

    #[test]
    fn a_page_to_summarise_is_numbered_and_asked_for() {
        let mut cell = Cell::new(reduce);
        cell.play(summarize("a"));
        let asked = cell.play(summarize("b")).events::<Requested>(REQUESTED);
        assert_eq!(asked, [Requested { summary_id: 2, url: "b".into(), max_tokens: 100 }]);
        assert_eq!(cell.state().summaries[&2].outcome, Outcome::Working);
    }

    #[test]
    fn an_answer_is_kept_and_its_tokens_are_counted() {
        let state = play([summarize("a"), summarize("b"), done(2, 30), done(1, 12)]);
        assert_eq!(state.tokens, 42);
        let outcome = Outcome::Done { text: "summary 1".into(), output_ref: Hash::of(b"said") };
        assert_eq!(state.summaries[&1].outcome, outcome);
    }

    #[test]
    fn a_failure_says_where() {
        let state = play([summarize("a"), failed(1)]);
        assert_eq!(state.summaries[&1].outcome, Outcome::Failed { at: "model".into() });
        assert_eq!(state.tokens, 0);
    }

    #[test]
    fn a_second_or_an_unknown_answer_changes_nothing_and_costs_nothing() {
        let once = play([summarize("a"), done(1, 12)]);
        assert_eq!(play([summarize("a"), done(1, 12), done(1, 12), failed(1), done(9, 1)]), once);
    }
}
