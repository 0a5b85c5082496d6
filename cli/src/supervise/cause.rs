//! Why a process died, if it was no panic and nobody asked for it.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use panic_agent::record::Fate;
use signal_hook::consts::signal::{SIGABRT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM};

use super::seen::Seen;

/// std's words for a stack overflow (`std/src/sys/pal/unix/stack_overflow.rs`), before it aborts.
const OVERFLOW: &str = "has overflowed its stack";
/// std's words for memory that cannot be had (`alloc/src/alloc.rs`, `handle_alloc_error`), before it aborts.
const ALLOCATION: (&str, &str) = ("memory allocation of ", " bytes failed");

/// What is known of an end.
pub(super) struct Evidence<'a> {
    pub(super) status: ExitStatus,
    /// Whether the process was called at its end as at its start.
    pub(super) kept_name: bool,
    /// Whether somebody asked the supervisor for the end.
    pub(super) stopped: bool,
    pub(super) seen: &'a Seen,
    pub(super) stderr: Option<&'a [u8]>,
    /// Processes of the control group that the kernel killed meanwhile, because memory ran out.
    pub(super) kills: u64,
}

/// A death that is no panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// A signal other than those below, by its number.
    Signal(i32),
    /// `abort` without a panic that called for it.
    Abort,
    StackOverflow,
    AllocationFailed,
    /// The kernel killed it for memory.
    OutOfMemory,
    /// `_exit`, with its status: no exit handler ran, and no `end` line was written.
    ImmediateExit(i32),
}

impl Cause {
    /// The word of the schema.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Signal(_) => "signal",
            Self::Abort => "abort",
            Self::StackOverflow => "stack_overflow",
            Self::AllocationFailed => "allocation_failed",
            Self::OutOfMemory => "out_of_memory",
            Self::ImmediateExit(_) => "immediate_exit",
        }
    }

    /// On what it rests.
    pub(super) fn basis(self) -> &'static str {
        match self {
            Self::Signal(_) | Self::Abort => "wait_status",
            Self::StackOverflow | Self::AllocationFailed => "stderr",
            Self::OutOfMemory => "memory_events",
            Self::ImmediateExit(_) => "no_end_line",
        }
    }

    /// For people, behind the name of the program.
    pub(super) fn tell(self) -> String {
        match self {
            Self::Signal(signal) => match signal_hook::low_level::signal_name(signal) {
                Some(name) => format!("was killed by {name}"),
                None => format!("was killed by signal {signal}"),
            },
            Self::Abort => "aborted, and no panic that an agent saw called for it".to_owned(),
            Self::StackOverflow => "overflowed its stack".to_owned(),
            Self::AllocationFailed => "could not allocate memory and aborted".to_owned(),
            Self::OutOfMemory => "was killed by the kernel because memory ran out".to_owned(),
            Self::ImmediateExit(status) => {
                format!("ended with status {status} past its exit handlers (`_exit`)")
            }
        }
    }
}

/// The cause; `None` for an orderly end, one that was asked for, and one by a panic, which has its own line.
pub(super) fn find(evidence: &Evidence<'_>) -> Option<Cause> {
    let Some(signal) = evidence.status.signal() else { return immediate_exit(evidence) };
    if evidence.stopped && matches!(signal, SIGTERM | SIGINT | SIGQUIT | SIGHUP) {
        return None;
    }
    match signal {
        SIGKILL if evidence.kills > 0 => Some(Cause::OutOfMemory),
        SIGABRT => abort(evidence),
        signal => Some(Cause::Signal(signal)),
    }
}

fn abort(evidence: &Evidence<'_>) -> Option<Cause> {
    let is_by_panic = evidence.seen.panics.back().is_some_and(|last| last.fate == Fate::Aborted);
    if is_by_panic {
        return None;
    }
    let text = String::from_utf8_lossy(evidence.stderr.unwrap_or_default());
    let has = |test: fn(&str) -> bool| text.lines().any(test);
    if has(|line| line.contains(OVERFLOW)) {
        return Some(Cause::StackOverflow);
    }
    if has(|line| line.starts_with(ALLOCATION.0) && line.contains(ALLOCATION.1)) {
        return Some(Cause::AllocationFailed);
    }
    Some(Cause::Abort)
}

fn immediate_exit(evidence: &Evidence<'_>) -> Option<Cause> {
    let seen = evidence.seen;
    let says_nothing = seen.head.is_some() && !seen.ended && !seen.handed_over;
    (says_nothing && evidence.kept_name).then(|| evidence.status.code()).flatten().map(Cause::ImmediateExit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(raw: i32, stderr: &str, change: impl FnOnce(&mut Evidence<'_>)) -> Option<Cause> {
        let seen = Seen::default();
        let mut evidence = Evidence {
            status: ExitStatus::from_raw(raw),
            kept_name: true,
            stopped: false,
            seen: &seen,
            stderr: Some(stderr.as_bytes()),
            kills: 0,
        };
        change(&mut evidence);
        find(&evidence)
    }

    #[test]
    fn a_signal_that_was_asked_for_is_no_death() {
        assert_eq!(cause(SIGTERM, "", |_| ()), Some(Cause::Signal(SIGTERM)));
        assert_eq!(cause(SIGTERM, "", |evidence| evidence.stopped = true), None);
        assert_eq!(cause(SIGKILL, "", |evidence| evidence.stopped = true), Some(Cause::Signal(SIGKILL)));
    }

    #[test]
    fn words_on_standard_error_explain_an_abort_and_nothing_else() {
        let overflow = "\nthread 'main' (7) has overflowed its stack\nfatal runtime error: stack overflow\n";
        assert_eq!(cause(SIGABRT, overflow, |_| ()), Some(Cause::StackOverflow));
        assert_eq!(cause(SIGKILL, overflow, |_| ()), Some(Cause::Signal(SIGKILL)));
        let memory = "memory allocation of 99 bytes failed\n";
        assert_eq!(cause(SIGABRT, memory, |_| ()), Some(Cause::AllocationFailed));
        assert_eq!(
            cause(SIGABRT, "it says: memory allocation of 99 bytes failed", |_| ()),
            Some(Cause::Abort)
        );
    }

    #[test]
    fn memory_ran_out_only_where_the_kernel_counted_a_kill() {
        assert_eq!(cause(SIGKILL, "", |evidence| evidence.kills = 1), Some(Cause::OutOfMemory));
        assert_eq!(cause(SIGKILL, "", |_| ()), Some(Cause::Signal(SIGKILL)));
    }

    #[test]
    fn an_exit_is_immediate_only_where_an_agent_watched() {
        assert_eq!(cause(0x300, "", |_| ()), None, "nobody knows");
    }
}
