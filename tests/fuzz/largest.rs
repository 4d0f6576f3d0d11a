//! The largest single allocation, as libFuzzer's `-malloc_limit_mb` looks at it: what an input asks for counts, touched or not.
//!
//! Seen is what Rust takes on the thread that asks. The C libraries' memory and that of other threads only libFuzzer sees.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which notes on the side the most that each thread took at once.
struct Noting;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

fn note(bytes: usize) {
    LARGEST.set(LARGEST.get().max(bytes));
}

// SAFETY: everything is handed on to the system's allocator as it is; noting takes no memory.
unsafe impl GlobalAlloc for Noting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: as the caller vouches.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: as the caller vouches.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller vouches.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        // SAFETY: as the caller vouches.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Noting = Noting;

/// What `work` gives, and the bytes of the largest allocation that it made on this thread.
pub fn largest<T>(work: impl FnOnce() -> T) -> (T, usize) {
    LARGEST.set(0);
    let given = work();
    (given, LARGEST.get())
}

#[test]
fn the_largest_allocation_is_seen() {
    let work = || {
        drop(std::hint::black_box(vec![1u8; 300]));
        drop(std::hint::black_box(vec![1u8; 20]));
    };
    assert_eq!(largest(work).1, 300);
    assert_eq!(largest(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(7)))).1, 7);
}
