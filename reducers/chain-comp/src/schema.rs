//! The schemas of `air/schemas.air.json` as Rust types, field for field.

use std::collections::BTreeMap;

use aos_sdk::Value;

/// `demo/PlaceOrder@1`, and `demo/OrderPlaced@1`, which starts two plans: one charges, one waits
/// for the end.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Placed {
    pub order_id: String,
    pub item: String,
}

/// `demo/ReserveRequested@1`, `demo/RefundRequested@1` and `demo/RetryRefund@1`: something about
/// one order.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Order {
    pub order_id: String,
}

/// `demo/ChargeEnded@1` and the other three that say how a plan ended.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Ended {
    pub order_id: String,
    pub ok: bool,
}

/// `demo/OrderClosed@1`, for which the notifying plan waits.
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct Closed {
    pub order_id: String,
    pub confirmed: bool,
}

/// `demo/OrdersEvent@1`
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub enum Event {
    Place(Placed),
    Charged(Ended),
    Reserved(Ended),
    Refunded(Ended),
    Notified(Ended),
    RetryRefund(Order),
}

/// `demo/Stage@1`: where an order is in its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Value)]
pub enum Stage {
    Charging,
    Reserving,
    Refunding,
    Confirmed,
    Declined,
    Refunded,
    RefundFailed,
}

/// `demo/Notice@1`: whether the customer was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Value)]
pub enum Notice {
    NotYet,
    Sent,
    Failed,
}

/// `demo/Order@1`
#[derive(Debug, Clone, PartialEq, Eq, Value)]
pub struct OrderState {
    pub item: String,
    pub stage: Stage,
    pub notice: Notice,
}

/// `demo/OrdersState@1`
#[derive(Debug, Default, Clone, PartialEq, Eq, Value)]
pub struct State {
    pub orders: BTreeMap<String, OrderState>,
}
