//! The code behind a panic hook.
//!
//! Runs on: the thread that installs the agent. Must not: call it.

use core::ptr;
use std::panic::PanicHookInfo;

/// The word of the vtable that holds `Fn::call`: rustc's layout, after destructor, size, alignment, `FnOnce::call_once` and
/// `FnMut::call_mut`. A test holds it.
const CALL: usize = 5;

/// The address of the function that a call of this hook enters.
pub(crate) fn code_of(hook: &(dyn Fn(&PanicHookInfo<'_>) + Send + Sync)) -> u64 {
    // SAFETY: a fat pointer is two pointers, of data and of the vtable; the sizes are compared by the compiler. Only the
    // second is used.
    let [_data, vtable]: [*const usize; 2] = unsafe { core::mem::transmute(ptr::from_ref(hook)) };
    // SAFETY: the vtable of a `dyn Fn` has six words, see `CALL`, is aligned for them, and is never unmapped while the hook lives.
    let words = unsafe { vtable.cast::<[usize; CALL + 1]>().read() };
    words[CALL] as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(_: &PanicHookInfo<'_>) {}

    #[test]
    fn a_hook_without_data_and_one_with_data_have_code_of_their_own() {
        let number = std::hint::black_box(7_u64);
        let counts = move |_: &PanicHookInfo<'_>| assert_ne!(std::hint::black_box(number), 8);
        let codes = [code_of(&one), code_of(&counts)];
        assert_ne!(codes[0], codes[1]);
        assert_eq!(codes[1], code_of(&counts.clone()), "the same closure");
        // What is not code is not found among the functions of this program. A return address lies behind its call.
        for code in codes {
            let mut name = None;
            let inside = core::ptr::without_provenance_mut(code as usize + 1);
            backtrace::resolve(inside, |symbol| name = symbol.name().map(|name| name.to_string()));
            assert!(name.is_some_and(|name| name.contains("closure") || name.contains("call")), "{code:#x}");
        }
    }
}
