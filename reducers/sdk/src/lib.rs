//! What a reducer of an AgentOS world needs, and no more.
//!
//! A reducer is a typed state, a typed event and one function from the one to the other:
//!
//! ```
//! use aos_sdk::Output;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Default, Serialize, Deserialize)]
//! pub struct Counter {
//!     count: u64,
//! }
//!
//! #[derive(Deserialize)]
//! #[serde(tag = "$tag", content = "$value")]
//! pub enum Event {
//!     Add(u64),
//!     Reset,
//! }
//!
//! pub fn reduce(state: &mut Counter, event: Event, _out: &mut Output) {
//!     match event {
//!         Event::Add(n) => state.count += n,
//!         Event::Reset => state.count = 0,
//!     }
//! }
//!
//! aos_sdk::reducer!(reduce);
//! # fn main() {}
//! ```
//!
//! A variant of AIR is an enum with `#[serde(tag = "$tag", content = "$value")]`: it is written as
//! `{"$tag": .., "$value": ..}`, a tag without payload as `{"$tag": ..}` alone, and there an absent
//! and a null `$value` read alike. An option is `Option`, a map with nat keys `BTreeMap<u64, _>`.
//! Hash maps have no fixed order and must not be part of a state.

mod codec;
mod envelope;
#[cfg(target_arch = "wasm32")]
pub mod exports;

pub use codec::{Error, decode, encode};
pub use envelope::{DomainEvent, Output, run};

/// Exports the module functions `alloc` and `step` around a function
/// `fn(&mut State, Event, &mut Output)`, named by a path that is visible at the crate's root.
///
/// Natively it expands to nothing, so the function can be tested as ordinary Rust.
#[macro_export]
macro_rules! reducer {
    ($reduce:path) => {
        #[cfg(target_arch = "wasm32")]
        #[unsafe(no_mangle)]
        pub extern "C" fn alloc(len: i32) -> i32 {
            $crate::exports::alloc(len)
        }

        /// # Safety
        /// `ptr` and `len` must describe initialised memory, as `alloc` gave it.
        #[cfg(target_arch = "wasm32")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn step(ptr: i32, len: i32) -> $crate::exports::Slice {
            unsafe { $crate::exports::step(ptr, len, $reduce) }
        }
    };
}
