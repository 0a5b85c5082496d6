//! Whole names of threads. The system keeps 15 bytes; std has the rest in the thread's handle, which the argument of
//! `pthread_create` leads to.
//!
//! Runs on: the new thread, before its closure. Must not: allocate, lock, panic, or read memory that may not be
//! there other than through the system, which says so.

use core::cell::{Cell, RefCell};
use core::ffi::{CStr, c_char, c_int};

use super::is_on;
use crate::probe::got::Symbol;
use crate::record::FixedText;

/// Bytes of a name in the system, without the final zero.
const SYSTEM_BYTES: usize = 15;
/// Bytes of a name that are looked at.
const NAME_BYTES: usize = 256;
/// Words of an object that are followed.
const WORDS: usize = 8;
/// Objects that are followed from the argument: itself, the handle in it, and what that points to.
const LEVELS: u32 = 3;

thread_local! {
    /// The argument of the start routine; 0 once it may be gone.
    static ARGUMENT: Cell<usize> = const { Cell::new(0) };
    /// Whether the probes saw the thread begin, and whether it was named since.
    static BEGUN: Cell<bool> = const { Cell::new(false) };
    static NAMED: Cell<bool> = const { Cell::new(false) };
    static NAME: RefCell<FixedText<NAME_BYTES>> = const { RefCell::new(FixedText::new()) };
}

type RealSetName = unsafe extern "C-unwind" fn(libc::pthread_t, *const c_char) -> c_int;

/// A thread is about to call its start routine.
pub(in crate::probe) fn begin(argument: usize) {
    if is_on() {
        let _gone = ARGUMENT.try_with(|kept| kept.set(argument));
        BEGUN.set(true);
    }
}

/// Shows the name of this thread, given what the system says: whole, where that is known; not at all for a thread that
/// has only inherited the name of its parent.
pub(crate) fn name(system: Option<&str>, show: impl FnOnce(&str)) {
    let Some(system) = system else { return };
    if BEGUN.get() && !NAMED.get() {
        return;
    }
    let _gone = NAME.try_with(|name| {
        let Ok(name) = name.try_borrow() else { return };
        // Unless it was named anew since, in a way that is not seen.
        let whole = name.as_str().starts_with(system) && name.as_str().len() > system.len();
        show(if whole { name.as_str() } else { system });
    });
}

/// Stands in for `pthread_setname_np`.
pub(in crate::probe) unsafe extern "C-unwind" fn set_name(
    thread: libc::pthread_t,
    name: *const c_char,
) -> c_int {
    // SAFETY: no preconditions.
    if is_on() && !name.is_null() && thread == unsafe { libc::pthread_self() } {
        // SAFETY: the caller names its thread with a C string.
        note(unsafe { CStr::from_ptr(name) });
    }
    let real = Symbol::SetName.real();
    if real == 0 {
        return libc::ENOSYS;
    }
    // SAFETY: `real` is the address of the function this stands in for.
    let real = unsafe { core::mem::transmute::<usize, RealSetName>(real) };
    // SAFETY: forwarded as it came.
    unsafe { real(thread, name) }
}

#[inline(never)]
fn note(name: &CStr) {
    let argument = ARGUMENT.try_with(|kept| kept.replace(0)).unwrap_or(0);
    let _gone = NAME.try_with(|whole| {
        let Ok(mut whole) = whole.try_borrow_mut() else { return };
        whole.clear();
        NAMED.set(true);
        let wanted = name.to_bytes();
        if wanted.len() == SYSTEM_BYTES && argument != 0 {
            search(argument, wanted, LEVELS, &mut whole);
        }
    });
}

/// Looks for a C string that begins like this in what an object points to. `true` when it was found.
fn search(object: usize, wanted: &[u8], levels: u32, found: &mut FixedText<NAME_BYTES>) -> bool {
    let mut words = [0_u8; WORDS * size_of::<usize>()];
    if read(object, &mut words) < words.len() {
        return false;
    }
    let pointers = || {
        words.chunks_exact(size_of::<usize>()).filter_map(|word| {
            let pointer = usize::from_ne_bytes(word.try_into().ok()?);
            // Neither a small number nor what no program can address, on either architecture.
            (0x1_0000..1 << 48).contains(&pointer).then_some(pointer)
        })
    };
    for pointer in pointers() {
        let mut text = [0_u8; NAME_BYTES];
        let len = read(pointer, &mut text);
        let text = text.get(..len).unwrap_or_default();
        if text.starts_with(wanted)
            && let Ok(text) = CStr::from_bytes_until_nul(text)
            && let Ok(text) = text.to_str()
        {
            found.set(text);
            return true;
        }
    }
    let deeper = levels.saturating_sub(1);
    deeper > 0
        && pointers().any(|pointer| {
            pointer.is_multiple_of(align_of::<usize>()) && search(pointer, wanted, deeper, found)
        })
}

/// Copies what is there, and says how much that was.
fn read(address: usize, into: &mut [u8]) -> usize {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: core::ptr::without_provenance_mut(address), iov_len: into.len() };
    // SAFETY: no preconditions.
    let own = unsafe { libc::getpid() };
    // SAFETY: `into` is valid for writing; the kernel checks the other side and copies nothing that is not there.
    let copied = unsafe { libc::process_vm_readv(own, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(copied).unwrap_or(0)
}
