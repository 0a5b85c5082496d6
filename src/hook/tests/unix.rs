//! Panics that need the system: foreign threads, forked children, frames that must not unwind.

use std::os::unix::process::ExitStatusExt;

use super::*;

extern "C" fn foreign_start(_: *mut libc::c_void) -> *mut libc::c_void {
    caught(|| panic!("on a foreign thread"));
    core::ptr::null_mut()
}

#[test]
fn a_thread_made_by_c_is_recorded() {
    passes_alone(|| {
        let state = install_with(4, |_| ());
        let mut thread = 0;
        // SAFETY: `foreign_start` has the right signature, takes nothing and lets nothing unwind.
        let status = unsafe {
            libc::pthread_create(&raw mut thread, core::ptr::null(), foreign_start, core::ptr::null_mut())
        };
        assert_eq!(status, 0);
        // SAFETY: `thread` was made above and is joined once.
        unsafe { libc::pthread_join(thread, core::ptr::null_mut()) };
        assert_eq!(drain(state)[0].message, "on a foreign thread");
    });
}

#[test]
fn a_forked_child_counts_calls_the_previous_hook_and_waits_for_nobody() {
    passes_alone(|| {
        let state = install_with(4, |_| ());
        // SAFETY: the child calls nothing but the hook under test, `catch_unwind` and `_exit`; glibc's
        // allocator, which the payload needs, works in a child.
        let child = unsafe { libc::fork() };
        if child == 0 {
            caught(|| panic!("in the child"));
            let counted = state.channel.losses.totals().no_writer == 1 && state.channel.pending() == 0;
            let right = counted && PREVIOUS_CALLS.load(Ordering::Relaxed) == 1;
            // SAFETY: ends the process at once, without the parent's exit handlers.
            unsafe { libc::_exit(if right { 42 } else { 1 }) };
        }
        let mut status = 0;
        // SAFETY: `child` is a child of this process and `status` has room for one status.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!((libc::WIFEXITED(status), libc::WEXITSTATUS(status)), (true, 42));
        caught(|| panic!("in the parent"));
        assert_eq!(drain(state)[0].message, "in the parent");
    });
}

/// Like [`passes_alone`], for cases that abort; what the process said.
fn aborts_alone(case: impl FnOnce()) -> Option<String> {
    let output = alone(case)?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{text}");
    Some(text)
}

extern "C" fn must_not_unwind() {
    panic!("reaches the border");
}

/// A writer that needs a moment per record, so that a hook that did not wait would be seen.
fn start_slow_writer(state: &'static HookState) {
    std::thread::spawn(move || {
        mark_writer_thread();
        loop {
            while let Some(slot) = state.channel.try_receive() {
                (0..200).for_each(|_| std::thread::yield_now());
                let record = slot.record();
                let nested = (record.nested_in, record.has_flag(RawFlag::Nested));
                eprintln!("written: {} {nested:?}", record.message.as_str());
            }
            state.channel.park(None);
        }
    });
}

#[test]
fn an_abort_at_an_extern_c_border_waits_until_its_reports_are_written() {
    let text = aborts_alone(|| {
        let state = install_with(4, |state| state.flush_deadline = Duration::from_secs(60));
        start_slow_writer(state);
        must_not_unwind();
    });
    let Some(text) = text else { return };
    assert!(text.contains("written: reaches the border"), "{text}");
    assert!(text.contains("written: panic in a function that cannot unwind"), "{text}");
}

#[test]
fn the_wait_before_an_abort_ends_at_the_deadline_when_nobody_writes() {
    aborts_alone(|| {
        install_with(4, |state| state.flush_deadline = Duration::from_millis(10));
        must_not_unwind();
    });
}

#[test]
fn a_panicking_destructor_during_cleanup_is_linked_to_the_panic_before() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("second");
        }
    }
    let text = aborts_alone(|| {
        let state = install_with(4, |state| state.flush_deadline = Duration::from_secs(60));
        start_slow_writer(state);
        let _panics = Panics;
        panic!("first");
    });
    let Some(text) = text else { return };
    assert!(text.contains("written: first (0, false)"), "{text}");
    assert!(text.contains("written: panic in a destructor during cleanup (2, true)"), "{text}");
}
