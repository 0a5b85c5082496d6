//! Who may enter the hook: no thread that is inside already, and none of the agent's own.
//!
//! Runs on: the panicking thread. Must not: allocate, lock, panic.

use core::cell::Cell;
use core::marker::PhantomData;

thread_local! {
    /// Whether this thread is inside the agent's part of the hook. Written by [`RecursionGuard`] only. No
    /// destructor, so it can always be read, also by a signal handler.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// Whether this is the agent's writer, or a thread that works for it. Written once, by that thread.
    static WRITER: Cell<bool> = const { Cell::new(false) };
}

/// Proves that this thread entered the hook once. What works on thread-local state during a panic takes a
/// reference to it.
#[derive(Debug)]
pub(crate) struct RecursionGuard {
    _thread: PhantomData<*const ()>,
}

impl RecursionGuard {
    /// `None` when this thread is inside the hook already.
    ///
    /// # Cost
    /// A load and a store.
    pub(crate) fn enter() -> Option<Self> {
        // Not `then_some`: a guard that is made and dropped at once would open the hook again.
        (!INSIDE.replace(true)).then(|| Self { _thread: PhantomData })
    }
}

impl Drop for RecursionGuard {
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}

/// Declares the calling thread to be the agent's writer, or to work for it. Its panics are counted, never recorded: it would
/// have to write its own report, and must not wait for itself.
pub(crate) fn mark_writer_thread() {
    WRITER.set(true);
}

/// Whether the calling thread is the agent's writer.
pub(crate) fn is_writer_thread() -> bool {
    WRITER.get()
}

/// Whether the calling thread is inside the agent's part of the hook.
#[cfg(test)]
pub(crate) fn is_inside() -> bool {
    INSIDE.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_entry_on_a_thread_is_refused_until_the_first_one_ended() {
        let first = RecursionGuard::enter();
        assert!(first.is_some() && RecursionGuard::enter().is_none() && is_inside());
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(RecursionGuard::enter().is_some())).join().unwrap();
        });
        drop(first);
        assert!(RecursionGuard::enter().is_some());
    }
}
