//! The registers a stack walk starts from.
//!
//! Runs on: the panicking thread. Must not: allocate, panic.

use core::arch::asm;
use core::marker::PhantomData;

/// Instruction pointer, stack pointer and frame pointer at one instruction of this thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registers {
    // Private: `sp` is a promise that `StackWindow` relies on.
    ip: u64,
    sp: u64,
    fp: u64,
    _of_this_thread: PhantomData<*const u8>,
}

impl Registers {
    pub(crate) fn ip(&self) -> u64 {
        self.ip
    }

    pub(crate) fn sp(&self) -> u64 {
        self.sp
    }

    pub(crate) fn fp(&self) -> u64 {
        self.fp
    }
}

/// The registers of the function this is inlined into.
#[inline(always)]
pub(crate) fn current() -> Registers {
    let (ip, sp, fp);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: reads three registers, touches neither memory nor flags.
    unsafe {
        asm!(
            "lea {ip}, [rip]",
            "mov {sp}, rsp",
            "mov {fp}, rbp",
            ip = out(reg) ip,
            sp = out(reg) sp,
            fp = out(reg) fp,
            options(nomem, nostack, preserves_flags),
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: reads three registers, touches neither memory nor flags.
    unsafe {
        asm!(
            "adr {ip}, .",
            "mov {sp}, sp",
            "mov {fp}, x29",
            ip = out(reg) ip,
            sp = out(reg) sp,
            fp = out(reg) fp,
            options(nomem, nostack, preserves_flags),
        );
    }
    Registers { ip, sp, fp, _of_this_thread: PhantomData }
}
