//! What a reducer of an AgentOS world needs, and no more.
//!
//! A reducer is a typed state, a typed event and one function from the one to the other:
//!
//! ```
//! use aos_sdk::{Step, Value};
//!
//! #[derive(Default, Value)]
//! pub struct Counter {
//!     count: u64,
//! }
//!
//! #[derive(Value)]
//! pub enum Event {
//!     Add(u64),
//!     Reset,
//! }
//!
//! pub fn reduce(counter: &mut Counter, event: Event, _step: &mut Step) {
//!     match event {
//!         Event::Add(n) => counter.count += n,
//!         Event::Reset => counter.count = 0,
//!     }
//! }
//!
//! aos_sdk::reducer!(reduce);
//! # fn main() {}
//! ```
//!
//! [`Value`] says which Rust type stands for which type of AIR, [`Step`] what a reducer can read
//! and do besides changing its state, [`testing`] how to play events without wasm.
//!
//! A panic, also one of this crate about bytes that do not fit, is a fault of the turn: the state
//! stays as it was and the text of the panic is the text of the fault.

#[cfg(target_arch = "wasm32")]
mod bump;
pub mod cbor;
mod context;
mod effects;
mod envelope;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod exports;
mod hash;
mod pure;
mod step;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod value;

// The derive names this crate as others do.
extern crate self as aos_sdk;

pub use aos_sdk_derive::Value;
pub use context::{Context, PureContext};
pub use effects::{
    Ask, BlobGet, BlobGetReceipt, BlobGetResult, BlobPut, BlobPutReceipt, BlobPutResult, Receipt,
    TimerFired, TimerSet, TimerSetReceipt,
};
pub use envelope::{Reducer, run};
pub use hash::Hash;
pub use pure::{Call, CapCheck, Deny, Origin, Verdict, run_enforcer, run_pure};
pub use step::{Effect, Raised, Step};
pub use value::{Value, canonical, decode, encode};

/// Exports a reducer, `fn(&mut State, Event, &mut Step)`. Natively it does nothing, so the
/// function can be tested as ordinary Rust.
#[macro_export]
macro_rules! reducer {
    ($reduce:path) => {
        $crate::export!(step, |envelope| $crate::run(envelope, $reduce));
    };
}

/// Exports a pure module, `fn(Input, &Call) -> Output`.
#[macro_export]
macro_rules! pure_module {
    ($function:path) => {
        $crate::export!(run, |envelope| $crate::run_pure(envelope, $function));
    };
}

/// Exports the enforcer of a capability, `fn(&CapCheck) -> Verdict`.
#[macro_export]
macro_rules! enforcer {
    ($check:path) => {
        $crate::export!(run, |envelope| $crate::run_enforcer(envelope, $check));
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! export {
    ($entry:ident, $run:expr) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #[unsafe(no_mangle)]
            extern "C" fn alloc(len: i32) -> i32 {
                $crate::exports::alloc(len)
            }

            #[unsafe(no_mangle)]
            unsafe extern "C" fn $entry(ptr: i32, len: i32) -> $crate::exports::Slice {
                unsafe { $crate::exports::call(ptr, len, $run) }
            }
        };
    };
}
