//! Deaths and births that only the system knows of: `_exit`, SIGKILL, `pthread_exit`, `fork`.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

#[cfg(not(target_env = "musl"))]
use super::FOREIGN_ON_THREAD;
use super::gate::Gate;
use super::{MAIN, THREAD_ROOT, USER, catch, panic};
use crate::{Delivery, Exit, Scenario, ThreadName};

/// Far longer than the writer needs.
const FLUSH: Duration = Duration::from_secs(30);

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "quick-exit-after-flush",
        "`_exit(5)` after a caught panic and a flush",
        "no exit handler runs",
        quick_exit_after_flush,
    )
    .exits(5)
    .skips_exit_handlers()
    .panics(&[panic("flushed in time", MAIN, USER).dropped_at("system::quick_exit_after_flush")])
    .twin("quick-exit"),
    Scenario::new("quick-exit", "`_exit(5)` right after a caught panic", "no exit handler runs", quick_exit)
        .exits(5)
        .skips_exit_handlers()
        .panics(&[panic("perhaps in time", MAIN, USER).dropped_at("system::quick_exit")])
        .delivery(Delivery::AtRisk)
        .twin("quick-exit-after-flush"),
    Scenario::new("killed", "SIGKILL right after a caught panic", "no exit handler runs", killed)
        .dies_of(libc::SIGKILL)
        .panics(&[panic("perhaps in time", MAIN, USER).dropped_at("system::killed")])
        .delivery(Delivery::AtRisk)
        .twin("return-after-caught"),
    // musl's ends the thread without an unwinding.
    #[cfg(not(target_env = "musl"))]
    Scenario::new(
        "pthread-exit",
        "A thread of std ends with `pthread_exit`: abort without a hook call",
        "a forced unwinding that is no panic",
        pthread_exit,
    )
    .aborts()
    .panics_under_abort(FOREIGN_ON_THREAD)
    .twin("thread-join-ignored"),
    Scenario::new(
        "fork-child-panics",
        "The child of a fork catches a panic and ends; the parent ends in order",
        "a panic in a forked child",
        fork_child_panics,
    )
    .panics(&[panic("in the forked child", MAIN, USER).dropped_at("system::fork_child_panics")])
    // The child writes the line itself, without names, and nobody says how the panic ended.
    .delivery(Delivery::AtRisk)
    .under_abort(Exit::Code(0))
    .twin("fork-parent-panics"),
    Scenario::new(
        "fork-parent-panics",
        "The parent of a fork catches a panic after its child has ended",
        "a panic beside a forked child",
        fork_parent_panics,
    )
    .panics(&[panic("in the parent", MAIN, USER).dropped_at("system::fork_parent_panics")])
    .twin("fork-child-panics"),
    Scenario::new(
        "thread-outlives-main",
        "A detached thread panics after main has returned, while the exit handlers run",
        "a panic after the end of main",
        thread_outlives_main,
    )
    .panics(&[panic("after main", ThreadName::Named("late"), THREAD_ROOT).discarded()])
    .twin("thread-outlives-main-joined"),
    Scenario::new(
        "thread-outlives-main-joined",
        "A thread panics after main has returned; an exit handler joins it and reads the payload",
        "a panic after the end of main",
        thread_outlives_main_joined,
    )
    .panics(&[panic("after main", ThreadName::Named("late"), THREAD_ROOT).read_at("system::join_and_read")])
    .twin("thread-outlives-main"),
];

fn quick_exit_after_flush() {
    let _ = catch(|| panic!("flushed in time"));
    // A flush that fails shows in the missing line.
    let _ = panic_agent::flush(FLUSH);
    exit_at_once(5);
}

fn quick_exit() {
    let _ = catch(|| panic!("perhaps in time"));
    exit_at_once(5);
}

fn exit_at_once(code: i32) -> ! {
    // SAFETY: `_exit` may be called in any state.
    unsafe { libc::_exit(code) }
}

fn killed() {
    let _ = catch(|| panic!("perhaps in time"));
    // SAFETY: sends a signal to this very process.
    let _ = unsafe { libc::raise(libc::SIGKILL) };
}

#[cfg(not(target_env = "musl"))]
fn pthread_exit() {
    unsafe extern "C-unwind" {
        // Declared here because libc's own declaration promises not to unwind, and this is how it ends.
        #[link_name = "pthread_exit"]
        fn pthread_exit_unwinding(value: *mut libc::c_void) -> !;
    }
    let handle = thread::spawn(|| {
        // SAFETY: no frame between here and std's thread start owns anything.
        unsafe { pthread_exit_unwinding(std::ptr::null_mut()) }
    });
    let _ = handle.join();
}

/// Forks, runs `child` in the child, and waits for its end.
fn fork(child: fn()) {
    // What is buffered would be printed twice.
    let _ = io::stdout().flush();
    // SAFETY: the process has no other threads but the agent's, and the child runs only `child`, which
    // needs nothing that other threads may have locked.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        child();
        exit_at_once(0);
    }
    let mut status = 0;
    // SAFETY: `status` lives across the call.
    let waited = unsafe { libc::waitpid(pid, &mut status, 0) };
    println!("child waited for: {}", waited == pid);
}

fn fork_child_panics() {
    fork(|| {
        let _ = catch(|| panic!("in the forked child"));
    });
}

fn fork_parent_panics() {
    fork(|| ());
    let _ = catch(|| panic!("in the parent"));
}

/// Panics when it is opened: after main.
static AFTER_MAIN: Gate = Gate::new();
static LATE: Mutex<Option<JoinHandle<()>>> = Mutex::new(None);

/// Starts a thread that panics after main, and registers an exit handler. The agent's own is older and runs later.
fn outlive_main(at_exit: extern "C" fn()) {
    let run = || {
        AFTER_MAIN.wait();
        panic!("after main");
    };
    let handle = thread::Builder::new().name("late".into()).spawn(run).expect("a thread can be started");
    *LATE.lock().unwrap() = Some(handle);
    // SAFETY: the handler is a function of this program and does not unwind.
    let registered = unsafe { libc::atexit(at_exit) };
    println!("registered: {}", registered == 0);
}

fn late_thread() -> Option<JoinHandle<()>> {
    AFTER_MAIN.open();
    LATE.lock().unwrap_or_else(PoisonError::into_inner).take()
}

extern "C" fn drop_when_dead() {
    let Some(handle) = late_thread() else { return };
    while !handle.is_finished() {
        thread::yield_now();
    }
    drop(handle);
}

extern "C" fn join_and_read() {
    if let Some(Err(payload)) = late_thread().map(JoinHandle::join) {
        println!("the late thread said {:?}", payload.downcast_ref::<&str>());
    }
}

fn thread_outlives_main() {
    outlive_main(drop_when_dead);
}

fn thread_outlives_main_joined() {
    outlive_main(join_and_read);
}
