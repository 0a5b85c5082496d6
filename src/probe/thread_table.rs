//! Threads by number and by `pthread_t`.
//!
//! Runs on: any thread. Must not: allocate, lock, wait, panic.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::event::ThreadRef;

/// Threads that can be alive, or dead and not yet joined, with everything known of them.
const THREADS: usize = 4096;
/// Neighbours a handle may use.
const WINDOW: usize = 8;

/// One thread; the entry of number `n` is `n % THREADS`. Written by the parent (`number`), by the thread
/// itself, and by whoever raises on it, which is itself. A newer thread takes the entry over.
struct Thread {
    number: AtomicU64,
    last_panic: AtomicU64,
    tid: AtomicU32,
    exited: AtomicBool,
}

/// The number of the thread with a `pthread_t`. The parent inserts, before it hands the handle to anybody, or, where the
/// handle lies in memory that others may free, the thread itself; join and detach remove. A handle is unique while it can be joined or detached.
struct Handle {
    /// `pthread_t`, 0 free.
    handle: AtomicU64,
    number: AtomicU64,
}

/// Number of the next thread.
static NEXT: AtomicU64 = AtomicU64::new(1);
static TABLE: [Thread; THREADS] = [const {
    Thread {
        number: AtomicU64::new(0),
        last_panic: AtomicU64::new(0),
        tid: AtomicU32::new(0),
        exited: AtomicBool::new(false),
    }
}; THREADS];
static HANDLES: [Handle; THREADS] =
    [const { Handle { handle: AtomicU64::new(0), number: AtomicU64::new(0) } }; THREADS];

/// A new thread's number; its entry is cleared.
pub(super) fn next() -> u64 {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    if let Some(thread) = TABLE.get(number as usize % THREADS) {
        thread.last_panic.store(0, Ordering::Relaxed);
        thread.tid.store(0, Ordering::Relaxed);
        thread.exited.store(false, Ordering::Relaxed);
        // Release pairs with the acquire in `thread`: who finds the number finds the cleared fields.
        thread.number.store(number, Ordering::Release);
    }
    number
}

pub(super) fn started(number: u64, tid: u32) {
    if let Some(thread) = thread(number) {
        thread.tid.store(tid, Ordering::Relaxed);
    }
}

pub(super) fn panicked(number: u64, serial: u64) {
    if let Some(thread) = thread(number) {
        thread.last_panic.store(serial, Ordering::Relaxed);
    }
}

pub(super) fn exited(number: u64) {
    if let Some(thread) = thread(number) {
        thread.exited.store(true, Ordering::Release);
    }
}

/// Makes the thread findable by its handle.
pub(super) fn insert(handle: u64, number: u64) {
    let free = window(handle)
        .find(|entry| entry.handle.compare_exchange(0, handle, Ordering::Relaxed, Ordering::Relaxed).is_ok());
    // Without room the oldest goes: threads that nobody joins or detaches would fill the table.
    let entry = free.or_else(|| window(handle).min_by_key(|entry| entry.number.load(Ordering::Relaxed)));
    if let Some(entry) = entry {
        entry.number.store(number, Ordering::Relaxed);
        entry.handle.store(handle, Ordering::Release);
    }
}

/// The number of the thread that has this handle now, 0 when not known. A handle may stand twice when a thread detached
/// itself before its parent inserted it: then it is the newer one's.
pub(super) fn number_of(handle: u64) -> u64 {
    let is_it = |entry: &&Handle| handle != 0 && entry.handle.load(Ordering::Acquire) == handle;
    let numbers = window(handle).filter(is_it).map(|entry| entry.number.load(Ordering::Relaxed));
    numbers.max().unwrap_or(0)
}

/// What is known of a thread that has, or had, this handle.
pub(super) fn describe(handle: u64, number: u64) -> ThreadRef {
    match thread(number) {
        Some(thread) => ThreadRef {
            handle,
            thread: number,
            last_panic: thread.last_panic.load(Ordering::Relaxed),
            tid: thread.tid.load(Ordering::Relaxed),
            exited: thread.exited.load(Ordering::Acquire),
        },
        None => ThreadRef { handle, thread: number, last_panic: 0, tid: 0, exited: false },
    }
}

/// Forgets a handle that was joined or detached, if it is still that thread's.
pub(super) fn remove(target: ThreadRef) {
    for entry in window(target.handle) {
        if entry.number.load(Ordering::Relaxed) == target.thread {
            // A failure means that another thread has the entry by now.
            let _ = entry.handle.compare_exchange(target.handle, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

fn thread(number: u64) -> Option<&'static Thread> {
    let thread = TABLE.get(number as usize % THREADS)?;
    (number != 0 && thread.number.load(Ordering::Acquire) == number).then_some(thread)
}

fn window(handle: u64) -> impl Iterator<Item = &'static Handle> {
    // Thread control blocks are page-sized apart or more.
    let hash = (handle >> 6).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    (0..WINDOW).filter_map(move |step| HANDLES.get((hash as usize).wrapping_add(step) % THREADS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(handle: u64) -> ThreadRef {
        describe(handle, number_of(handle))
    }

    #[test]
    fn a_thread_is_found_by_its_handle_until_it_is_joined() {
        let (first, second) = (next(), next());
        insert(0x7f00_0000_1700, first);
        started(first, 4711);
        panicked(first, 9);
        let found = find(0x7f00_0000_1700);
        assert_eq!((found.thread, found.tid, found.last_panic, found.exited), (first, 4711, 9, false));
        exited(first);
        assert!(find(0x7f00_0000_1700).exited);
        remove(found);
        assert_eq!(find(0x7f00_0000_1700).thread, 0);
        // The C library gives the same handle to a later thread.
        insert(0x7f00_0000_1700, second);
        assert_eq!((find(0x7f00_0000_1700).thread, find(0x7f00_0000_1700).tid), (second, 0));
        remove(find(0x7f00_0000_1700));
    }
}
