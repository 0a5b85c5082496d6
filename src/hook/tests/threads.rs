//! Panics on threads that are hard to panic on.

use super::*;
use crate::capture::labels::label;

#[test]
fn a_thread_with_a_16_kib_stack_is_recorded() {
    passes_alone(|| {
        let state = install_with(4, |_| ());
        let small = std::thread::Builder::new().stack_size(16 * 1024);
        let body = || {
            let _label = label("stack", "small");
            caught(|| panic!("on a small stack"));
        };
        small.spawn(body).unwrap().join().unwrap();
        let seen = drain(state);
        assert_eq!(seen[0].message, "on a small stack");
        assert_eq!(seen[0].labels, [("stack".to_owned(), "small".to_owned())]);
    });
}

#[test]
fn a_panic_in_a_destructor_of_a_thread_local_is_recorded() {
    passes_alone(|| {
        struct Late;
        impl Drop for Late {
            fn drop(&mut self) {
                let _late = label("phase", "ending");
                caught(|| panic!("while the thread ends"));
            }
        }
        thread_local!(static LATE: Late = const { Late });
        let state = install_with(4, |_| ());
        let ending = std::thread::Builder::new().name("ending".to_owned());
        ending.spawn(|| LATE.with(|_| ())).unwrap().join().unwrap();
        let seen = drain(state);
        assert_eq!(seen[0].message, "while the thread ends");
        assert_eq!(seen[0].labels[0].1, "ending");
        #[cfg(target_os = "linux")]
        assert_eq!(seen[0].thread, "ending");
    });
}

#[test]
fn threads_that_panic_at_once_are_all_recorded_or_counted() {
    passes_alone(|| {
        let state = install_with(16, |_| ());
        let mut seen = Vec::new();
        std::thread::scope(|scope| {
            let body = || (0..200).for_each(|number| caught(|| panic!("number {number}")));
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(body)).collect();
            while threads.iter().any(|thread| !thread.is_finished()) {
                seen.extend(drain(state));
                state.channel.park(Some(Duration::from_millis(1)));
            }
        });
        seen.extend(drain(state));
        let losses = state.channel.losses.totals().total();
        assert_eq!(seen.len() as u64 + losses, 1600);
        assert_eq!(state.counters.panics(), 1600);
        let mut sequences: Vec<_> = seen.iter().map(|seen| seen.sequence).collect();
        sequences.sort_unstable();
        sequences.dedup();
        assert_eq!(sequences.len(), seen.len());
    });
}
