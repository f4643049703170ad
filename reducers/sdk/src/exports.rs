//! The module's side of the wasm boundary, used by the macros that export.

use core::fmt::Write;
use core::slice;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::panic::{self, PanicHookInfo};

use crate::cbor;

/// Where bytes lie. Returned by value, the C ABI turns it into the result-pointer form: the caller
/// passes an address and finds `ptr` and `len` there, little-endian.
#[repr(C)]
pub struct Slice {
    ptr: u32,
    len: u32,
}

/// Where the text of a panic lies, once there is one.
#[repr(C)]
struct PanicText {
    ptr: AtomicU32,
    len: AtomicU32,
}

/// The host reads it when a call ends in a trap.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
static aos_panic: PanicText = PanicText { ptr: AtomicU32::new(0), len: AtomicU32::new(0) };

/// What the host reads of a text.
const MAX_TEXT: usize = 4096;

/// Makes this the text of the trap that is to come.
pub(crate) fn set_panic_text(text: &'static str) {
    aos_panic.ptr.store(text.as_ptr() as u32, Relaxed);
    aos_panic.len.store(text.len() as u32, Relaxed);
}

fn on_panic(info: &PanicHookInfo<'_>) {
    let mut text = info.payload_as_str().unwrap_or("the module panicked").to_owned();
    if let Some(place) = info.location().filter(|place| place.file() != cbor::FILE) {
        let _ = write!(text, " ({}:{})", place.file(), place.line());
    }
    text.truncate(text.floor_char_boundary(MAX_TEXT));
    set_panic_text(text.leak());
}

/// Memory for the host to write to, aligned to eight bytes; 0 for no bytes.
///
/// Never freed: an instance lives for one call.
pub fn alloc(len: i32) -> i32 {
    match usize::try_from(len) {
        Ok(len) if len > 0 => {
            let words = vec![0u64; len.div_ceil(8)].into_boxed_slice();
            Box::leak(words).as_mut_ptr() as i32
        }
        _ => 0,
    }
}

/// One call over the envelope at `ptr`. Whatever goes wrong in it is a trap, with a text.
///
/// # Safety
/// `ptr` and `len` must describe initialised memory, as `alloc` gave it.
pub unsafe fn call(ptr: i32, len: i32, run: fn(&[u8]) -> Vec<u8>) -> Slice {
    panic::set_hook(Box::new(on_panic));
    let input = unsafe { slice::from_raw_parts(ptr as *const u8, len as usize) };
    let output = run(input).leak();
    Slice { ptr: output.as_ptr() as u32, len: output.len() as u32 }
}
