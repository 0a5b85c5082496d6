//! The current thread, as the operating system sees it.
//!
//! Runs on: every thread, also foreign ones and those whose thread-locals are gone.
//! Must not: allocate, lock, panic, ask std for a thread handle.

use core::cell::Cell;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
use core::ffi::{c_int, c_void};
#[cfg(all(target_os = "linux", target_env = "gnu"))]
use core::ptr;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::{AtomicU64, Ordering};

use super::fork;
use crate::record::DetachState;

/// Ids of a thread, as the system told them.
#[derive(Clone, Copy)]
struct Ids {
    /// [`fork::generation`] in which they were asked.
    generation: u32,
    pid: u32,
    tid: u32,
}

thread_local! {
    /// Ids of this thread; a process id of 0 means that they were not asked yet. The copy that a forked child
    /// inherits is stale, which its generation shows. No destructor, so it can always be read.
    static IDS: Cell<Ids> = const { Cell::new(Ids { generation: 0, pid: 0, tid: 0 }) };
}

/// In the high half [`fork::generation`], in the low half the process id; 0: not asked yet. Relaxed: it publishes
/// no other memory.
static PROCESS: AtomicU64 = AtomicU64::new(0);

/// One system call per thread and fork.
fn ids() -> Ids {
    let generation = fork::generation();
    let known = IDS.get();
    if known.pid != 0 && known.generation == generation {
        return known;
    }
    let asked = Ids { generation, pid: pid(), tid: ask_tid() };
    IDS.set(asked);
    asked
}

/// Process id. Not to be asked before [`fork::watch`] was called.
///
/// # Cost
/// Two loads; one system call per process, which the installing thread makes.
pub(crate) fn pid() -> u32 {
    let generation = fork::generation();
    let known = PROCESS.load(Ordering::Relaxed);
    if known as u32 != 0 && (known >> 32) as u32 == generation {
        return known as u32;
    }
    let pid = std::process::id();
    PROCESS.store(u64::from(generation) << 32 | u64::from(pid), Ordering::Relaxed);
    pid
}

/// OS thread id; 0 where the system has none.
///
/// # Cost
/// One load after the first time.
pub(crate) fn tid() -> u32 {
    ids().tid
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn ask_tid() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    let tid = unsafe { libc::gettid() };
    tid.unsigned_abs()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn ask_tid() -> u32 {
    0
}

/// Whether this is the first thread of the process; `false` where that cannot be told.
pub(crate) fn is_first_thread() -> bool {
    let ids = ids();
    cfg!(any(target_os = "linux", target_os = "android")) && ids.tid == ids.pid
}

/// Bytes that hold any thread name of the system, with its final zero.
pub(crate) const OS_NAME_BYTES: usize = 16;

/// Name of the thread in the system, cut by it to 15 bytes; `None` when it has none or is not UTF-8.
///
/// # Cost
/// One system call.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn os_name(buffer: &mut [u8; OS_NAME_BYTES]) -> Option<&str> {
    // SAFETY: PR_GET_NAME writes at most 16 bytes, ending with a zero, and `buffer` has 16.
    let status = unsafe { libc::prctl(libc::PR_GET_NAME, buffer.as_mut_ptr()) };
    if status != 0 {
        return None;
    }
    let name = core::ffi::CStr::from_bytes_until_nul(buffer).ok()?;
    name.to_str().ok().filter(|name| !name.is_empty())
}

/// The twin for systems without `prctl`.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn os_name(_buffer: &mut [u8; OS_NAME_BYTES]) -> Option<&str> {
    None
}

/// Whether [`detach_state`] has an answer on this system.
pub(crate) const TELLS_DETACH_STATE: bool =
    cfg!(all(target_os = "linux", any(target_env = "gnu", target_env = "musl")));

/// `pthread_join` of the C library itself.
///
/// Not the one that this program is linked to: a sanitizer, or a library that was loaded before, may have put its own
/// there, which ends the process when a thread asks for itself.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
static JOIN: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Looks up what [`detach_state`] asks. Until then it gives no answer.
///
/// May take the loader's lock; not for a panicking thread.
#[cfg(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static")))]
pub(crate) fn prepare() {
    // In glibc before 2.34 it is in a library of its own.
    for library in [c"libc.so.6", c"libpthread.so.0"] {
        // SAFETY: the name ends with a zero byte, and nothing is loaded: it is there already, or null is the answer.
        let library = unsafe { libc::dlopen(library.as_ptr(), libc::RTLD_NOW | libc::RTLD_NOLOAD) };
        if library.is_null() {
            continue;
        }
        // SAFETY: `library` was opened above and is never closed; the name ends with a zero byte.
        let join = unsafe { libc::dlsym(library, c"pthread_join".as_ptr()) };
        if !join.is_null() {
            // Release, paired with the Acquire in `detach_state`; that it is an address is all there is to see.
            return JOIN.store(join, Ordering::Release);
        }
    }
}

/// The twin for a static executable, whose only `pthread_join` is that of the C library.
#[cfg(all(target_os = "linux", target_env = "gnu", target_feature = "crt-static"))]
pub(crate) fn prepare() {
    JOIN.store(libc::pthread_join as *mut c_void, Ordering::Release);
}

/// The twin for systems that are not asked.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn prepare() {}

/// Whether somebody can still join this thread.
///
/// Always unknown on the first thread: nobody can join it, yet it is not detached either. Unknown before [`prepare`].
///
/// # Cost
/// A few nanoseconds, no system call.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn detach_state() -> DetachState {
    type Join = unsafe extern "C" fn(libc::pthread_t, *mut *mut c_void) -> c_int;
    let join = JOIN.load(Ordering::Acquire);
    if join.is_null() || is_first_thread() {
        return DetachState::Unknown;
    }
    // SAFETY: `prepare` stored the address of the C library's `pthread_join`, which has this type.
    let join = unsafe { core::mem::transmute::<*mut c_void, Join>(join) };
    // SAFETY: takes nothing and cannot fail.
    let this = unsafe { libc::pthread_self() };
    // SAFETY: glibc looks at the thread's own descriptor first: a detached thread cannot be joined
    // (EINVAL), and a thread cannot join itself (EDEADLK). Both answers come before any waiting.
    match unsafe { join(this, ptr::null_mut()) } {
        libc::EDEADLK => DetachState::Joinable,
        libc::EINVAL => DetachState::Detached,
        _ => DetachState::Unknown,
    }
}

/// The twin for systems where nothing answers this without side effects. On musl the question would block.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn detach_state() -> DetachState {
    DetachState::Unknown
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_thread_is_joinable_until_its_handle_is_dropped() {
        prepare();
        let (report, states) = mpsc::channel();
        let (go, gone) = mpsc::channel();
        let handle = std::thread::spawn(move || {
            report.send(detach_state()).unwrap();
            gone.recv().unwrap();
            report.send(detach_state()).unwrap();
        });
        assert_eq!(states.recv().unwrap(), DetachState::Joinable);
        drop(handle);
        go.send(()).unwrap();
        assert_eq!(states.recv().unwrap(), DetachState::Detached);
    }

    #[test]
    fn the_name_is_the_one_the_system_keeps() {
        let builder = std::thread::Builder::new().name("a name that is too long".to_owned());
        let thread = builder.spawn(|| {
            let mut buffer = [0; OS_NAME_BYTES];
            assert_eq!(os_name(&mut buffer), Some("a name that is "));
            assert_ne!(tid(), pid());
            assert!(!is_first_thread());
        });
        thread.unwrap().join().unwrap();
    }
}
