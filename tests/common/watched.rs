//! An allocator for test programs that want to see what is taken.

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's allocator, which tells how many bytes are asked for. Who is told must take no memory.
///
/// Only what Rust takes is seen, not the memory of C libraries.
pub struct Watched(pub fn(usize));

// SAFETY: everything is handed on to the system's allocator as it is, and telling takes no memory.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        (self.0)(layout.size());
        // SAFETY: as the caller vouches.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        (self.0)(layout.size());
        // SAFETY: as the caller vouches.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller vouches.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        (self.0)(size);
        // SAFETY: as the caller vouches.
        unsafe { System.realloc(memory, layout, size) }
    }
}
