//! The module's side of the wasm boundary, used by `reducer!`.

use core::slice;

use serde::{Serialize, de::DeserializeOwned};

use crate::envelope::{self, Output};

/// Where the answer lies. Returned by value, the C ABI turns it into the result-pointer form:
/// the caller passes an address and finds `ptr` and `len` there, little-endian.
#[repr(C)]
pub struct Slice {
    ptr: i32,
    len: i32,
}

/// Memory for the host to write to, aligned to eight bytes; 0 for no bytes.
///
/// Never freed: an instance lives for one step.
pub fn alloc(len: i32) -> i32 {
    match usize::try_from(len) {
        Ok(len) if len > 0 => {
            let words = vec![0u64; len.div_ceil(8)].into_boxed_slice();
            Box::leak(words).as_mut_ptr() as i32
        }
        _ => 0,
    }
}

/// One step over the envelope at `ptr`.
///
/// # Safety
/// `ptr` and `len` must describe initialised memory, as `alloc` gave it.
///
/// # Panics
/// If the envelope, the state or the event does not fit; the host sees a trap, which faults the
/// turn and leaves the state as it was.
pub unsafe fn step<S, E>(ptr: i32, len: i32, reduce: fn(&mut S, E, &mut Output)) -> Slice
where
    S: Default + Serialize + DeserializeOwned,
    E: DeserializeOwned,
{
    let input = unsafe { slice::from_raw_parts(ptr as *const u8, len as usize) };
    let output = match envelope::run(input, reduce) {
        Ok(output) => output.leak(),
        Err(error) => panic!("{error}"),
    };
    Slice {
        ptr: output.as_ptr() as i32,
        len: output.len() as i32,
    }
}
