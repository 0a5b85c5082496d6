//! What the program, or its build, would have to do for another verdict.
//!
//! Runs on: the main thread. Must not: promise a verdict; it says which fact would be another one.

use panic_agent::record::{Basis, Fate, Receipt};

use super::steps::is_task;
use crate::story::{Told, Word, words};

pub(super) fn otherwise(told: &Told) -> Vec<String> {
    let word = &told.word;
    let where_thrown_away = thrown_away(word);
    let mut out: Vec<&str> = Vec::new();
    match (word.fate, word.receipt) {
        (Fate::ThreadDied, Receipt::Discarded) if word.silent == Some(true) => {
            out.push("`read`: keep the `JoinHandle`, `join()` it and look at the error");
            out.push("`received`: join it and drop the error: swallowed in place of silent");
            out.push(
                "carried on: `join().unwrap()`, or spawn it inside a `thread::scope`, which panics in turn",
            );
        }
        (Fate::RuntimeCaught | Fate::Caught, Receipt::Discarded) if is_task(word) => {
            out.push("`read`: await the handle and look at the `JoinError` (its text is enough)");
            out.push("not silent: a `TaskGroup` of panic-agent, or a `JoinSet` whose results are looked at");
        }
        (_, Receipt::Received) if word.swallowed == Some(true) => {
            out.push(
                "`read`: look at the error where it was dropped (`downcast_ref`, or its text), and log it",
            );
            out.push("not swallowed: `unwrap` it, or pass it to `resume_unwind`, so that it goes on");
            out.push("if dropping it is meant: the audit takes `[[expect]]` entries; the verdict stays");
        }
        (_, Receipt::Read) => {
            out.push("`swallowed`: had nobody asked the payload for its type before it was dropped")
        }
        (_, Receipt::Pending) => {
            out.push(
                "`read`: somebody takes the error out of the handle and looks at it before the process ends",
            );
            out.push("`discarded`: the handle is dropped");
        }
        (Fate::MainDied, _) => out.push("`caught`: a `catch_unwind` between `main` and the panic"),
        (Fate::Aborted, _) => match word.reason.as_deref() {
            Some("strategy_abort") => out.push("any other fate: compile with `panic = \"unwind\"`"),
            Some("nounwind_boundary") => {
                out.push("`caught`: a `catch_unwind` (or `panic_agent::ffi`) inside of the `extern \"C\"` function");
                out.push("passed on: `extern \"C-unwind\"`, where the caller may be unwound");
            }
            Some("drop_during_unwind") => {
                out.push("the first panic's own fate: no destructor that panics while something unwinds")
            }
            _ => out.push("`caught`: a `catch_unwind` between the panic and the frame that aborts"),
        },
        (Fate::Interrupted, _) => out.push("its predicted fate: the process ends only after the unwinding"),
        _ => {}
    }
    if word.basis == Basis::Predicted {
        out.push("`confirmed`: the landing is seen, which needs the probe `probe_land` and that the process lives that long");
    }
    if out.is_empty() {
        out.push("nothing that these lines tell of");
    }
    let mut out: Vec<String> = out.into_iter().map(str::to_owned).collect();
    out.extend(where_thrown_away);
    out
}

/// The place at which something else would have to happen.
fn thrown_away(word: &Word) -> Option<String> {
    let mut seen = word.evidence.as_ref()?.seen.iter().rev();
    let drop = seen.find(|seen| seen.function.is_some() || seen.file.is_some())?;
    let at = words::place(drop.function.as_deref(), drop.file.as_deref(), drop.line)?;
    Some(format!("the place to change is {at}, where what held the error was dropped"))
}
