//! Panic hooks beside the agent's: before it, after it, instead of it, and broken ones.

use std::fmt;
use std::panic::{set_hook, take_hook};

use super::{IN_CLEANUP, IN_DROP, MAIN, MAIN_ROOT, USER, catch, panic};
use crate::expect::SIGABRT;

use crate::{Delivery, Exit, Outcome, Scenario};

const HOOK_DIES: &[Outcome] = &[Outcome::ABORTED_UNANNOUNCED];

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "hook-before",
        "A hook that was set before the agent is still called, once per panic",
        "a hook in front of the agent",
        hook_before,
    )
    .beside_std_hook()
    .before_agent(set_talking_hook)
    .panics(&[panic("heard by both", MAIN, USER).dropped_at("hooks::hook_before")])
    .twin("hook-replaced"),
    Scenario::new(
        "hook-chained",
        "A library sets a hook later and calls the one before it",
        "a hook after the agent",
        hook_chained,
    )
    .panics(&[panic("heard by both", MAIN, USER).dropped_at("hooks::hook_chained")])
    .twin("hook-replaced"),
    Scenario::new(
        "hook-replaced",
        "A library replaces the hook: no line, and nobody notices",
        "a hook instead of the agent's",
        hook_replaced,
    )
    .without_hook(&[panic("not heard", MAIN, USER).dropped_at("hooks::hook_replaced")])
    .finds(&["hook_replaced", "raise_without_hook"])
    .under_abort(Exit::Signal(SIGABRT))
    .twin("hook-chained"),
    Scenario::new(
        "hook-taken",
        "A library takes the hook and drops it: no line",
        "a hook instead of the agent's",
        hook_taken,
    )
    .beside_std_hook()
    .without_hook(&[panic("heard by std's hook only", MAIN, USER).dropped_at("hooks::hook_taken")])
    .finds(&["hook_replaced", "raise_without_hook"])
    .under_abort(Exit::Signal(SIGABRT))
    .twin("hook-chained"),
    Scenario::new(
        "hook-kept",
        "A library takes the hook, keeps it and never calls it: no line from the hook",
        "a hook instead of the agent's",
        hook_kept,
    )
    .without_hook(&[panic("kept back", MAIN, USER).dropped_at("hooks::hook_kept")])
    .finds(&["raise_without_hook"])
    .under_abort(Exit::Signal(SIGABRT))
    .beside_std_hook()
    .twin("hook-chained"),
    Scenario::new(
        "hook-panics",
        "A hook in front of the agent panics: abort, whatever catches",
        "a hook panics",
        hook_panics,
    )
    .beside_std_hook()
    .before_agent(set_panicking_hook)
    .aborts()
    .panics(&[panic("before the hook dies", MAIN, USER).turns_out_unseen(HOOK_DIES)])
    .delivery(Delivery::AtRisk)
    .twin("hook-before"),
    Scenario::new(
        "set-hook-while-panicking",
        "A destructor sets a hook during an unwinding: std panics, and so abort",
        "`set_hook` on a panicking thread",
        set_hook_while_panicking,
    )
    .aborts()
    .panics(&[
        panic("first panic", MAIN, MAIN_ROOT).turns_out(IN_DROP),
        panic("cannot modify the panic hook from a panicking thread", MAIN, IN_DROP)
            .linked("while_unwinding", 0),
        panic(IN_CLEANUP, MAIN, IN_DROP).linked("in_cleanup", 0),
    ])
    .twin("hook-chained"),
    Scenario::new(
        "display-panics-in-message",
        "The `Display` of a value in the message panics: abort before any hook",
        "formatting the message panics",
        display_panics_in_message,
    )
    .aborts()
    .twin("display-panics-before"),
    Scenario::new(
        "display-panics-before",
        "The `Display` of a value panics while a text is made of it",
        "formatting a value panics",
        display_panics_before,
    )
    .panics(&[panic("no text for this", MAIN, USER).dropped_at("hooks::display_panics_before")])
    .twin("display-panics-in-message"),
    Scenario::new(
        "hook-chain-replaced",
        "A library chains its hook to the agent's, and then a second library replaces both",
        "a hook instead of the agent's",
        hook_chain_replaced,
    )
    .beside_std_hook()
    .panics(&[panic("heard by both", MAIN, USER).dropped_at("hooks::hook_chained")])
    .without_hook(&[panic("not heard", MAIN, USER).dropped_at("hooks::hook_replaced")])
    .finds(&["hook_replaced", "raise_without_hook"])
    .twin("hook-chained"),
];

fn set_talking_hook() {
    set_hook(Box::new(|info| eprintln!("the first hook heard {:?}", info.payload().downcast_ref::<&str>())));
}

fn hook_before() {
    let caught = catch(|| panic!("heard by both"));
    println!("caught: {}", caught.is_some());
}

fn hook_chained() {
    let previous = take_hook();
    set_hook(Box::new(move |info| {
        eprintln!("the later hook speaks first");
        previous(info);
    }));
    let caught = catch(|| panic!("heard by both"));
    println!("caught: {}", caught.is_some());
}

fn hook_replaced() {
    set_hook(Box::new(|_| eprintln!("the later hook keeps it to itself")));
    let caught = catch(|| panic!("not heard"));
    println!("caught: {}", caught.is_some());
}

fn hook_taken() {
    drop(take_hook());
    let caught = catch(|| panic!("heard by std's hook only"));
    println!("caught: {}", caught.is_some());
}

fn hook_kept() {
    let kept = take_hook();
    set_hook(Box::new(move |_| {
        let _kept = &kept;
        eprintln!("the later hook keeps it to itself");
    }));
    let caught = catch(|| panic!("kept back"));
    println!("caught: {}", caught.is_some());
}

fn set_panicking_hook() {
    set_hook(Box::new(|_| panic!("the hook dies")));
}

fn hook_panics() {
    let caught = catch(|| panic!("before the hook dies"));
    println!("caught: {}", caught.is_some());
}

fn set_hook_while_panicking() {
    struct SetsHook;
    impl Drop for SetsHook {
        fn drop(&mut self) {
            set_hook(Box::new(|_| ()));
        }
    }
    let _sets_hook = SetsHook;
    panic!("first panic");
}

struct NoText;

impl fmt::Display for NoText {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no text for this");
    }
}

fn display_panics_in_message() {
    let caught = catch(|| panic!("{NoText}"));
    println!("caught: {}", caught.is_some());
}

fn display_panics_before() {
    let caught = catch(|| println!("{}", NoText.to_string().len()));
    println!("caught: {}", caught.is_some());
}

fn hook_chain_replaced() {
    hook_chained();
    hook_replaced();
}
