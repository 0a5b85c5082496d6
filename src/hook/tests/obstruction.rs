//! No thread waits for another one inside the hook: a thread is stopped, at whatever instruction the signal
//! finds it there, and all others go on panicking and being recorded.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use super::*;

/// Stops to make.
const STOPS: u32 = 100;
/// Panics of each of two other threads during a stop.
const OTHERS: u64 = 10;

static HANDLED: AtomicU32 = AtomicU32::new(0);
static STOPPED: AtomicBool = AtomicBool::new(false);
static GO_ON: AtomicBool = AtomicBool::new(false);

/// Runs on the victim: stays here while the test wants it, if it came in the middle of the hook.
extern "C" fn on_signal(_: libc::c_int) {
    if crate::capture::recursion_guard::is_inside() {
        GO_ON.store(false, Ordering::SeqCst);
        STOPPED.store(true, Ordering::SeqCst);
        HANDLED.fetch_add(1, Ordering::SeqCst);
        while !GO_ON.load(Ordering::SeqCst) {
            core::hint::spin_loop();
        }
        STOPPED.store(false, Ordering::SeqCst);
    }
    HANDLED.fetch_add(1, Ordering::SeqCst);
}

fn wait_until(condition: impl Fn() -> bool, limit: Duration) -> bool {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > limit {
            return false;
        }
        thread::yield_now();
    }
    true
}

#[test]
fn a_thread_stopped_inside_the_hook_holds_up_no_other_panic() {
    passes_alone(|| {
        // SAFETY: a hang is a failure; the signal's default action ends the process.
        unsafe { libc::alarm(600) };
        let handler = on_signal as extern "C" fn(libc::c_int);
        // SAFETY: the handler touches nothing but atomics and a thread-local without destructor.
        unsafe { libc::signal(libc::SIGUSR1, handler as libc::sighandler_t) };
        let state = install_with(128, |_| ());
        let (received, end) = (AtomicU64::new(0), AtomicBool::new(false));
        let mut held_writer = 0;
        let mut stops = 0;
        thread::scope(|scope| {
            scope.spawn(|| {
                mark_writer_thread();
                while !end.load(Ordering::Acquire) {
                    received.fetch_add(drain(state).len() as u64, Ordering::Relaxed);
                    state.channel.park(Some(Duration::from_millis(1)));
                }
            });
            let (send_id, victim_id) = std::sync::mpsc::channel();
            let end = &end;
            let victim = scope.spawn(move || {
                // SAFETY: takes nothing and cannot fail.
                send_id.send(unsafe { libc::pthread_self() }).unwrap();
                while !end.load(Ordering::Acquire) {
                    caught(|| panic!("victim"));
                }
            });
            let victim_id = victim_id.recv().unwrap();
            while stops < STOPS {
                let handled = HANDLED.load(Ordering::SeqCst);
                // SAFETY: the victim runs until `end` is set, so its id is valid.
                unsafe { libc::pthread_kill(victim_id, libc::SIGUSR1) };
                while HANDLED.load(Ordering::SeqCst) == handled {
                    thread::yield_now();
                }
                if !STOPPED.load(Ordering::SeqCst) {
                    continue;
                }
                stops += 1;
                // What the victim published before arrives while it stands still, and so does all that
                // others publish now. Only when it stands between the two steps of a send must the
                // writer wait; the reports are in their slots then.
                let arrived = || wait_until(|| state.channel.pending() <= 1, Duration::from_millis(500));
                let mut writer_runs = arrived();
                let before = (state.counters.panics(), state.channel.losses.totals());
                thread::scope(|others| {
                    for _ in 0..2 {
                        others.spawn(|| (0..OTHERS).for_each(|_| caught(|| panic!("other"))));
                    }
                });
                assert!(state.counters.panics() >= before.0 + 2 * OTHERS);
                writer_runs = writer_runs && arrived();
                if writer_runs {
                    assert_eq!(state.channel.losses.totals(), before.1);
                } else {
                    held_writer += 1;
                }
                GO_ON.store(true, Ordering::SeqCst);
                while STOPPED.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
                assert!(wait_until(|| state.channel.pending() <= 2, Duration::from_secs(30)));
            }
            end.store(true, Ordering::Release);
            victim.join().unwrap();
        });
        let received = received.load(Ordering::Relaxed) + drain(state).len() as u64;
        let losses = state.channel.losses.totals().total();
        assert_eq!(received + losses, state.counters.panics());
        assert!(received >= u64::from(STOPS) * 2 * OTHERS);
        assert!(held_writer * 20 <= STOPS, "the writer was held up in {held_writer} of {stops} stops");
        eprintln!("stops: {stops}, the writer held up in: {held_writer}, losses: {losses}");
    });
}
