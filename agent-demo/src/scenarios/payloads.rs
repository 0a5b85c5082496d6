//! What a panic carries.

use std::any::Any;
use std::panic::panic_any;
use std::rc::Rc;
use std::sync::Arc;
use std::{io, mem, thread};

use super::{MAIN, THREAD_ROOT, USER, catch, panic, panics};
use crate::{Message, Scenario, ThreadName};

/// Longer than any buffer on the way.
const LONG: usize = 100_000;

/// Payloads at a time that the agent follows when they are moved; it follows more as long as they are not.
const FOLLOWED: usize = 64;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new("payload-literal", "The payload is a `&'static str`", "kinds of payload", literal)
        .panics(&[panic("a literal", MAIN, USER).dropped_at("payloads::report")])
        .twin("payload-number"),
    Scenario::new("payload-formatted", "The payload is a formatted `String`", "kinds of payload", formatted)
        .panics(&[panic("formatted 42", MAIN, USER).dropped_at("payloads::report")])
        .twin("payload-number"),
    Scenario::new("payload-string", "`panic_any(String)`", "kinds of payload", string)
        .panics(&[panic("an owned text", MAIN, USER).dropped_at("payloads::report")])
        .twin("payload-boxed-error"),
    Scenario::new("payload-number", "`panic_any(42)`: no text", "kinds of payload", number)
        .panics(&[panics(1, Message::Null, MAIN, USER).dropped_at("payloads::report")])
        .twin("payload-literal"),
    Scenario::new(
        "payload-zero-sized",
        "`panic_any(())`: no text and no address",
        "kinds of payload",
        zero_sized,
    )
    .panics(&[panics(1, Message::Null, MAIN, USER).untraced()])
    .twin("payload-literal"),
    Scenario::new("payload-custom", "A type of the program's own", "kinds of payload", custom)
        .panics(&[panics(1, Message::Null, MAIN, USER).dropped_at("payloads::report")])
        .twin("payload-formatted"),
    Scenario::new("payload-boxed-error", "A `Box<dyn Error>`", "kinds of payload", boxed_error)
        .panics(&[panics(1, Message::Null, MAIN, USER).dropped_at("payloads::report")])
        .twin("payload-string"),
    Scenario::new("payload-empty", "An empty message", "kinds of payload", empty)
        .panics(&[panics(1, Message::Empty, MAIN, USER).dropped_at("payloads::report")])
        .twin("payload-long"),
    Scenario::new("payload-long", "A message of 100 000 bytes", "kinds of payload", long)
        .panics(&[panic("äöüäöüäöü", MAIN, USER).dropped_at("payloads::report")])
        .twin("payload-empty"),
    Scenario::new(
        "payload-lines",
        "A message with newlines, quotes and control characters",
        "kinds of payload",
        lines,
    )
    .panics(&[panic("second \"line\"\u{1}\u{7f}", MAIN, USER).dropped_at("payloads::report")])
    .twin("payload-number"),
    Scenario::new(
        "payload-in-arc-read",
        "The caught box is turned into an `Arc`, which moves the value, and read there",
        "a payload that moves",
        in_arc_read,
    )
    .panics(&[panic("moves into an arc", MAIN, USER).read_at("payloads::in_arc_read")])
    .twin("payload-in-arc-dropped"),
    Scenario::new(
        "payload-in-arc-dropped",
        "The caught box is turned into an `Arc`, and the last clone is dropped unread",
        "a payload that moves",
        in_arc_dropped,
    )
    .panics(&[panic("lost in an arc", MAIN, USER).dropped_at("payloads::in_arc_dropped")])
    .twin("payload-in-arc-read"),
    Scenario::new(
        "payload-in-arc-kept",
        "The caught box is turned into an `Arc` that is forgotten, unread",
        "a payload that moves",
        in_arc_kept,
    )
    .panics(&[panic("kept in an arc", MAIN, USER).kept_to_the_end()])
    .twin("payload-in-arc-read"),
    Scenario::new(
        "payload-in-rc-read",
        "Of two errors one is turned into an `Rc` and read there, the other is dropped in its box",
        "a payload that moves",
        in_rc_read,
    )
    .panics(&[
        panic("moves into an rc", MAIN, USER).read_at("payloads::in_rc_read"),
        panic("stays in its box", MAIN, USER).dropped_at("payloads::in_rc_read"),
    ])
    .twin("payload-in-arc-dropped"),
    Scenario::new(
        "payload-in-arc-of-thread",
        "The error of a dead thread is turned into an `Arc` and read there",
        "a payload that moves",
        in_arc_of_thread,
    )
    .panics(&[panic("shared after the join", ThreadName::Named("dead"), THREAD_ROOT)
        .read_at("payloads::in_arc_of_thread")])
    .twin("payload-in-arc-dropped"),
    Scenario::new(
        "payload-in-shared-error",
        "An error type that holds the box is shared and read: the box does not move",
        "a payload that moves",
        in_shared_error,
    )
    .panics(&[panic("inside an error", MAIN, USER).read_at("payloads::in_shared_error")])
    .twin("payload-in-arc-kept"),
    Scenario::new(
        "payload-among-many-moves",
        "Of more errors than are followed wherever they go, one of the last is read in an `Arc`",
        "a payload that moves",
        among_many_moves,
    )
    .panics(&[
        panics(FOLLOWED, Message::Contains("one of the first"), MAIN, USER).kept_to_the_end(),
        panics(2, Message::Contains("one of the last"), MAIN, USER).untraced(),
    ])
    .twin("payload-among-many-stays"),
    Scenario::new(
        "payload-among-many-stays",
        "Of more errors than are followed wherever they go, one of the last is read in its box",
        "a payload that moves",
        among_many_stays,
    )
    .panics(&[
        panics(FOLLOWED, Message::Contains("one of the first"), MAIN, USER).read_at("payloads::read"),
        panic("dropped with the last", MAIN, USER).dropped_at("payloads::among_many_stays"),
        panic("read with the last", MAIN, USER).read_at("payloads::read"),
    ])
    .twin("payload-among-many-moves"),
];

fn report(payload: Option<Box<dyn Any + Send>>) {
    println!("caught: {}", payload.is_some());
}

fn literal() {
    report(catch(|| panic!("a literal")));
}

fn formatted() {
    let number = std::hint::black_box(42);
    report(catch(|| panic!("formatted {number}")));
}

fn string() {
    report(catch(|| panic_any(String::from("an owned text"))));
}

fn number() {
    report(catch(|| panic_any(42)));
}

fn zero_sized() {
    report(catch(|| panic_any(())));
}

fn custom() {
    struct Refused {
        _code: u16,
    }
    report(catch(|| panic_any(Refused { _code: 7 })));
}

fn boxed_error() {
    let error: Box<dyn std::error::Error + Send> = Box::new(io::Error::other("wrapped twice"));
    report(catch(|| panic_any(error)));
}

fn empty() {
    report(catch(|| panic!("")));
}

fn long() {
    // Two bytes a letter: a cut at any odd place would not be a text.
    report(catch(|| panic!("x{}", "äöü".repeat(LONG / 6))));
}

fn lines() {
    report(catch(|| panic!("first line\nsecond \"line\"\u{1}\u{7f}\n\tthird")));
}

/// The payload as a value that can be shared: its bytes are copied and the box is freed without its destructor.
fn shared(payload: Box<dyn Any + Send>) -> Arc<dyn Any + Send> {
    Arc::from(payload)
}

fn in_arc_read() {
    let error = catch(|| panic!("moves into an arc")).map(shared);
    let clone = error.clone();
    println!("caught: {:?}", error.as_ref().and_then(|error| error.downcast_ref::<&str>()));
    drop(clone);
}

fn in_arc_dropped() {
    let error = catch(|| panic!("lost in an arc")).map(shared);
    let clone = error.clone();
    println!("caught: {}", clone.is_some());
}

fn in_arc_kept() {
    mem::forget(catch(|| panic!("kept in an arc")).map(shared));
}

fn in_rc_read() {
    let moves = catch(|| panic!("moves into an rc"));
    let stays = catch(|| panic!("stays in its box"));
    let moves: Option<Rc<dyn Any + Send>> = moves.map(Rc::from);
    println!("caught: {:?}", moves.as_ref().and_then(|error| error.downcast_ref::<&str>()));
    println!("caught: {}", stays.is_some());
}

fn in_arc_of_thread() {
    let dead = thread::Builder::new().name("dead".into()).spawn(|| panic!("shared after the join"));
    let error = dead.expect("a thread can be started").join().err().map(shared);
    let clone = error.clone();
    drop(error);
    println!("caught: {:?}", clone.as_ref().and_then(|error| error.downcast_ref::<&str>()));
}

fn in_shared_error() {
    struct Failed(Box<dyn Any + Send>);

    let error = catch(|| panic!("inside an error")).map(|payload| Rc::new(Failed(payload)));
    let clone = error.clone();
    drop(error);
    println!("caught: {:?}", clone.as_ref().and_then(|error| error.0.downcast_ref::<&str>()));
}

fn read(error: &dyn Any) {
    println!("caught: {:?}", error.downcast_ref::<&str>());
}

fn among_many_moves() {
    for _ in 0..FOLLOWED {
        mem::forget(catch(|| panic!("one of the first")));
    }
    mem::forget(catch(|| panic!("one of the last")));
    if let Some(error) = catch(|| panic!("one of the last")).map(shared) {
        read(&*error);
    }
}

fn among_many_stays() {
    for _ in 0..FOLLOWED {
        if let Some(error) = catch(|| panic!("one of the first")) {
            read(&*error);
            mem::forget(error);
        }
    }
    let dropped = catch(|| panic!("dropped with the last"));
    if let Some(error) = catch(|| panic!("read with the last")) {
        read(&*error);
    }
    println!("caught: {}", dropped.is_some());
}
