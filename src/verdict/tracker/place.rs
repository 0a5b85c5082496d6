//! Reads the short stack of a payload's read or drop: in whose code, and at which line of the program.
//!
//! Runs on: the writer thread. Must not: claim a place that no name supports.

use crate::record::{Inlining, NamedFrame, Place};
use crate::symbolize::{is_of_std, program_place};
use crate::verdict::Holder;
use crate::verdict::families::{ends_output, is_runtime as is_runtime_path};
use crate::verdict::life::DroppedBy;

/// Functions of std that store a payload; any other function of std only passes it on.
const STD_KEEPERS: [&str; 5] =
    ["std::thread::", "std::sys::thread::", "std::sys::pal::unix::thread::", "std::rt::", "test::"];

/// Functions of std's thread module that give the payload to the caller.
const STD_GIVERS: [&str; 3] = ["JoinHandle::join", "JoinInner::join", "ScopedJoinHandle::join"];

/// In whose code a payload was dropped, and the place to name. `frames` are innermost first; `caught_by` is who was given
/// the payload by its catch.
///
/// Where it is not known what was inlined, the innermost function is not what dropped it: only functions that end the
/// output of a task, and into which nothing else is inlined, are believed. What the program caught itself was in its
/// hands wherever else it ends.
pub(crate) fn dropped(frames: &[NamedFrame], caught_by: Holder) -> (DroppedBy, Place) {
    let decides = |frame: &NamedFrame| ends_output(frame) || !is_transparent(frame);
    let Some((first, frame)) = frames.iter().enumerate().find(|(_, frame)| decides(frame)) else {
        return (DroppedBy::Unknown, Place::default());
    };
    if ends_output(frame) {
        return (DroppedBy::Runtime, program_place(frames));
    }
    let place = || program_place(frames.get(first..).unwrap_or_default());
    let known = frames.iter().take(first.saturating_add(1)).all(|frame| frame.inlining == Inlining::Known);
    match (known, caught_by) {
        _ if frame.path.is_empty() => (DroppedBy::Unknown, Place::default()),
        (true, _) if is_runtime(frame) => (DroppedBy::Runtime, program_place(frames)),
        (true, _) | (false, Holder::Program) => (DroppedBy::Program, place()),
        (false, _) => (DroppedBy::Unknown, place()),
    }
}

fn is_runtime(frame: &NamedFrame) -> bool {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| frame.path.starts_with(prefix));
    (is_runtime_path(&frame.path) || starts(&STD_KEEPERS)) && !is_giver(frame)
}

fn is_giver(frame: &NamedFrame) -> bool {
    frame.path.starts_with("std::thread::") && STD_GIVERS.iter().any(|giver| frame.path.ends_with(giver))
}

/// Drop glue, boxes, and functions of std that neither keep a payload nor examine it.
fn is_transparent(frame: &NamedFrame) -> bool {
    let keeper = STD_KEEPERS.iter().any(|prefix| frame.path.starts_with(prefix));
    (is_of_std(frame) && !keeper) || is_giver(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(paths: &[&str]) -> Vec<NamedFrame> {
        let frame = |path: &&str| NamedFrame {
            path: (*path).to_owned(),
            function: Some((*path).to_owned()),
            in_app: Some(path.starts_with("app::")),
            inlining: Inlining::Known,
            ..NamedFrame::default()
        };
        paths.iter().map(frame).collect()
    }

    #[test]
    fn a_dropped_handle_discards_and_an_ignored_join_receives() {
        let glue = ["core::ptr::drop_in_place", "core::ptr::drop_in_place"];
        let handle = frames(
            &[&glue[..], &["std::thread::Packet::drop", "alloc::sync::Arc::drop_slow", "app::main"]].concat(),
        );
        assert_eq!(dropped(&handle, Holder::Unknown).0, DroppedBy::Runtime);
        let join = frames(&[&glue[..], &["app::main", "std::rt::lang_start"]].concat());
        let (by, place) = dropped(&join, Holder::Unknown);
        assert_eq!(by, DroppedBy::Program);
        assert_eq!(place.function.as_deref(), Some("app::main"));
    }

    #[test]
    fn a_task_cell_discards_and_a_library_that_was_given_the_error_receives() {
        let cell = frames(&["core::ptr::drop_in_place", "tokio::runtime::task::core::Core::set_stage"]);
        assert_eq!(dropped(&cell, Holder::Unknown).0, DroppedBy::Runtime);
        let library = frames(&["core::ptr::drop_in_place", "threadpool::Sentinel::drop", "app::main"]);
        let (by, place) = dropped(&library, Holder::Unknown);
        assert_eq!(by, DroppedBy::Program);
        assert_eq!(place.function.as_deref(), Some("app::main"), "the program's frame, when there is one");
    }

    #[test]
    fn what_has_no_name_is_unknown() {
        assert_eq!(dropped(&[], Holder::Unknown).0, DroppedBy::Unknown);
        assert_eq!(dropped(&frames(&["", "", ""]), Holder::Unknown).0, DroppedBy::Unknown);
        let nameless = frames(&["core::ptr::drop_in_place", "", "app::main"]);
        assert_eq!(dropped(&nameless, Holder::Program).0, DroppedBy::Unknown);
    }

    #[test]
    fn where_inlining_is_not_known_only_the_end_of_an_output_and_the_catch_itself_tell() {
        let unsure = |paths: &[&str]| -> Vec<NamedFrame> {
            let unknown = |frame| NamedFrame { inlining: Inlining::Unknown, ..frame };
            frames(paths).into_iter().map(unknown).collect()
        };
        let poll = unsure(&["tokio::runtime::task::core::Core::poll", "app::main"]);
        let program = unsure(&["core::ptr::drop_in_place", "app::handler"]);
        let shim = unsure(&["std::sys::backtrace::__rust_begin_short_backtrace", "app::main"]);
        for hidden in [&poll, &program, &shim] {
            assert_eq!(dropped(hidden, Holder::Unknown).0, DroppedBy::Unknown);
            assert_eq!(dropped(hidden, Holder::Runtime).0, DroppedBy::Unknown);
            assert_eq!(dropped(hidden, Holder::Program).0, DroppedBy::Program);
        }
        let cell = unsure(&["core::ptr::drop_in_place", "tokio::runtime::task::core::Core::set_stage"]);
        for caught_by in [Holder::Unknown, Holder::Runtime, Holder::Program] {
            assert_eq!(dropped(&cell, caught_by).0, DroppedBy::Runtime);
        }
    }
}
