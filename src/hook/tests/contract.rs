//! What the hook promises whatever happens: one call of the previous hook, every report made or counted.

use std::sync::mpsc;
use std::time::Instant;

use super::*;

fn previous_calls() -> u64 {
    PREVIOUS_CALLS.load(Ordering::Relaxed)
}

#[test]
fn a_full_pool_is_counted_by_reason_and_place() {
    passes_alone(|| {
        let state = install_with(2, |_| ());
        for number in 0..5 {
            caught(|| panic!("number {number}"));
        }
        assert_eq!((state.counters.panics(), previous_calls()), (5, 5));
        assert_eq!(state.channel.losses.totals().pool_full, 3);
        let sites = state.channel.loss_sites.top();
        assert!(sites[0].location.contains("contract.rs:") && sites[0].lost == 3, "{sites:?}");
        let seen = drain(state);
        assert_eq!(seen.iter().map(|seen| seen.sequence).collect::<Vec<_>>(), [1, 2]);
        caught(|| panic!("room again"));
        assert_eq!(drain(state)[0].sequence, 3);
    });
}

#[test]
fn a_blocking_overflow_waits_for_room_then_counts() {
    passes_alone(|| {
        let deadline = Duration::from_millis(20);
        let state = install_with(1, |state| state.overflow = Overflow::Block(deadline));
        caught(|| panic!("first"));
        let start = Instant::now();
        caught(|| panic!("waits in vain"));
        assert!(start.elapsed() >= deadline);
        assert_eq!(state.channel.losses.totals().pool_full, 1);
    });
}

#[test]
fn a_second_entry_on_one_thread_is_counted_and_the_previous_hook_called() {
    passes_alone(|| {
        let state = install_with(2, |_| ());
        let inside = RecursionGuard::enter();
        caught(|| panic!("while inside"));
        drop(inside);
        assert_eq!(state.channel.losses.totals().reentered, 1);
        assert_eq!((state.counters.panics(), previous_calls()), (1, 1));
        caught(|| panic!("after"));
        assert_eq!(drain(state).len(), 1);
    });
}

#[test]
fn a_panic_of_the_writer_is_counted_and_neither_recorded_nor_waited_for() {
    passes_alone(|| {
        let state = install_with(2, |_| ());
        let writer = || {
            mark_writer_thread();
            caught(|| panic!("in a sink"));
        };
        std::thread::spawn(writer).join().unwrap();
        assert_eq!(state.channel.losses.totals().writer_thread, 1);
        assert_eq!((drain(state).len(), previous_calls()), (0, 1));
    });
}

#[test]
fn the_previous_hook_is_left_out_when_the_console_is_off() {
    passes_alone(|| {
        let state = install_with(2, |state| state.console = Console::Off);
        caught(|| panic!("quiet"));
        assert_eq!((drain(state).len(), previous_calls()), (1, 0));
    });
}

#[test]
fn installing_on_a_panicking_thread_is_an_error_and_no_panic() {
    passes_alone(|| {
        struct InstallsLate(&'static HookState, mpsc::Sender<ErrorKind>);
        impl Drop for InstallsLate {
            fn drop(&mut self) {
                self.1.send(install(self.0).unwrap_err().kind()).unwrap();
            }
        }
        let state = install_with(2, |_| ());
        let (report, reports) = mpsc::channel();
        caught(|| {
            let _late = InstallsLate(state, report);
            panic!("unwinds through a destructor that installs");
        });
        assert_eq!(reports.recv().unwrap(), ErrorKind::Panicking);
        assert_eq!(drain(state).len(), 1);
    });
}

#[test]
fn a_panic_caught_inside_a_destructor_leaves_both_records_and_the_process() {
    passes_alone(|| {
        struct PanicsInside;
        impl Drop for PanicsInside {
            fn drop(&mut self) {
                caught(|| panic!("inner"));
            }
        }
        let state = install_with(4, |_| ());
        caught(|| {
            let _inside = PanicsInside;
            panic!("outer");
        });
        caught(|| panic!("later"));
        let seen = drain(state);
        let messages: Vec<_> = seen.iter().map(|seen| seen.message.as_str()).collect();
        assert_eq!(messages, ["outer", "inner", "later"]);
        // 0 where the stack is not walked: then it cannot be told.
        assert!([0, 1].contains(&seen[1].nested_in), "{seen:?}");
        assert_eq!((seen[0].nested_in, seen[2].nested_in), (0, 0), "{seen:?}");
    });
}

#[test]
fn registered_payloads_have_a_message() {
    passes_alone(|| {
        let state = install_with(2, |state| {
            state.payloads.push(PayloadExtractor::new(|code: &i32, out| write!(out, "code {code}")));
        });
        caught(|| panic::panic_any(7));
        let seen = drain(state);
        assert!(seen[0].message == "code 7" && seen[0].has(RawFlag::ExtractedMessage), "{seen:?}");
    });
}
