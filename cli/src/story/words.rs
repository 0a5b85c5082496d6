//! Says in words what the fields of a verdict mean.
//!
//! Runs on: the main thread. Must not: say more than is known.

use panic_agent::record::{
    Basis, Breadcrumb, DetachState, EhAction, Fate, Handler, HandlerKind, Place, Receipt,
};
use serde::Serialize;

use super::{Told, Word};

/// The word of the schema for an enumeration.
pub(crate) fn schema_word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "unknown".to_owned(),
    }
}

/// What ended, and how: the first words of a story.
pub(crate) fn fate(word: &Word) -> &'static str {
    match (word.fate, word.basis) {
        (Fate::ThreadDied, _) => "a thread died",
        (Fate::MainDied, _) => "main died, and the process with it",
        (Fate::Aborted, Basis::Predicted) => "the process aborts",
        (Fate::Aborted, _) => "the process aborted",
        (Fate::Interrupted, _) => "the process ended while it was unwinding",
        (Fate::RuntimeCaught, _) => match word.landing.as_ref().map(|landing| landing.kind) {
            Some(HandlerKind::TokioTask) => "a task died",
            Some(HandlerKind::TokioBlocking) => "a blocking task died",
            Some(HandlerKind::Rayon) => "a job of a pool died",
            Some(HandlerKind::TestHarness) => "a test failed",
            Some(HandlerKind::Tower) => "a request failed",
            Some(HandlerKind::TaskGroup) => "a task of a group died",
            Some(HandlerKind::Supervisor) => "a supervised worker died",
            _ => "a runtime caught it",
        },
        (Fate::Caught, _) => "caught",
        _ => "its end is not known",
    }
}

/// What stopped the unwinding, with how that is known.
pub(crate) fn stopped(word: &Word) -> String {
    let what = match word.fate {
        Fate::ThreadDied => "by the root of its thread".to_owned(),
        Fate::MainDied => "by the root of `main`".to_owned(),
        Fate::Interrupted => "nowhere: the process ended first".to_owned(),
        Fate::Aborted => match &word.reason {
            Some(reason) => format!("nowhere: the process aborted ({})", abort_reason(reason)),
            None => "nowhere: the process aborted".to_owned(),
        },
        Fate::Caught | Fate::RuntimeCaught => word
            .landing
            .as_ref()
            .map_or_else(|| "by a catch".to_owned(), |handler| format!("by {}", catch(handler))),
        _ => match &word.reason {
            Some(reason) => format!("unknown: {}", self::reason(reason)),
            None => "unknown".to_owned(),
        },
    };
    what + match word.basis {
        Basis::Predicted => ", as its unwind tables predict",
        Basis::Inferred => ", inferred from what came later",
        _ => "",
    }
}

/// A catch, with its place where that is the program's.
pub(crate) fn catch(handler: &Handler) -> String {
    let what = handler.kind.words();
    let at = place(handler.function.as_deref(), handler.file.as_deref(), handler.line);
    match (handler.kind, at) {
        // Where libraries catch is nobody's concern.
        (HandlerKind::User | HandlerKind::Unknown, Some(at)) => format!("{what} in {at}"),
        _ => what.to_owned(),
    }
}

/// Who got the error, or why nobody can.
pub(crate) fn error(told: &Told) -> String {
    let word = &told.word;
    let detached = told.report.as_ref().map(|report| report.thread_facts.detached);
    let landing = word.landing.as_ref().map(|landing| landing.kind);
    let nobody = match (word.silent, word.receipt, word.fate, landing) {
        // Still held: the process ended while the thread did.
        (Some(true), Receipt::Discarded | Receipt::Pending, Fate::ThreadDied, _)
            if detached == Some(DetachState::Detached) =>
        {
            "nobody can ever receive it: the handle of the thread was gone before it died"
        }
        (Some(true), Receipt::Discarded, Fate::ThreadDied, _) => {
            "nobody can ever receive it: the handle was dropped without a join"
        }
        (Some(true), Receipt::Discarded, _, Some(HandlerKind::TokioTask | HandlerKind::TokioBlocking)) => {
            "nobody can ever receive it: the runtime dropped it, because nobody awaited the task"
        }
        _ => return receipt(word),
    };
    nobody.to_owned()
}

/// The same, as far as the last word alone tells.
pub(crate) fn receipt(word: &Word) -> String {
    let at = word.received_at.as_ref().and_then(place_of);
    let carried = word.silent == Some(false);
    match (word.receipt, at) {
        (Receipt::Read, Some(at)) => format!("read in {at}"),
        (Receipt::Read, None) => "read by somebody (no name tells who)".to_owned(),
        (Receipt::Received, at) => {
            let at = at.map_or(String::new(), |at| format!(" in {at}"));
            match word.swallowed {
                Some(true) => format!("thrown away unread{at}"),
                Some(false) => format!("dropped unread{at}, but a later panic reports it"),
                None => format!("dropped unread{at}; whether a later panic reports it is not known"),
            }
        }
        (Receipt::Discarded, _) => match word.fate {
            Fate::Interrupted => "nobody had received it yet".to_owned(),
            Fate::MainDied => "nobody in the program: the process ended with status 101".to_owned(),
            Fate::Aborted => "nobody in the program: the process ended by a signal".to_owned(),
            _ if carried => {
                "dropped by the runtime; a later panic or the end of the process tells of it".to_owned()
            }
            _ => "nobody can ever receive it: the runtime dropped it".to_owned(),
        },
        (Receipt::Pending, _) => match word.silent {
            Some(true) => "nobody took it: it was still held when the process ended".to_owned(),
            _ => "somebody still holds it, or it is still unwinding".to_owned(),
        },
        _ => match &word.reason {
            Some(reason) => format!("not known ({})", self::reason(reason)),
            None => "not known".to_owned(),
        },
    }
}

/// The one word that is shouted.
pub(crate) fn shout(word: &Word) -> &'static str {
    match (word.silent, word.swallowed, word.fate) {
        (Some(true), ..) => "SILENT",
        (_, Some(true), _) => "SWALLOWED",
        (.., Fate::Aborted) => "ABORTED",
        (.., Fate::MainDied) => "DIED",
        (.., Fate::Interrupted) => "CUT OFF",
        (None, ..) => "OPEN",
        _ => "SEEN",
    }
}

/// How a panic is linked to the first of its chain.
pub(crate) fn relation(word: &str) -> &str {
    match word {
        "cannot_unwind" => "core's panic in a function that must not unwind, which the first one reached",
        "in_cleanup" => "core's panic for a destructor that panicked while the first one unwound",
        "while_unwinding" => "raised by a destructor while the first one unwound",
        "scope" => "`thread::scope` reports the thread that died of the first one",
        "unwrap" => "`unwrap` or `expect` of the error that holds the first one",
        "poisoned_lock" => "the use of a lock that the first one poisoned",
        "poisoned_init" => "the use of a `LazyLock` or `Once` that the first one poisoned",
        other => other,
    }
}

/// Why a process aborts.
pub(crate) fn abort_reason(word: &str) -> &str {
    match word {
        "nounwind_boundary" => "it reached a function that must not unwind, such as an `extern \"C\"` one",
        "drop_during_unwind" => "a destructor panicked while another panic unwound",
        "strategy_abort" => "compiled with `panic = \"abort\"`",
        "no_handler" => "nothing on the stack catches",
        "thread_result_drop" => "the destructor of a thread's result panicked where nobody joined",
        "tls_destructor" => "the destructor of a thread-local panicked",
        other => other,
    }
}

/// Why something is unknown.
pub(crate) fn reason(word: &str) -> &str {
    match word {
        "unsupported_platform" => "no unwind tables are read on this platform, and names are switched off",
        "names_missing" => "a frame before the next catch has no name",
        "names_without_lines" => {
            "without line tables a catch may be inlined into a frame before the next one"
        }
        "names_foreign_frame" => "a frame of another language comes before the next catch",
        "names_destructor" => "a destructor comes before the next catch, and another panic may be unwinding",
        "names_no_catch" => "no frame bears the name of a catch, which proves nothing",
        "tables_not_read" => "the platform's unwinder walked the stack and found no frame that stops it",
        "stack_elsewhere" => {
            "an earlier line of the file shows the stack and what was predicted from it, and was not read"
        }
        "not_walked" => "a handler of a signal ran on a stack that is too short for a walk",
        "too_deep" => "the stack is deeper than the walk follows",
        "unknown_image" => "the walk ended in code that belongs to no known file",
        "broken_walk" => "the walk of the stack could not go on",
        "unreadable_table" => "the exception table of a frame cannot be read",
        "no_stop_action" => "the walk names a stopper that stops nothing",
        "abort_unnamed_no_symbols" => "without symbols a destructor and a boundary look alike",
        "handler_unnamed_no_symbols" => "without symbols nobody can tell whose catch it is",
        "handler_unnamed_no_line_info" => {
            "without line tables another catch may be inlined into that function"
        }
        "handler_not_found" => "the function that catches has symbols, and none of them is a `catch_unwind`",
        "handler_foreign" => "a frame of another language catches it",
        "handler_unknown" => "it lands at a catch whose owner cannot be named",
        "dropped_at_unnamed_place" => "the payload was dropped by code without symbols",
        "process_died" => "the process died without saying how this panic ended",
        "unwinding_left" => "the unwinding was left by `longjmp` or a switch of stacks",
        "payload_moved" => "a payload of this kind was moved out of its box, and it may have been this one",
        "payload_not_traced" => "reads and drops of this payload cannot be seen",
        "detached_thread_or_scope" => "a `thread::scope` may still observe this thread",
        "events_lost" => "more happened at once than the probes could note",
        "perhaps_scoped" => {
            "a `thread::scope` reported a death, and this is one of several that it may have meant"
        }
        other => abort_reason(other),
    }
}

/// What a frame does with a panic that comes through it.
pub(crate) fn action(action: Option<EhAction>) -> &'static str {
    match action {
        Some(EhAction::None) => "lets it pass",
        Some(EhAction::Cleanup) => "runs destructors",
        Some(EhAction::Catch) => "CATCHES",
        Some(EhAction::Filter) => "filters",
        Some(EhAction::Terminate) => "ABORTS",
        _ => "",
    }
}

/// When something happened before a panic, and what.
pub(crate) fn breadcrumb(crumb: &Breadcrumb) -> String {
    let age = match crumb.age_ns {
        ns @ ..1_000_000 => format!("{} µs", ns / 1000),
        ns @ ..10_000_000_000 => format!("{} ms", ns / 1_000_000),
        ns => format!("{} s", ns / 1_000_000_000),
    };
    let end = if crumb.cut { "…" } else { "" };
    format!("{age} earlier, {} {}: {}{end}", schema_word(crumb.level), crumb.target, crumb.message)
}

/// `function (file:line)`, as far as there is something to say.
pub(crate) fn place_of(at: &Place) -> Option<String> {
    place(at.function.as_deref(), at.file.as_deref(), at.line)
}

/// The same of its parts.
pub(crate) fn place(function: Option<&str>, file: Option<&str>, line: Option<u32>) -> Option<String> {
    let file = file.map(|file| line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}")));
    match (function, file) {
        (Some(function), Some(file)) => Some(format!("{function} ({file})")),
        (Some(function), None) => Some(function.to_owned()),
        (None, file) => file,
    }
}

/// `1 panic`, `2 panics`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{s}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_schema_has_words_for_people() {
        let page = include_str!("../../../docs/record-schema.md");
        let listed = |heading: &str| {
            let section =
                page.split_once(heading).expect("a heading").1.split("\n#").next().unwrap_or_default();
            let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
            rows.collect::<Vec<_>>()
        };
        let reasons = [
            listed("### Words of `prediction.reason`"),
            listed("### Words of `reason` that no prediction uses"),
        ]
        .concat();
        let relations = listed("### Words of `relation`");
        assert!(reasons.len() > 20 && relations.len() > 6, "{reasons:?} {relations:?}");
        let row = page.lines().find(|line| line.starts_with("| `prediction.abort_reason`")).expect("a row");
        let aborts = row.split('`').skip(3).step_by(2).collect::<Vec<_>>();
        assert!(aborts.len() >= 6, "{aborts:?}");
        for word in reasons.iter().chain(&aborts) {
            assert_ne!(reason(word), *word);
        }
        for word in relations {
            assert_ne!(relation(word), word);
        }
    }
}
