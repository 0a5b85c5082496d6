//! Images that the program is about to load: the writer looks for them for a while.
//!
//! Runs on: the thread that loads (`begins`), before it does, and the writer (`look_in`). The former may
//! install the agent, in a program that could not raise before. Must not, on the former: panic.

use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::super::state;
use crate::platform;
use crate::sys::clock;

/// How long after a load began the writer looks for its images, in nanoseconds.
const PATIENCE_NS: u64 = 500_000_000;
/// How often.
const EVERY: Duration = Duration::from_millis(2);

/// When to stop looking: monotonic nanoseconds. Relaxed: it publishes no other memory.
static UNTIL: AtomicU64 = AtomicU64::new(0);
/// The real `dlopen`, once it was looked up.
static REAL: AtomicUsize = AtomicUsize::new(0);

/// What the next load calls first, once; null for nothing.
static FIRST: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Calls a function when a load begins, until it was called once.
pub(crate) fn when_loading(first: fn()) {
    FIRST.store(first as *mut (), Ordering::Release);
}

/// A load begins; gives the address of the function that does it.
extern "C" fn begins() -> usize {
    let first = FIRST.swap(core::ptr::null_mut(), Ordering::AcqRel);
    if !first.is_null() {
        // SAFETY: only `when_loading` stores, and it stores a `fn()`.
        let first = unsafe { core::mem::transmute::<*mut (), fn()>(first) };
        first();
    }
    if platform::std().is_foreign() {
        UNTIL.store(clock::mono_ns().saturating_add(PATIENCE_NS), Ordering::Relaxed);
        state::wake();
    }
    let known = REAL.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    // SAFETY: the name is a C string and the pseudo-handle is one that dlsym documents.
    let real = unsafe { libc::dlsym(libc::RTLD_NEXT, c"dlopen".as_ptr()) }.addr();
    REAL.store(real, Ordering::Relaxed);
    real
}

/// When the writer is to look for images again; `None` when nothing is being loaded.
pub(super) fn look_in() -> Option<Duration> {
    let until = UNTIL.load(Ordering::Relaxed);
    (until != 0 && clock::mono_ns() < until).then_some(EVERY)
}

/// Stands in for `dlopen`. Jumps to it, because it looks at the address that it will return to: where a library is
/// searched depends on who asks.
///
/// # Safety
/// As for `dlopen`.
#[unsafe(naked)]
pub unsafe extern "C" fn dlopen() {
    #[cfg(target_arch = "x86_64")]
    core::arch::naked_asm!(
        "push rdi",
        "push rsi",
        "sub rsp, 8",
        "call {begins}",
        "add rsp, 8",
        "pop rsi",
        "pop rdi",
        "jmp rax",
        begins = sym begins,
    );
    #[cfg(target_arch = "aarch64")]
    core::arch::naked_asm!(
        "stp x29, x30, [sp, #-32]!",
        "stp x0, x1, [sp, #16]",
        "bl {begins}",
        "mov x16, x0", // the register through which a function may be entered by a jump
        "ldp x0, x1, [sp, #16]",
        "ldp x29, x30, [sp], #32",
        "br x16",
        begins = sym begins,
    );
}
