//! Takes orders through their chain: charge, reserve, confirm; and back when reserving fails.
//!
//! Every step of an order is a plan of its own, and this reducer is what holds them together: it
//! hears how a step ended and decides what comes next. So what undoes what stands in one place.

mod schema;

use aos_sdk::Step;
use schema::{Closed, Ended, Event, Notice, Order, OrderState, Placed, Stage, State};

const PLACED: &str = "demo/OrderPlaced@1";
const RESERVE: &str = "demo/ReserveRequested@1";
const REFUND: &str = "demo/RefundRequested@1";
const CLOSED: &str = "demo/OrderClosed@1";

pub fn reduce(state: &mut State, event: Event, step: &mut Step) {
    match event {
        Event::Place(order) => place(state, order, step),
        Event::Charged(Ended { order_id, ok }) => {
            let to = if ok { Stage::Reserving } else { Stage::Declined };
            advance(state, order_id, Stage::Charging, to, step);
        }
        Event::Reserved(Ended { order_id, ok }) => {
            let to = if ok { Stage::Confirmed } else { Stage::Refunding };
            advance(state, order_id, Stage::Reserving, to, step);
        }
        Event::Refunded(Ended { order_id, ok }) => {
            let to = if ok { Stage::Refunded } else { Stage::RefundFailed };
            advance(state, order_id, Stage::Refunding, to, step);
        }
        Event::RetryRefund(Order { order_id }) => {
            advance(state, order_id, Stage::RefundFailed, Stage::Refunding, step);
        }
        Event::Notified(ended) => note(state, &ended),
    }
}

aos_sdk::reducer!(reduce);

/// An order is placed once; one of the same id changes nothing.
fn place(state: &mut State, order: Placed, step: &mut Step) {
    if state.orders.contains_key(&order.order_id) {
        return;
    }
    step.raise(PLACED, &order);
    let placed = OrderState { item: order.item, stage: Stage::Charging, notice: Notice::NotYet };
    state.orders.insert(order.order_id, placed);
}

/// One arrow of the chain. An order that is not at `from` stays where it is.
fn advance(state: &mut State, order_id: String, from: Stage, to: Stage, step: &mut Step) {
    let Some(order) = state.orders.get_mut(&order_id).filter(|order| order.stage == from) else {
        return;
    };
    order.stage = to;
    let confirmed = to == Stage::Confirmed;
    match to {
        Stage::Reserving => {
            step.raise(RESERVE, &Order { order_id });
        }
        Stage::Refunding => {
            step.raise(REFUND, &Order { order_id });
        }
        Stage::Confirmed | Stage::Declined | Stage::Refunded => {
            step.raise(CLOSED, &Closed { order_id, confirmed });
        }
        Stage::Charging | Stage::RefundFailed => {}
    }
}

/// Whether the customer was told; that a mail is lost undoes no order.
fn note(state: &mut State, ended: &Ended) {
    if let Some(order) = state.orders.get_mut(&ended.order_id) {
        order.notice = if ended.ok { Notice::Sent } else { Notice::Failed };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aos_sdk::testing::Cell;

    const A: &str = "A-1";

    fn place(order_id: &str) -> Event {
        Event::Place(Placed { order_id: order_id.into(), item: "lamp".into() })
    }

    fn ended(ok: bool) -> Ended {
        Ended { order_id: A.into(), ok }
    }

    fn retry() -> Event {
        Event::RetryRefund(Order { order_id: A.into() })
    }

    /// The stage and notice of order A after these events.
    fn play(events: impl IntoIterator<Item = Event>) -> (Stage, Notice) {
        let mut cell = Cell::new(reduce);
        cell.play(place(A));
        for event in events {
            cell.play(event);
        }
        let state = cell.state();
        (state.orders[A].stage, state.orders[A].notice)
    }

    /// What order A raises at the last of these events.
    fn raised(events: impl IntoIterator<Item = Event>) -> Vec<String> {
        let mut cell = Cell::new(reduce);
        let mut played = cell.play(place(A));
        for event in events {
            played = cell.play(event);
        }
        played.raised().iter().map(|(schema, _)| schema.to_string()).collect()
    }

    #[test]
    fn a_placed_order_is_to_be_charged() {
        assert_eq!(play([]), (Stage::Charging, Notice::NotYet));
        assert_eq!(raised([]), [PLACED]);
    }

    #[test]
    fn the_way_forth_asks_for_one_step_after_the_other() {
        let (charged, reserved) = (Event::Charged(ended(true)), Event::Reserved(ended(true)));
        assert_eq!(play([charged.clone()]).0, Stage::Reserving);
        assert_eq!(raised([charged.clone()]), [RESERVE]);
        assert_eq!(play([charged.clone(), reserved.clone()]).0, Stage::Confirmed);
        assert_eq!(raised([charged, reserved]), [CLOSED]);
    }

    #[test]
    fn what_cannot_be_reserved_is_refunded_and_then_closed() {
        let mut cell = Cell::new(reduce);
        cell.play(place(A));
        cell.play(Event::Charged(ended(true)));
        let asked = cell.play(Event::Reserved(ended(false))).events::<Order>(REFUND);
        assert_eq!(asked, [Order { order_id: A.into() }]);
        let closed = cell.play(Event::Refunded(ended(true))).events::<Closed>(CLOSED);
        assert_eq!(closed, [Closed { order_id: A.into(), confirmed: false }]);
        assert_eq!(cell.state().orders[A].stage, Stage::Refunded);
    }

    #[test]
    fn what_cannot_be_charged_is_declined_without_a_refund() {
        assert_eq!(play([Event::Charged(ended(false))]).0, Stage::Declined);
        assert_eq!(raised([Event::Charged(ended(false))]), [CLOSED]);
    }

    #[test]
    fn a_failed_refund_stays_open_and_can_be_tried_again() {
        let mut events = vec![
            Event::Charged(ended(true)),
            Event::Reserved(ended(false)),
            Event::Refunded(ended(false)),
        ];
        assert_eq!(play(events.clone()).0, Stage::RefundFailed);
        assert!(raised(events.clone()).is_empty());
        events.push(retry());
        assert_eq!(play(events.clone()).0, Stage::Refunding);
        assert_eq!(raised(events), [REFUND]);
    }

    #[test]
    fn a_lost_mail_undoes_no_order() {
        let done = [
            Event::Charged(ended(true)),
            Event::Reserved(ended(true)),
            Event::Notified(ended(false)),
        ];
        assert_eq!(play(done), (Stage::Confirmed, Notice::Failed));
    }

    #[test]
    fn what_comes_at_the_wrong_stage_or_for_no_order_changes_nothing() {
        let early = [Event::Reserved(ended(true)), Event::Refunded(ended(true)), retry()];
        assert_eq!(play(early.clone()), (Stage::Charging, Notice::NotYet));
        assert!(raised(early).is_empty());
        assert!(raised([place(A)]).is_empty());
        let mut cell = Cell::new(reduce);
        cell.play(Event::Charged(ended(true)));
        assert_eq!(cell.state(), State::default());
    }
}
