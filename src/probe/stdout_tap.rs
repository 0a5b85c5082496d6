//! What the harness prints on standard output, seen as it is written.
//!
//! Runs on: whatever thread calls `write`, also inside a handler of a signal. Must not: allocate, lock, wait, panic;
//! change what the caller gets, `errno` included.

use core::ffi::{c_int, c_void};

use super::got::Symbol;
use super::{harness_notes, thread_state};
use crate::sys::thread as sys_thread;

type RealWrite = unsafe extern "C-unwind" fn(c_int, *const c_void, usize) -> isize;

/// Stands in for `write`, in audited harnesses only.
pub(super) unsafe extern "C-unwind" fn write(fd: c_int, bytes: *const c_void, len: usize) -> isize {
    let written = if let Some(real) = Symbol::Write.real() {
        // SAFETY: `real` is the address of the function this stands in for.
        let real = unsafe { core::mem::transmute::<usize, RealWrite>(real.get()) };
        // SAFETY: forwarded as it came.
        unsafe { real(fd, bytes, len) }
    } else {
        // SAFETY: forwarded as it came; the system call checks its arguments itself.
        unsafe { libc::syscall(libc::SYS_write, fd, bytes, len) as isize }
    };
    if fd == libc::STDOUT_FILENO && written > 0 {
        note(bytes, written);
    }
    written
}

#[inline(never)]
fn note(bytes: *const c_void, written: isize) {
    let started_by_us = thread_state::with(|local| local.thread.get() != 0).unwrap_or(true);
    // libtest prints on the main thread, and what tests print comes from their own.
    if started_by_us || !sys_thread::is_first_thread() {
        return;
    }
    let len = usize::try_from(written).unwrap_or_default();
    // SAFETY: the system has just read so many bytes there on behalf of the caller, who lends them until the call
    // returns.
    let bytes = unsafe { core::slice::from_raw_parts(bytes.cast::<u8>(), len) };
    // A successful call leaves `errno` alone, and so does what follows: it makes no system call that can fail.
    harness_notes::said(bytes);
}
