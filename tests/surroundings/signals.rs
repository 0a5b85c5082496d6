//! Panics in handlers of signals, on small stacks, and what the hook needs of one.
//!
//! Runs on: the main thread of the programs and their handlers, and the threads that judge. Must not: unwind out of a
//! handler.

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

use libtest_mimic::Trial;
use panic_agent::{Agent, Console};

use super::program::{Program, command, fresh_directory, run};
use super::same::{Case, all_written};

/// A stack that is large enough for everything.
const LARGE: usize = 256 * 1024;
/// One on which no walk is made: a frame of the kernel's and less than a walk needs.
const SHORT: usize = 9 * 1024;
/// What nothing writes.
const PAINT: u8 = 0xa5;

/// Where the handler began. Written by the handler, read after it has returned, on the same thread.
static BEGAN: AtomicUsize = AtomicUsize::new(0);

pub(crate) const PROGRAMS: &[Program] = &[
    ("signals-std", || {
        let _agent = panic_agent::init();
        // The first time links what unwinding calls, which takes more of the stack than unwinding itself.
        assert!(catch_unwind(|| panic!("before")).is_err());
        handle(libc::SIGSEGV);
        // std has given this thread an alternate stack, as it gives every thread one.
        raise(libc::SIGSEGV);
        std::thread::spawn(|| raise(libc::SIGSEGV)).join().expect("it ends");
        println!("alive");
    }),
    ("signals-painted-large", || painted(LARGE)),
    ("signals-painted-short", || painted(SHORT)),
];

/// Prints how many bytes below a handler a panic takes that it catches.
fn painted(size: usize) {
    let off = std::env::var_os("PANIC_AGENT").is_some();
    let _agent = (!off).then(|| Agent::builder().console(Console::Off).install().expect("it starts"));
    if off {
        std::panic::set_hook(Box::new(|_| {}));
    }
    assert!(catch_unwind(|| panic!("before")).is_err());
    handle(libc::SIGSEGV);
    let mut stack = vec![PAINT; size];
    let alternate = libc::stack_t { ss_sp: stack.as_mut_ptr().cast(), ss_flags: 0, ss_size: size };
    // SAFETY: `alternate` describes memory that lives longer than it is used.
    assert_eq!(unsafe { libc::sigaltstack(&raw const alternate, std::ptr::null_mut()) }, 0);
    raise(libc::SIGSEGV);
    let untouched = stack.iter().take_while(|byte| **byte == PAINT).count();
    assert!(untouched > 0, "the stack did not suffice");
    let deepest = stack.as_ptr().addr() + untouched;
    println!("{}", BEGAN.load(Ordering::Relaxed) - deepest);
}

extern "C" fn panics(_: libc::c_int) {
    let here = 0_u8;
    BEGAN.store((&raw const here).addr(), Ordering::Relaxed);
    let _caught = catch_unwind(|| panic!("in a handler"));
}

fn handle(signal: libc::c_int) {
    // SAFETY: `sigaction` is plain numbers, valid when zero.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = panics as extern "C" fn(libc::c_int) as usize;
    action.sa_flags = libc::SA_ONSTACK;
    // SAFETY: the handler has the type that is asked for; it catches what it throws.
    assert_eq!(unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) }, 0);
}

fn raise(signal: libc::c_int) {
    // SAFETY: a number only; the handler returns.
    unsafe { libc::raise(signal) };
}

const CASES: &[Case] =
    &[Case::new("a_panic_in_a_handler_on_the_alternate_stack_of_std_is_survived", "signals-std", |run| {
        all_written(run, &["before", "in a handler", "in a handler"])
    })];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials: Vec<_> = CASES.iter().map(Case::trial).collect();
    trials.push(Trial::test("the_hook_needs_as_much_stack_as_is_documented", || {
        stack_need();
        Ok(())
    }));
    trials
}

fn stack_need() {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let text = include_str!("../../docs/panic-context.md");
    let row =
        text.lines().find(|line| line.starts_with(&format!("| {profile} |"))).expect("a row of the profile");
    let documented: Vec<usize> =
        row.split('|').skip(2).filter_map(|cell| cell.replace(' ', "").parse().ok()).collect();
    let measured = [need("large", true), need("short", true)];
    println!(
        "{profile}: {measured:?} bytes, {documented:?} documented, {} with an empty hook",
        need("large", false)
    );
    assert_eq!(documented.len(), measured.len(), "{row}");
    for (measured, documented) in measured.into_iter().zip(documented) {
        assert!(measured <= documented, "{measured} bytes, {documented} documented");
        assert!(
            !cfg!(debug_assertions) || measured * 2 > documented,
            "{measured} bytes, {documented} documented, which says nothing"
        );
    }
}

fn need(stack: &str, agent: bool) -> usize {
    let name = format!("signals-painted-{stack}");
    let directory = fresh_directory(&format!("{name}-{agent}"));
    let mut command = command(&name, &directory);
    if !agent {
        command.env("PANIC_AGENT", "off");
    }
    let output = run(&mut command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let ends = super::log::Log::read(&directory.join("panics.jsonl"));
    let ends: Vec<_> = ends.kind("panic").iter().map(|line| line["stack"]["end"].clone()).collect();
    let expected: &[&str] =
        if agent { &["bottom", if stack == "large" { "bottom" } else { "not_walked" }] } else { &[] };
    assert_eq!(ends, expected, "{stack}");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}
