//! What the agent's own code tells about Rust code in the same image: which personality routine is Rust's.
//!
//! Runs on: the thread that installs the agent and the writer. Must not: run on a panicking thread.

use core::hint::black_box;

use crate::sys::registers;

/// An address in a function that has a landing pad, so its CIE names Rust's personality routine; unless the
/// program is built to abort on panic, where nothing has.
#[inline(never)]
pub(super) fn address_with_landing_pad() -> u64 {
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            black_box(());
        }
    }
    let _guard = black_box(Guard);
    // A call that the compiler must expect to unwind.
    black_box::<fn()>(|| {})();
    registers::current().ip()
}
