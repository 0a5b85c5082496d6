//! What the agent saw, and the rule that decided, in words: from the field `evidence` of a line.
//!
//! Runs on: the main thread. Must not: tell what the field does not.

use panic_agent::record::{Evidence, Seen};

use super::Step;
use crate::story::words;

/// What was seen, one step each.
pub(super) fn seen(evidence: &Evidence) -> Vec<Step> {
    evidence.seen.iter().map(|seen| Step { from: "evidence.seen", text: sentence(seen) }).collect()
}

fn sentence(seen: &Seen) -> String {
    let when = seen.us.map_or(String::new(), |us| format!("{} after the raise", duration(us)));
    let thread = seen.os_thread.map_or(String::new(), |id| format!("on thread {id}"));
    let place = words::place(seen.function.as_deref(), seen.file.as_deref(), seen.line);
    let place = place.map_or(String::new(), |place| format!("in {place}"));
    let around: Vec<&str> =
        [&when, &thread, &place].into_iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    let what = what(&seen.what);
    if around.is_empty() { what.to_owned() } else { format!("{}: {what}", around.join(", ")) }
}

/// `812 µs`, `4 ms`, `31 s`.
fn duration(us: u64) -> String {
    match us {
        ..10_000 => format!("{us} µs"),
        10_000..10_000_000 => format!("{} ms", us / 1000),
        _ => format!("{} s", us / 1_000_000),
    }
}

/// A word of `evidence.seen[].what`.
fn what(word: &str) -> &str {
    match word {
        "landed" => "the landing pad of a catch was entered",
        "wrapper_caught" => "a wrapper of panic-agent said that it stopped it",
        "thrown_again" => "the payload was thrown once more (`resume_unwind`, or a runtime)",
        "end_of_stack" => "the unwinder came back without having found a catch",
        "met_boundary" => "the unwinding met a frame that must not unwind",
        "core_aborts" => "core raised a panic of its own, which aborts the process because of this one",
        "left_behind" => "its thread went on where the frames of this unwinding cannot be",
        "detached" => "the `JoinHandle` of the dead thread was dropped",
        "joined" => "the dead thread was joined, so whoever did has the error",
        "handed" => "a wrapper of panic-agent handed the error to the program",
        "thread_ended" => "the thread that died of it ended",
        "read" => "the payload was examined for the first time",
        "dropped_given" => "whoever had been given the error dropped it unread",
        "dropped_by_root" => {
            "the root of the dying thread dropped the payload unread, because nobody could join any more"
        }
        "dropped_with_handle" => "the payload was dropped unread, with the handle of its thread",
        "dropped_by_main" => "the root of `main` dropped the payload unread",
        "dropped_by_wrapper" => {
            "a wrapper of panic-agent dropped the payload, which it had never handed to the program"
        }
        "dropped_in_program" => {
            "the payload was dropped unread, by code of the program as the names on that stack tell"
        }
        "dropped_in_runtime" => {
            "the payload was dropped unread, by a runtime as the names on that stack tell"
        }
        "dropped_unnamed" => "the payload was dropped unread, and no name on that stack tells by whom",
        "carried_on" => "a later panic carried the error on",
        "scope_waits" => "a `thread::scope` may have spawned the thread, and will report its death then",
        "scope_spoke" => "a `thread::scope` reported the death",
        "scope_unclear" => {
            "a `thread::scope` reported a death, and this is one of several that it may have meant"
        }
        "process_ended" => "the process ended, and nobody had read or dropped the payload",
        other => other,
    }
}

/// A word of `evidence.rule`: what it means for `silent`. `None` for one of a later version.
pub(super) fn rule(word: &str) -> Option<&'static str> {
    Some(match word {
        "scope_spoke" => "a `thread::scope` reported the death to its caller: not silent",
        "carried_on" => "a later panic carried the error on: not silent",
        "scope_unclear" => {
            "a `thread::scope` reported a death, and several threads may be the one that it meant: null, because a wrong \
             verdict is worse than none"
        }
        "ended_process" => "the process ended with it, which its parent can see: never silent",
        "read" => "somebody examined the payload: neither silent nor swallowed",
        "received" => {
            "code of the program had the error and dropped it without looking: not silent, because it could have looked"
        }
        "not_known" => {
            "where it stopped or what became of the error is not known: null, because a wrong verdict is worse than none"
        }
        "scope_to_speak" => {
            "a `thread::scope` may have spawned the thread and has not reported its death yet: open, until it does, cannot any more, or the process ends"
        }
        "discarded" => "the error is gone and nobody can ever see it, while the process goes on: silent",
        "kept_to_the_end" => "nobody had taken the error when the process ended: silent",
        "open" => {
            "somebody may still take the error: open, until somebody reads or drops it or the process ends"
        }
        _ => return None,
    })
}

/// A word of `reason` or of `evidence.unseen`: what would make it visible. `None` where nothing would.
pub(super) fn remedy(word: &str) -> Option<&'static str> {
    Some(match word {
        "events_lost" => {
            "the `losses` lines count them; fewer panics at once, for example by stopping at the first, leave room"
        }
        "unwinding_left" => {
            "let the unwinding reach a catch, with no `longjmp` and no switch of stacks across it"
        }
        "payload_moved" => {
            "keep the error in its box, for example inside of an error type, in place of `Arc::from(error)`"
        }
        "payload_not_traced" => {
            "a payload with bytes, such as a message, on a program with probes (`probe_dispose`)"
        }
        "detached_thread_or_scope" => {
            "a program with probes (`probe_dispose`), or keep the handle and join it"
        }
        "dropped_at_unnamed_place"
        | "abort_unnamed_no_symbols"
        | "handler_unnamed_no_symbols"
        | "names_missing" => {
            "`panic-agent symbolize --binary FILE` with the program's debug file, or a build that is not stripped"
        }
        "handler_unnamed_no_line_info" | "names_without_lines" => {
            "`debug = \"line-tables-only\"` in the profile, or `panic-agent symbolize` with such a debug file"
        }
        "perhaps_scoped" => "join each scoped thread with its own `join()`, which says which one died",
        "process_died" => "a process that ends in order: it was killed, or exited past its exit handlers",
        "stack_elsewhere" => "read the file from its beginning, or with its earlier rotations",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(heading: &str) -> Vec<&'static str> {
        let page = include_str!("../../../docs/record-schema.md");
        let (_, section) = page.split_once(heading).expect("a heading");
        let section = section.split("\n#").next().unwrap_or_default();
        section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
    }

    #[test]
    fn every_word_of_the_schema_has_a_sentence_and_another_stands_for_itself() {
        let (seen, rules) =
            (listed("### Words of `evidence.seen[].what`"), listed("### Words of `evidence.rule`"));
        assert!(seen.len() >= 25 && rules.len() >= 11, "{seen:?} {rules:?}");
        for word in seen {
            assert_ne!(what(word), word);
        }
        for word in rules {
            assert!(rule(word).is_some(), "{word}");
        }
        assert_eq!((what("of_later"), rule("of_later")), ("of_later", None));
    }

    #[test]
    fn what_one_line_can_lack_has_a_remedy() {
        let page = include_str!("../../../docs/record-schema.md");
        let row = page.lines().find(|line| line.starts_with("| `evidence.unseen[]`")).expect("a row");
        let words: Vec<_> = row.split('`').skip(5).step_by(2).collect();
        assert!(words.len() >= 5, "{words:?}");
        for word in words {
            assert!(remedy(word).is_some(), "{word}");
        }
        assert_eq!(remedy("no_stop_action"), None, "a fault of the agent");
    }

    #[test]
    fn a_step_has_its_time_its_thread_and_its_place_as_far_as_they_are_known() {
        let seen: Seen = serde_json::from_value(serde_json::json!({
            "what": "dropped_with_handle", "us": 12_345, "os_thread": 7, "function": "app::main", "file": "src/main.rs", "line": 3
        }))
        .expect("a thing seen");
        assert_eq!(
            sentence(&seen),
            "12 ms after the raise, on thread 7, in app::main (src/main.rs:3): the payload was dropped unread, with the \
             handle of its thread"
        );
        let bare: Seen =
            serde_json::from_value(serde_json::json!({ "what": "joined" })).expect("a thing seen");
        assert_eq!(sentence(&bare), "the dead thread was joined, so whoever did has the error");
    }
}
