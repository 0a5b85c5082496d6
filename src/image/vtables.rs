//! Whether a function is the first method of a trait object, as what a `Box<dyn FnOnce()>` calls is.
//!
//! A vtable has the destructor, the size, the alignment, and then the methods (rustc,
//! `compiler/rustc_middle/src/ty/vtable.rs`). In a position-independent image vtables hold addresses, so they lie in what the
//! loader protects after it has relocated it; in an executable with a place of its own they are constants. The method may be
//! nothing but a jump: rustc calls a closure in a `Box` through a shim (`FnOnce::call_once{{vtable.shim}}`), and LLVM inlines
//! the closure there or jumps to it.
//!
//! Runs on: the writer thread. Takes the loader's lock, so that no image is unloaded meanwhile. Must not: allocate.

use core::ops::ControlFlow;

use crate::sys::phdr::{ImageView, for_each_image};

/// The largest alignment of a type (Rust reference, "Type layout").
const MAX_ALIGN: u64 = 1 << 29;

/// Whether the function that begins at this address is the first method in some vtable of its image; `None` when no loaded
/// image holds it, or the image has no part for vtables.
///
/// # Cost
/// One pass over the relocated constants of the image, under the loader's lock.
pub(crate) fn is_first_method(function: u64) -> Option<bool> {
    let mut found = None;
    for_each_image(&mut |view| {
        if !view.code_ranges().any(|(start, end)| (start..end).contains(&function)) {
            return ControlFlow::Continue(());
        }
        let is_it = |method: u64| method == function || jumps_to(view, method, function);
        let has_it = |part| view.words(part).is_some_and(|words| first_methods(words).any(is_it));
        let mut relocated = view.find_all(libc::PT_GNU_RELRO).peekable();
        found = relocated.peek().is_some().then(|| relocated.any(has_it));
        if found != Some(true) && view.bias() == 0 {
            found = Some(view.constant_ranges().any(has_it));
        }
        ControlFlow::Break(())
    });
    found
}

/// Of words one after the other, those that stand behind what a vtable has before its methods.
fn first_methods(words: impl Iterator<Item = u64>) -> impl Iterator<Item = u64> {
    let (mut size, mut align) = (0_u64, 0_u64);
    words.filter(move |word| {
        let is_head = align.is_power_of_two() && align <= MAX_ALIGN && size.is_multiple_of(align);
        (size, align) = (align, *word);
        is_head
    })
}

/// Whether the function that begins at `method` is nothing but a jump to the other one.
fn jumps_to(view: &ImageView<'_>, method: u64, function: u64) -> bool {
    let is_code = view.code_ranges().any(|(start, end)| (start..end).contains(&method));
    let bytes = view.constant_bytes(method).filter(|_| is_code);
    let jump = if cfg!(target_arch = "x86_64") { x86_64_jump } else { aarch64_jump };
    bytes.and_then(jump).is_some_and(|distance| method.wrapping_add_signed(distance) == function)
}

/// How far from its own first byte the jump leads that these instructions begin with. Intel SDM, `JMP`: relative to the next
/// instruction.
fn x86_64_jump(code: &[u8]) -> Option<i64> {
    match *code {
        [0xe9, a, b, c, d, ..] => Some(i64::from(i32::from_le_bytes([a, b, c, d])).wrapping_add(5)),
        [0xeb, near, ..] => Some(i64::from(near.cast_signed()).wrapping_add(2)),
        _ => None,
    }
}

/// The same. Arm Architecture Reference Manual, `B`: in words, relative to the instruction itself.
fn aarch64_jump(code: &[u8]) -> Option<i64> {
    let word = u32::from_le_bytes(*code.first_chunk()?);
    (word >> 26 == 0b00_0101).then(|| i64::from((word << 6).cast_signed() >> 4))
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
        let finds = |words: &[u64]| first_methods(words.iter().copied()).any(|method| method == 0x1000);
        assert!(finds(&[0, 24, 8, 0x1000]) && finds(&[0x2000, 0, 1, 0x1000]));
        for no_vtable in [&[0, 24, 8, 0x1001][..], &[0, 12, 8, 0x1000], &[0, 24, 3, 0x1000], &[0, 0, 0x1000]]
        {
            assert!(!finds(no_vtable), "{no_vtable:?}");
        }
    }

    #[test]
    fn a_jump_leads_as_far_as_the_manuals_say() {
        assert_eq!(x86_64_jump(&[0xe9, 0xdb, 0xf9, 0xff, 0xff, 0xcc]), Some(0x17030 - 0x17650));
        assert_eq!(x86_64_jump(&[0xeb, 0xfe]), Some(0));
        assert_eq!(x86_64_jump(&[0xeb, 0x10]), Some(0x12));
        // A call, an indirect jump, and what is cut.
        for other in [&[0xe8, 0, 0, 0, 0][..], &[0xff, 0x25, 0, 0, 0, 0], &[0xe9, 0, 0, 0], &[]] {
            assert_eq!(x86_64_jump(other), None, "{other:x?}");
        }
        assert_eq!(aarch64_jump(&0x1400_0002_u32.to_le_bytes()), Some(8));
        assert_eq!(aarch64_jump(&0x17ff_ffff_u32.to_le_bytes()), Some(-4));
        // `BL`, `RET`, and what is cut.
        for other in [0x9400_0002_u32, 0xd65f_03c0] {
            assert_eq!(aarch64_jump(&other.to_le_bytes()), None, "{other:x}");
        }
        assert_eq!(aarch64_jump(&[0, 0, 0]), None);
    }
}
