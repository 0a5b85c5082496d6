//! Tests that pass; behind one of them a thread dies.
//!
//! ```
//! assert_eq!(suite::one(), 1);
//! ```

/// One.
pub fn one() -> u8 {
    1
}

#[cfg(test)]
mod tests {
    use std::thread;

    #[test]
    fn a_thread_is_lost_behind_it() {
        let lost = thread::spawn(|| panic!("nobody looks"));
        while !lost.is_finished() {
            thread::yield_now();
        }
    }

    #[test]
    fn a_thread_is_looked_at() {
        let error = thread::spawn(|| panic!("somebody looks")).join().unwrap_err();
        assert_eq!(error.downcast_ref::<&str>(), Some(&"somebody looks"));
    }

    #[test]
    fn the_environment_is_clean() {
        let ours = |name: &str| name.starts_with("PANIC_AGENT_PRELOAD") || name == "LD_PRELOAD" || name.ends_with("_RUNNER");
        assert_eq!(std::env::vars().map(|(name, _)| name).find(|name| ours(name)), None);
        assert_eq!(super::one(), 1);
    }
}
