//! What a panic carries.

use std::io;
use std::panic::panic_any;

use super::{MAIN, USER, catch, panic, panics};
use crate::{Message, Scenario};

/// Longer than any buffer on the way.
const LONG: usize = 100_000;

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
];

fn report(payload: Option<Box<dyn std::any::Any + Send>>) {
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
