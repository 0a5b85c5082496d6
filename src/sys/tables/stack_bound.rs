//! The part of the current thread's stack that is in use, and reads inside it.
//!
//! Runs on: the panicking thread. Must not: allocate, panic, make a system call.

use core::marker::PhantomData;

use super::registers::Registers;
use crate::sys::thread::own_handle;

/// Largest frame, in bytes, that a walk steps over by itself. On a stack that is not the thread's own nothing else bounds
/// where a wrong table leads; larger frames are the platform's unwinder's.
pub(crate) const REACH: u64 = 1 << 20;

/// Addresses between the stack pointer and the top of the current thread's stack.
///
/// Cannot leave its thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StackWindow {
    low: u64,
    high: u64,
    _of_this_thread: PhantomData<*const u8>,
}

impl StackWindow {
    /// The window above the stack pointer in `registers`.
    ///
    /// `None` when no upper bound is known, as on the stack of a coroutine above all thread stacks.
    pub(crate) fn above(registers: &Registers) -> Option<Self> {
        let low = registers.sp();
        // glibc and musl lay the thread control block at the upper end of a thread's stack; the main thread's lies
        // elsewhere, and its stack ends at the strings that the kernel put there.
        let bounds = [own_handle(), top_of_main_stack()];
        let high = bounds.into_iter().filter(|bound| *bound > low).min()? & !7;
        Some(Self { low, high, _of_this_thread: PhantomData })
    }

    /// Whether these bytes lie inside the window.
    #[cfg(panic_agent_probes)]
    pub(crate) fn holds(&self, address: u64, len: u64) -> bool {
        address >= self.low && address.checked_add(len).is_some_and(|end| end <= self.high)
    }

    /// The word at an address; `None` when it is not aligned or not inside the window.
    pub(crate) fn word(&self, address: u64) -> Option<u64> {
        let end = address.checked_add(8)?;
        if address < self.low || end > self.high || !address.is_multiple_of(8) {
            return None;
        }
        let pointer = core::ptr::with_exposed_provenance::<u64>(usize::try_from(address).ok()?);
        // SAFETY: `Registers` come from this thread only, so the word lies between one of its frames and the
        // upper end of its stack. On the thread's own stack all of that is mapped. On another one, as a coroutine's, this
        // is what holds: the caller reads where the unwind tables of the code that runs there say that a frame saved a
        // register, within [`REACH`] of a frame that is there. Volatile, because callers own these words.
        Some(unsafe { pointer.read_volatile() })
    }
}

/// The name of the executable stands above every frame of the main thread.
fn top_of_main_stack() -> u64 {
    // SAFETY: has no preconditions; the C library reads a vector it saved at start.
    unsafe { libc::getauxval(libc::AT_EXECFN) }
}
