//! `catch_unwind`: around the panic, beside it, ignored, and handed on.

use std::any::Any;
use std::panic::{catch_unwind, panic_any, resume_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::{MAIN, MAIN_ROOT, THREAD_ROOT, USER, catch, panic};
use crate::expect::SIGABRT;
use crate::{Exit, Hops, Scenario, ThreadName};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "catch-around",
        "`catch_unwind` encloses the panic",
        "a catch in the program",
        catch_around,
    )
    .panics(&[panic("inside the catch", MAIN, USER).dropped_at("catching::catch_around")])
    .twin("catch-beside"),
    Scenario::new(
        "catch-beside",
        "`catch_unwind` has returned before the panic",
        "a catch that does not enclose the panic",
        catch_beside,
    )
    .exits(101)
    .panics(&[panic("beside the catch", MAIN, MAIN_ROOT)])
    .twin("catch-around"),
    Scenario::new(
        "drop-guard-watches",
        "A destructor sees `thread::panicking()` and stops nothing",
        "`panicking()` taken for a catch",
        drop_guard_watches,
    )
    .exits(101)
    .panics(&[panic("watched", MAIN, MAIN_ROOT)])
    .twin("catch-around"),
    Scenario::new(
        "catch-nested",
        "Of two catches the inner one stops the panic",
        "a catch in the program",
        catch_nested,
    )
    .panics(&[panic("under two catches", MAIN, USER).dropped_at("catching::catch_nested")])
    .twin("catch-rethrown-to-main"),
    Scenario::new(
        "catch-rethrown",
        "The inner catch hands the payload on to the outer one",
        "one panic, one hook call, two catches",
        catch_rethrown,
    )
    .panics(&[panic("handed on", MAIN, USER)
        .thrown_again(Hops::Exactly(1), USER)
        .dropped_at("catching::catch_rethrown")])
    .twin("catch-rethrown-to-main"),
    Scenario::new(
        "catch-rethrown-to-main",
        "A caught panic is resumed and kills main",
        "one panic, one hook call, two catches",
        catch_rethrown_to_main,
    )
    .exits(101)
    .panics(&[panic("handed on to main", MAIN, USER).thrown_again(Hops::Exactly(1), MAIN_ROOT)])
    .twin("catch-rethrown"),
    Scenario::new("catch-swallowed", "`let _ = catch_unwind(..)`", "the swallow", catch_swallowed)
        .panics(&[panic("nobody looks", MAIN, USER).dropped_at("catching::catch_swallowed")])
        .twin("catch-beside"),
    Scenario::new("catch-examined", "The caught payload is read", "the swallow", catch_examined)
        .panics(&[panic("somebody looks", MAIN, USER).read_at("catching::catch_examined")])
        .twin("catch-rethrown-to-main"),
    Scenario::new(
        "catch-in-thread",
        "A thread catches its own panic and goes on",
        "a catch in the program",
        catch_in_thread,
    )
    .panics(&[panic("in the careful thread", ThreadName::Named("careful"), USER)
        .dropped_at("catching::catch_in_thread")])
    .twin("spawn-inside-catch"),
    Scenario::new(
        "spawn-inside-catch",
        "A thread that was spawned inside a catch panics: the catch does not see it",
        "the child panics, the parent catches",
        spawn_inside_catch,
    )
    .panics(&[panic("in the child", ThreadName::Named("child"), THREAD_ROOT)
        .dropped_at("catching::spawn_inside_catch")])
    .twin("catch-in-thread"),
    Scenario::new(
        "resume-first-on-main",
        "`resume_unwind` without a panic kills main, with no hook call and no output",
        "`resume_unwind` as the first raise",
        resume_first_on_main,
    )
    .exits(101)
    .without_hook(&[panic("no hook is called", MAIN, MAIN_ROOT)])
    .under_abort(Exit::Signal(SIGABRT))
    .twin("resume-first-caught"),
    Scenario::new(
        "resume-first-caught",
        "`resume_unwind` without a panic, caught",
        "`resume_unwind` as the first raise",
        resume_first_caught,
    )
    .without_hook(&[panic("no hook is called", MAIN, USER).dropped_at("catching::resume_first_caught")])
    .under_abort(Exit::Signal(SIGABRT))
    .twin("resume-first-on-main"),
    Scenario::new(
        "catch-downcast",
        "The caught payload is taken out by value, which frees it without its destructor",
        "the swallow",
        catch_downcast,
    )
    .panics(&[panic("taken out", MAIN, USER).read_at("catching::catch_downcast")])
    .twin("catch-swallowed"),
    Scenario::new(
        "catch-kept",
        "The caught payload lies in a static, unread, until the process ends",
        "a payload that is kept",
        catch_kept,
    )
    .panics(&[panic("kept for ever", MAIN, USER).kept_to_the_end()])
    .twin("catch-kept-and-read"),
    Scenario::new(
        "catch-kept-and-read",
        "The caught payload lies in a static and is read before the process ends",
        "a payload that is kept",
        catch_kept_and_read,
    )
    .panics(&[panic("kept for a while", MAIN, USER).read_at("catching::catch_kept_and_read")])
    .twin("catch-kept"),
    Scenario::new(
        "resume-on-thread",
        "A payload that main caught is resumed on another thread, which dies of it",
        "a panic moves between threads",
        resume_on_thread,
    )
    .panics(&[panic("moves to a thread", MAIN, USER)
        .thrown_again(Hops::Exactly(1), THREAD_ROOT)
        .dropped_at("catching::resume_on_thread")])
    .twin("thread-join-resumed"),
];

fn catch_around() {
    let caught = catch(|| panic!("inside the catch"));
    println!("caught: {}", caught.is_some());
}

fn catch_beside() {
    let caught = catch(|| println!("nothing happens here"));
    println!("caught: {}", caught.is_some());
    panic!("beside the catch");
}

fn drop_guard_watches() {
    struct Watches;
    impl Drop for Watches {
        fn drop(&mut self) {
            println!("panicking: {}", thread::panicking());
        }
    }
    let _watches = Watches;
    panic!("watched");
}

fn catch_nested() {
    let outer = catch(|| {
        let inner = catch(|| panic!("under two catches"));
        println!("inner caught: {}", inner.is_some());
    });
    println!("outer caught: {}", outer.is_some());
}

fn catch_rethrown() {
    let outer = catch(|| {
        if let Some(payload) = catch(|| panic!("handed on")) {
            resume_unwind(payload);
        }
    });
    println!("outer caught: {}", outer.is_some());
}

fn catch_rethrown_to_main() {
    if let Some(payload) = catch(|| panic!("handed on to main")) {
        resume_unwind(payload);
    }
}

fn catch_swallowed() {
    let _ = catch_unwind(|| panic!("nobody looks"));
}

fn catch_examined() {
    if let Some(payload) = catch(|| panic_any(String::from("somebody looks"))) {
        println!("caught: {:?}", payload.downcast_ref::<String>());
    }
}

fn catch_in_thread() {
    let handle = thread::Builder::new().name("careful".into()).spawn(|| {
        let caught = catch(|| panic!("in the careful thread"));
        caught.is_some()
    });
    println!("caught: {:?}", handle.expect("a thread can be started").join().ok());
}

fn spawn_inside_catch() {
    let caught = catch(|| {
        let handle = thread::Builder::new().name("child".into()).spawn(|| panic!("in the child"));
        let _ = handle.expect("a thread can be started").join();
    });
    println!("caught: {}", caught.is_some());
}

fn resume_first_on_main() {
    resume_unwind(Box::new("no hook is called"));
}

fn resume_first_caught() {
    let caught = catch(|| resume_unwind(Box::new("no hook is called")));
    println!("caught: {}", caught.is_some());
}

fn catch_downcast() {
    let text = catch(|| panic_any(String::from("taken out"))).and_then(|payload| payload.downcast().ok());
    println!("caught: {:?}", text.map(|text: Box<String>| *text));
}

static KEPT: Mutex<Option<Box<dyn Any + Send>>> = Mutex::new(None);

fn keep(payload: Option<Box<dyn Any + Send>>) {
    *KEPT.lock().unwrap_or_else(PoisonError::into_inner) = payload;
}

fn catch_kept() {
    keep(catch(|| panic!("kept for ever")));
}

fn catch_kept_and_read() {
    keep(catch(|| panic!("kept for a while")));
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    println!("kept: {:?}", kept.as_ref().and_then(|payload| payload.downcast_ref::<&str>()));
}

fn resume_on_thread() {
    if let Some(payload) = catch(|| panic!("moves to a thread")) {
        let handle = thread::spawn(move || resume_unwind(payload));
        let _ = handle.join();
    }
}
