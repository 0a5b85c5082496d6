//! What several programs need.
//!
//! Runs on: threads of the programs. Must not: install the agent.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Receiver;
use std::{io, thread};

use panic_agent::Sink;
use panic_agent::record::LineKind;
use panic_agent::sink::EncodedLine;

/// Longer than any of this takes; a program that waits this long has failed.
pub(crate) const LONG: std::time::Duration = std::time::Duration::from_secs(60);

/// Raises a panic and catches it here.
pub(crate) fn caught(message: &str) {
    assert!(catch_unwind(|| panic!("{message}")).is_err());
}

/// Raises a panic of any kind and catches it here.
pub(crate) fn caught_by(body: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(body)).is_err());
}

/// Raises a panic that nothing in the program stops, on a thread of its own, and waits for its end.
pub(crate) fn on_a_thread(name: &str, message: &'static str) {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(move || panic!("{message}"));
    assert!(thread.expect("a thread").join().is_err());
}

/// A destination that fails for every panic.
pub(crate) struct Failing;

impl Sink for Failing {
    fn write(&mut self, line: &EncodedLine<'_>) -> io::Result<()> {
        if line.kind() == LineKind::Panic { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

/// A destination that panics for every panic.
pub(crate) struct Panicking;

impl Sink for Panicking {
    fn write(&mut self, line: &EncodedLine<'_>) -> io::Result<()> {
        assert!(line.kind() != LineKind::Panic, "the sink itself");
        Ok(())
    }
}

/// A destination that takes no panic until the other end of its channel is gone.
pub(crate) struct Gated(pub(crate) Receiver<()>);

impl Sink for Gated {
    fn write(&mut self, line: &EncodedLine<'_>) -> io::Result<()> {
        if line.kind() == LineKind::Panic {
            // Nothing is ever sent: this ends when the sender is dropped.
            let _closed = self.0.recv();
        }
        Ok(())
    }
}
