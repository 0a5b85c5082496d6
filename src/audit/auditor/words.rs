//! Says in words what stopped a panic and what became of its error.
//!
//! Runs on: threads that audit. Must not: say more than is known.

use super::case::LastWord;
use crate::record::{Basis, Fate, HandlerKind, Place, Receipt};

/// What stopped the unwinding.
pub(super) fn stop(word: &LastWord) -> String {
    let what = match word.fate {
        Fate::ThreadDied => "by the root of its thread".to_owned(),
        Fate::MainDied => "by the root of `main`".to_owned(),
        Fate::Interrupted => "nowhere: the process ended first".to_owned(),
        Fate::Aborted => "nowhere: the process aborted".to_owned(),
        Fate::Unknown => "unknown".to_owned(),
        Fate::Caught | Fate::RuntimeCaught => stop_at(word),
    };
    let basis = match word.basis {
        Basis::Confirmed => "",
        Basis::Predicted => " (predicted)",
        Basis::Inferred => " (inferred)",
    };
    what + basis
}

/// What is known of a panic of which nobody knows whether its error was seen.
pub(super) fn what(word: &LastWord) -> String {
    let handler = word.handler.as_ref();
    match (word.fate, handler.map(|handler| handler.kind)) {
        (Fate::ThreadDied, _) => "a thread died".to_owned(),
        (_, Some(HandlerKind::TokioTask | HandlerKind::TokioBlocking)) => "a task of tokio died".to_owned(),
        (Fate::RuntimeCaught, Some(HandlerKind::Rayon)) => "a job of rayon died".to_owned(),
        (Fate::Unknown, _) => "it is not known what stopped it".to_owned(),
        _ => format!("stopped {}", stop_at(word)),
    }
}

fn stop_at(word: &LastWord) -> String {
    let Some(handler) = &word.handler else { return "by a catch".to_owned() };
    let what = match handler.kind {
        HandlerKind::Unknown => "a catch",
        known => known.words(),
    };
    let at = place(handler.function.as_deref(), handler.file.as_deref(), handler.line);
    match (handler.kind, at) {
        // Where libraries catch is nobody's concern.
        (HandlerKind::User | HandlerKind::Unknown, Some(at)) => format!("by {what} in {at}"),
        _ => format!("by {what}"),
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
            "not delivered: the process ended first".to_owned()
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
