//! Initializers that panic: some poison what they initialize, some run again.

use std::sync::{LazyLock, Once, OnceLock};

use super::{MAIN, MAIN_ROOT, USER, catch, panic, panics};
use crate::{Message, Scenario};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "lazy-lock-poisoned",
        "The initializer of a `LazyLock` panics; the second access dies of the poison",
        "an initializer panics",
        lazy_lock_poisoned,
    )
    .exits(101)
    .panics(&[
        panic("no configuration", MAIN, USER).dropped_at("initializers::lazy_lock_poisoned"),
        panic("LazyLock instance has previously been poisoned", MAIN, MAIN_ROOT).linked("poisoned_init", 0),
    ])
    .twin("once-lock-reruns"),
    Scenario::new(
        "once-poisoned",
        "The closure of a `Once` panics; the second call dies of the poison",
        "an initializer panics",
        once_poisoned,
    )
    .exits(101)
    .panics(&[
        panic("not this once", MAIN, USER).dropped_at("initializers::once_poisoned"),
        panic("Once instance has previously been poisoned", MAIN, MAIN_ROOT).linked("poisoned_init", 0),
    ])
    .twin("once-forced"),
    Scenario::new(
        "once-forced",
        "`call_once_force` goes on after the poison",
        "an initializer panics",
        once_forced,
    )
    .panics(&[panic("not this once", MAIN, USER).dropped_at("initializers::once_forced")])
    .twin("once-poisoned"),
    Scenario::new(
        "once-lock-reruns",
        "The initializer of a `OnceLock` panics; the second access runs it again",
        "an initializer panics",
        once_lock_reruns,
    )
    .panics(&[panic("not yet", MAIN, USER).dropped_at("initializers::once_lock_reruns")])
    .twin("lazy-lock-poisoned"),
    Scenario::new(
        "thread-local-initializer",
        "The initializer of a thread-local panics each time it is used",
        "an initializer panics",
        thread_local_initializer,
    )
    .panics(&[panics(2, Message::Contains("no local value"), MAIN, USER)
        .dropped_at("initializers::thread_local_initializer")])
    .twin("lazy-lock-poisoned"),
];

fn lazy_lock_poisoned() {
    static CONFIGURATION: LazyLock<u32> = LazyLock::new(|| panic!("no configuration"));
    let caught = catch(|| println!("{}", *CONFIGURATION));
    println!("first access caught: {}", caught.is_some());
    println!("{}", *CONFIGURATION);
}

fn once_poisoned() {
    static ONCE: Once = Once::new();
    let caught = catch(|| ONCE.call_once(|| panic!("not this once")));
    println!("first call caught: {}", caught.is_some());
    ONCE.call_once(|| println!("never reached"));
}

fn once_forced() {
    static ONCE: Once = Once::new();
    let caught = catch(|| ONCE.call_once(|| panic!("not this once")));
    println!("first call caught: {}", caught.is_some());
    ONCE.call_once_force(|state| println!("poisoned: {}", state.is_poisoned()));
}

fn once_lock_reruns() {
    static VALUE: OnceLock<u32> = OnceLock::new();
    let caught = catch(|| {
        VALUE.get_or_init(|| panic!("not yet"));
    });
    println!("first access caught: {}", caught.is_some());
    println!("{}", VALUE.get_or_init(|| 7));
}

fn thread_local_initializer() {
    thread_local! {
        static LOCAL: u32 = panic!("no local value");
    }
    for access in 1..=2 {
        let caught = catch(|| LOCAL.with(|value| println!("{value}")));
        println!("access {access} caught: {}", caught.is_some());
    }
}
