//! Verdicts inside the process: a sink of your own sees every line as soon as the agent emits it.

use std::io::{self, Write as _};
use std::thread;

use panic_agent::sink::EncodedLine;
use panic_agent::{Agent, Line, Sink};

struct Verdicts;

impl Sink for Verdicts {
    // Runs on the agent's thread. An error counts the line as lost.
    fn write(&mut self, line: &EncodedLine<'_>) -> io::Result<()> {
        // A `panic` line has what is known at once, and a `verdict` line what became of it.
        let (message, fate, receipt, silent) = match line.line {
            Line::Panic(panic) => (&panic.message, panic.fate, panic.receipt, panic.silent),
            Line::Verdict(verdict) => (&verdict.message, verdict.fate, verdict.receipt, verdict.silent),
            _ => return Ok(()),
        };
        let message = message.as_deref().unwrap_or_default();
        writeln!(io::stdout(), "{message:12} {fate:?}, {receipt:?}, silent: {silent:?}")
    }
}

fn main() -> Result<(), panic_agent::Error> {
    let _agent = Agent::builder().sink(Verdicts).install()?;

    let read = thread::spawn(|| panic!("read"));
    if let Err(error) = read.join().map(|(): ()| ()) {
        assert_eq!(error.downcast_ref::<&str>(), Some(&"read"));
    }

    let thrown_away = thread::spawn(|| panic!("thrown away"));
    let _ = thrown_away.join().map(|(): ()| ());

    let nobody_asks = thread::spawn(|| panic!("nobody asks"));
    while !nobody_asks.is_finished() {
        thread::yield_now();
    }
    Ok(()) // the handle is dropped here, and the error with it
}
