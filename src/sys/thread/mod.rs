//! The current thread, as the operating system sees it.
//!
//! Runs on: every thread, also foreign ones and those whose thread-locals are gone.
//! Must not: allocate, lock, panic, ask std for a thread handle.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

// Each has the twin of other systems under its own name.
#[cfg_attr(all(target_os = "linux", target_env = "gnu"), path = "detach_glibc.rs")]
#[cfg_attr(all(target_os = "linux", target_env = "musl"), path = "detach_musl.rs")]
mod detach;
#[cfg_attr(any(target_os = "linux", target_os = "android"), path = "named_linux.rs")]
#[cfg_attr(windows, path = "named_windows.rs")]
#[cfg_attr(any(target_vendor = "apple", target_os = "freebsd"), path = "named_bsd.rs")]
mod named;

/// Whether [`tid`] is what the system calls a thread, and not a number of ours.
pub(crate) use named::OF_SYSTEM as TELLS_ID;

/// Name of the thread in the system, cut by it to 15 bytes, for one system call; `None` when it has none or is not UTF-8.
pub(crate) use named::os_name;

pub(crate) use detach::{TELLS_DETACH_STATE, detach_state, prepare};

use super::fork;

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
    let asked = Ids { generation, pid: pid(), tid: named::ask_tid() };
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

/// OS thread id; where the system has none, a number that no other thread of the process has: see [`TELLS_ID`].
///
/// # Cost
/// One load after the first time.
pub(crate) fn tid() -> u32 {
    ids().tid
}

/// Whether this is the first thread of the process; `false` where that cannot be told.
pub(crate) fn is_first_thread() -> bool {
    if cfg!(any(target_os = "linux", target_os = "android")) {
        let ids = ids();
        return ids.tid == ids.pid;
    }
    let first = FIRST.load(Ordering::Relaxed);
    first != 0 && first == tid()
}

/// The first thread's id, where it is not that of the process; 0 until it was learned. Relaxed: it publishes no other memory.
static FIRST: AtomicU32 = AtomicU32::new(0);

/// std calls the calling thread that of `main`.
#[cfg_attr(panic_agent_tables, allow(dead_code, reason = "the id tells it there"))]
pub(crate) fn is_perhaps_the_first() {
    FIRST.store(tid(), Ordering::Relaxed);
}

/// It only bore that name.
#[cfg_attr(panic_agent_tables, allow(dead_code, reason = "the id tells it there"))]
pub(crate) fn is_not_the_first() {
    FIRST.store(0, Ordering::Relaxed);
}

/// The handle of this thread, its `pthread_t`, as a number. musl and glibc make it the address of what they know of the thread.
///
/// # Cost
/// A load.
#[cfg(panic_agent_tables)]
pub(crate) fn own_handle() -> u64 {
    // SAFETY: has no preconditions and cannot fail.
    number_of_handle(unsafe { libc::pthread_self() })
}

/// Any handle as a number: musl has a pointer where glibc has an integer.
#[cfg(panic_agent_tables)]
pub(crate) fn number_of_handle(handle: libc::pthread_t) -> u64 {
    handle as usize as u64
}

/// Bytes that hold any thread name of the system, with its final zero.
pub(crate) const OS_NAME_BYTES: usize = 16;

#[cfg(all(test, target_os = "linux", any(target_env = "gnu", target_env = "musl")))]
mod tests {
    use super::*;
    use crate::record::DetachState;
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
