//! The largest single allocation, as libFuzzer's `-malloc_limit_mb` looks at it: what an input asks for counts, touched or not.
//!
//! Seen is what Rust takes on the thread that asks. The C libraries' memory and that of other threads only libFuzzer sees.

use std::cell::Cell;

use crate::watched::Watched;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

fn note(bytes: usize) {
    LARGEST.set(LARGEST.get().max(bytes));
}

/// Notes on the side the most that each thread took at once.
#[global_allocator]
static ALLOCATOR: Watched = Watched(note);

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
