//! The frames of a thread that does not panic: who ends the process, who replaced the hook.
//!
//! Runs on: the thread that does so. Allocates. Must not: take a lock; another process may have been forked while one
//! was held, and a thread that reads debug information may hold one for seconds.

use super::walk_of_callers;

/// Return addresses of the calling function and of the frames outside of it, innermost first, at most so many.
#[inline(never)]
pub(crate) fn callers(frames: usize) -> Vec<u64> {
    let anchor = 0_u8;
    let mut ips = vec![0; frames];
    let len = walk_of_callers(&mut ips, core::hint::black_box(&raw const anchor).addr());
    ips.truncate(len);
    ips
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn asks(frames: usize) -> Vec<u64> {
        let ips = callers(frames);
        core::hint::black_box(ips)
    }

    #[test]
    fn the_first_frame_is_the_one_that_asks_and_no_more_are_given_than_wanted() {
        super::super::prepare();
        let ips = asks(64);
        let start = asks as *const () as usize as u64;
        assert!((start..start + 4096).contains(ips.first().unwrap_or(&0)), "{start:#x}: {ips:#x?}");
        assert!(ips.len() > 3, "{ips:#x?}");
        assert_eq!(asks(2).len(), 2);
    }
}
