//! The allocator: every Rust value of the SDK (and of these tests) lives in its blocks.

use wasm_bindgen_test::wasm_bindgen_test;

/// Takes, grows and frees blocks of all sizes in an order that is always the same.
fn storm() {
    let mut blocks: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut seed = 12_345_u32;
    for round in 0..4_000_u32 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let size = 1 + (seed >> 8) as usize % if round % 50 == 0 { 200_000 } else { 700 };
        if blocks.len() > 100 {
            let (mark, block) = blocks.swap_remove(seed as usize % blocks.len());
            assert!(block.iter().all(|byte| *byte == mark), "a block was written to by another");
        }
        let mark = seed as u8;
        let mut block = vec![mark; size];
        block.resize(size + size / 3, mark);
        block.shrink_to_fit();
        blocks.push((mark, block));
    }
    assert!(blocks.iter().all(|(mark, block)| block.iter().all(|byte| byte == mark)));
}

#[wasm_bindgen_test]
fn blocks_do_not_overlap_and_freed_ones_are_used_again() {
    storm();
    let pages = core::arch::wasm32::memory_size::<0>();
    for _ in 0..5 {
        storm();
    }
    assert_eq!(core::arch::wasm32::memory_size::<0>(), pages, "nothing leaks");
}

#[wasm_bindgen_test]
fn blocks_are_aligned_as_asked() {
    #[repr(align(64))]
    struct Wide(#[expect(dead_code, reason = "only its place counts")] [u8; 3]);
    for _ in 0..50 {
        let wide = Box::new(Wide([0; 3]));
        assert_eq!(std::ptr::from_ref(&*wide).addr() % 64, 0);
        std::mem::forget(wide);
    }
}

#[wasm_bindgen_test]
fn what_no_memory_can_hold_is_refused() {
    // Two gigabytes may be had, which cost nothing as long as nobody writes there; four are all there is.
    let mut huge = [const { Vec::<u8>::new() }; 3];
    assert!(huge.iter_mut().any(|huge| huge.try_reserve_exact(isize::MAX as usize).is_err()));
    storm();
}
