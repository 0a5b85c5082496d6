//! Keeps signals away from the writer thread: a handler of the program must not run on it, and a signal
//! that ends a thread's system call must not disturb a write.
//!
//! Runs on: the thread that installs the agent, around the start of the writer. Must not: leave signals
//! blocked on that thread.

/// Blocks every signal on the calling thread until it is dropped. Threads started meanwhile inherit it.
pub(crate) struct AllBlocked {
    before: libc::sigset_t,
}

impl AllBlocked {
    /// `None` when the mask could not be changed; then nothing was.
    pub(crate) fn new() -> Option<Self> {
        let mut all = core::mem::MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = core::mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `all` is valid for writes of one `sigset_t`.
        if unsafe { libc::sigfillset(all.as_mut_ptr()) } != 0 {
            return None;
        }
        // SAFETY: `all` was initialized by `sigfillset`; `before` is valid for writes of one `sigset_t`.
        let result = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
        if result != 0 {
            return None;
        }
        // SAFETY: the call above succeeded, so it wrote the previous mask.
        let before = unsafe { before.assume_init() };
        Some(Self { before })
    }
}

impl Drop for AllBlocked {
    fn drop(&mut self) {
        // SAFETY: `before` is the mask that `pthread_sigmask` gave; a null pointer asks for no copy. It can
        // only fail for a wrong first argument.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, core::ptr::null_mut()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocked(signal: libc::c_int) -> bool {
        let mut mask = core::mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: a null new mask only reads; `mask` is valid for writes of one `sigset_t`.
        let result = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, core::ptr::null(), mask.as_mut_ptr()) };
        assert_eq!(result, 0);
        // SAFETY: the call above wrote the mask.
        unsafe { libc::sigismember(mask.as_ptr(), signal) == 1 }
    }

    #[test]
    fn a_thread_started_meanwhile_has_no_signals_and_the_starter_gets_its_own_back() {
        let before = blocked(libc::SIGTERM);
        let guard = AllBlocked::new();
        let inside = std::thread::spawn(|| blocked(libc::SIGTERM)).join().unwrap();
        drop(guard);
        assert!(inside);
        assert_eq!(blocked(libc::SIGTERM), before);
    }
}
