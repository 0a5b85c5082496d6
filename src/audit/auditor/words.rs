//! Says in words what stopped a panic and what became of its error.
//!
//! Runs on: threads that audit. Must not: say more than is known.

use super::case::LastWord;
use crate::record::{Basis, Fate, Handler, HandlerKind, Place, Receipt};

/// What stopped the unwinding.
pub(super) fn stop(word: &LastWord) -> String {
    let what = match word.fate {
        Fate::ThreadDied => "the root of its thread".to_owned(),
        Fate::MainDied => "the root of `main`".to_owned(),
        Fate::Interrupted => "nothing: the process ended first".to_owned(),
        Fate::Aborted => "the end of the process".to_owned(),
        Fate::Unknown => "not known".to_owned(),
        Fate::Caught | Fate::RuntimeCaught => {
            word.handler.as_ref().map_or_else(|| "a catch".to_owned(), catch)
        }
    };
    let basis = match word.basis {
        Basis::Confirmed => "",
        Basis::Predicted => " (predicted)",
        Basis::Inferred => " (inferred)",
    };
    what + basis
}

fn catch(handler: &Handler) -> String {
    let what = match handler.kind {
        HandlerKind::ThreadRoot => "the root of its thread",
        HandlerKind::MainRoot => "the root of `main`",
        HandlerKind::TestHarness => "the test harness",
        HandlerKind::TokioTask => "the root of a tokio task",
        HandlerKind::TokioBlocking => "the root of a blocking task of tokio",
        HandlerKind::Rayon => "a job boundary of rayon",
        HandlerKind::Futures => "`FutureExt::catch_unwind`",
        HandlerKind::Tower => "a tower middleware",
        HandlerKind::TaskGroup => "a task group",
        HandlerKind::Supervisor => "the supervisor of a worker",
        HandlerKind::Ffi => "a guard at the border to another language",
        HandlerKind::Foreign => "a frame of another language",
        HandlerKind::User => "`catch_unwind`",
        HandlerKind::Unknown => "a catch",
    };
    let at = place(handler.function.as_deref(), handler.file.as_deref(), handler.line);
    match (handler.kind, at) {
        // Where libraries catch is nobody's concern.
        (HandlerKind::User | HandlerKind::Unknown, Some(at)) => format!("{what} in {at}"),
        _ => what.to_owned(),
    }
}

/// What became of the error.
pub(super) fn receipt(word: &LastWord) -> String {
    let at = word.received_at.as_ref().and_then(place_of);
    match (word.receipt, at) {
        (Receipt::Read, Some(at)) => format!("read in {at}"),
        (Receipt::Read, None) => "read".to_owned(),
        (Receipt::Received, Some(at)) => format!("dropped unread in {at}"),
        (Receipt::Received, None) => "dropped unread".to_owned(),
        (Receipt::Discarded, _) if word.fate == Fate::Interrupted => {
            "none: nobody could have it yet".to_owned()
        }
        (Receipt::Discarded, _) => "dropped by the runtime: nobody can ever see it".to_owned(),
        (Receipt::Pending, _) => "still held when the process ended: nobody had taken it".to_owned(),
        (Receipt::Unknown, _) => "not known".to_owned(),
    }
}

/// `function (file:line)`, as far as there is something to say.
pub(in super::super) fn place_of(at: &Place) -> Option<String> {
    place(at.function.as_deref(), at.file.as_deref(), at.line)
}

fn place(function: Option<&str>, file: Option<&str>, line: Option<u32>) -> Option<String> {
    let file = file.map(|file| line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}")));
    match (function, file) {
        (Some(function), Some(file)) => Some(format!("{function} ({file})")),
        (Some(function), None) => Some(function.to_owned()),
        (None, file) => file,
    }
}
