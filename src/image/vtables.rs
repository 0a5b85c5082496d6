//! Whether a function is the first method of a trait object, as what a `Box<dyn FnOnce()>` calls is.
//!
//! A vtable has the destructor, the size, the alignment, and then the methods (rustc,
//! `compiler/rustc_middle/src/ty/vtable.rs`). In a position-independent image vtables hold addresses, so they lie in what the
//! loader protects after it has relocated it.
//!
//! Runs on: the writer thread. Takes the loader's lock, so that no image is unloaded meanwhile. Must not: allocate.

use core::ops::ControlFlow;

use crate::sys::phdr::for_each_image;

/// The largest alignment of a type (Rust reference, "Type layout").
const MAX_ALIGN: u64 = 1 << 29;

/// Whether the function that begins at this address is the first method in some vtable of its image; `None` when no loaded
/// image holds it, or the image has no part for vtables.
///
/// # Cost
/// One pass over the relocated constants of the image: about half a millisecond a megabyte.
pub(crate) fn is_first_method(function: u64) -> Option<bool> {
    let mut found = None;
    for_each_image(&mut |view| {
        if !view.code_ranges().any(|(start, end)| (start..end).contains(&function)) {
            return ControlFlow::Continue(());
        }
        let mut is_in = |range| {
            let mut scan = Scan::new(function);
            view.words(range).is_some_and(|mut words| words.any(|word| scan.is_method(word)))
        };
        let mut parts = view.find_all(libc::PT_GNU_RELRO).peekable();
        found = parts.peek().is_some().then(|| parts.any(&mut is_in));
        ControlFlow::Break(())
    });
    found
}

/// The words of a range, one after the other.
struct Scan {
    function: u64,
    size: u64,
    align: u64,
}

impl Scan {
    fn new(function: u64) -> Self {
        Self { function, size: 0, align: 0 }
    }

    /// Whether this is the function, behind what stands before the methods of a vtable.
    fn is_method(&mut self, word: u64) -> bool {
        let is_head = self.align.is_power_of_two() && self.align <= MAX_ALIGN && self.size % self.align == 0;
        let found = word == self.function && is_head;
        (self.size, self.align) = (self.align, word);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    trait Calls {
        fn call(&self) -> usize;
        fn second(&self) -> usize;
    }

    impl Calls for u16 {
        fn call(&self) -> usize {
            black_box(usize::from(*self))
        }

        fn second(&self) -> usize {
            black_box(usize::from(*self)).wrapping_add(1)
        }
    }

    #[inline(never)]
    fn called_directly() -> u32 {
        black_box(7)
    }

    #[test]
    fn the_first_method_of_a_vtable_is_found_and_no_other_function_is() {
        let object: &dyn Calls = black_box(&3_u16);
        assert_eq!((object.call(), object.second(), called_directly()), (3, 4, 7));
        assert_eq!(is_first_method(<u16 as Calls>::call as *const () as u64), Some(true));
        assert_eq!(is_first_method(<u16 as Calls>::second as *const () as u64), Some(false));
        // Its address is in data here, and not in a vtable.
        static TAKEN: fn() -> u32 = called_directly;
        assert_eq!(is_first_method(black_box(TAKEN) as *const () as u64), Some(false));
        assert_eq!(is_first_method(0x10), None);
    }

    #[test]
    fn a_pointer_is_a_method_only_behind_a_size_and_an_alignment() {
        let finds = |words: &[u64]| {
            let mut scan = Scan::new(0x1000);
            words.iter().any(|word| scan.is_method(*word))
        };
        assert!(finds(&[0, 24, 8, 0x1000]) && finds(&[0x2000, 0, 1, 0x1000]));
        for no_vtable in [&[0, 24, 8, 0x1001][..], &[0, 12, 8, 0x1000], &[0, 24, 3, 0x1000], &[0, 0, 0x1000]]
        {
            assert!(!finds(no_vtable), "{no_vtable:?}");
        }
    }
}
