//! The allocator of a module: memory is handed out from front to back. An instance lives for one
//! call, so there is little to gain from giving any back, and this is a fraction of the code and
//! of the fuel of a general allocator.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::{memory_grow, memory_size};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::exports::set_panic_text;

const PAGE: usize = 1 << 16;

/// Memory is asked for by this many pages at least.
const STEP: usize = 4;

struct Bump {
    /// The first free byte; 0 before the first allocation.
    next: AtomicUsize,
}

unsafe extern "C" {
    /// Where the linker says that the module's own data ends.
    static __heap_base: u8;
}

#[global_allocator]
static MODULE: Bump = Bump { next: AtomicUsize::new(0) };

impl Bump {
    fn set_next(&self, end: usize) -> bool {
        let have = memory_size(0) * PAGE;
        if end > have {
            let need = (end - have).div_ceil(PAGE);
            // Where the limit allows no larger step, the exact one may still do.
            if memory_grow(0, need.max(STEP)) == usize::MAX && memory_grow(0, need) == usize::MAX {
                set_panic_text("the module has no memory left");
                return false;
            }
        }
        self.next.store(end, Relaxed);
        true
    }

    fn is_last(&self, ptr: *mut u8, size: usize) -> bool {
        ptr as usize + size == self.next.load(Relaxed)
    }
}

unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let free = match self.next.load(Relaxed) {
            0 => &raw const __heap_base as usize,
            next => next,
        };
        let start = free.next_multiple_of(layout.align());
        match start.checked_add(layout.size()) {
            Some(end) if self.set_next(end) => start as *mut u8,
            _ => null_mut(),
        }
    }

    /// Only the last allocation goes back.
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        if self.is_last(ptr, layout.size()) {
            self.next.store(ptr as usize, Relaxed);
        }
    }

    /// The last allocation grows where it is.
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if self.is_last(ptr, layout.size()) {
            return match (ptr as usize).checked_add(size) {
                Some(end) if self.set_next(end) => ptr,
                _ => null_mut(),
            };
        }
        if size <= layout.size() {
            return ptr;
        }
        let moved = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !moved.is_null() {
            unsafe { ptr.copy_to_nonoverlapping(moved, layout.size()) };
        }
        moved
    }
}
