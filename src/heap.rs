//! The allocator of the wasm: free blocks by size, nothing more. The standard one weighs 2 KB on the wire.
//!
//! Sizes are rounded up to powers of two and a freed block is kept for the next of its size. That wastes up to
//! half of what is used, which is little here: what is large (bodies of answers) stays on JavaScript's side.

use std::{
    alloc::{GlobalAlloc, Layout},
    cell::UnsafeCell,
    ptr::null_mut,
};

/// `free[n]` is a list of free blocks of 2ⁿ bytes, each holding the address of the next; `end` is where untouched
/// memory begins, and `limit` where it stops.
struct Heap {
    free: [*mut u8; 32],
    end: usize,
    limit: usize,
}

/// One per instance of the wasm.
pub(crate) struct Allocator(UnsafeCell<Heap>);

// SAFETY: wasm32-unknown-unknown without the atomics feature has one thread.
unsafe impl Sync for Allocator {}

impl Allocator {
    pub(crate) const fn new() -> Allocator {
        Allocator(UnsafeCell::new(Heap { free: [null_mut(); 32], end: 0, limit: 0 }))
    }
}

const PAGE: usize = 65_536;

/// Blocks are aligned to their size, up to a page; nothing here asks for more.
fn class(layout: Layout) -> usize {
    let size = layout.size().max(layout.align()).max(16);
    size.next_power_of_two().trailing_zeros() as usize
}

// SAFETY: a block is handed out once until it is freed, is at least as large as asked for and aligned to its size.
unsafe impl GlobalAlloc for Allocator {
    #[expect(clippy::indexing_slicing, reason = "a class is below 32, as sizes are of 32 bits")]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: one thread, and no call in here comes back.
        let heap = unsafe { &mut *self.0.get() };
        let class = class(layout);
        let size = 1_usize << class;
        let block = heap.free[class];
        if !block.is_null() {
            // SAFETY: a free block of ours, whose first word is the next one's address.
            heap.free[class] = unsafe { block.cast::<*mut u8>().read() };
            return block;
        }
        let start = heap.end.next_multiple_of(size.min(PAGE));
        if let Some(end) = start.checked_add(size).filter(|end| *end <= heap.limit) {
            heap.end = end;
            return start as *mut u8;
        }
        let pages = size.div_ceil(PAGE);
        let before = core::arch::wasm32::memory_grow::<0>(pages);
        if before == usize::MAX {
            return null_mut();
        }
        if before.saturating_mul(PAGE) != heap.limit {
            // Somebody else has grown the memory too.
            heap.end = before.saturating_mul(PAGE);
        }
        heap.limit = before.saturating_add(pages).saturating_mul(PAGE);
        // SAFETY: the same layout; now there is room, at the latest from the start of the new pages.
        unsafe { self.alloc(layout) }
    }

    #[expect(clippy::indexing_slicing, reason = "as above")]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        let heap = unsafe { &mut *self.0.get() };
        let class = class(layout);
        // SAFETY: the block is ours again, and has room for an address.
        unsafe { block.cast::<*mut u8>().write(heap.free[class]) };
        heap.free[class] = block;
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise: `size` rounded up to the alignment does not overflow.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if class(wanted) == class(layout) {
            return block;
        }
        // SAFETY: two blocks that do not overlap, and what is copied fits into both.
        unsafe {
            let larger = self.alloc(wanted);
            if !larger.is_null() {
                block.copy_to_nonoverlapping(larger, layout.size().min(size));
                self.dealloc(block, layout);
            }
            larger
        }
    }
}
