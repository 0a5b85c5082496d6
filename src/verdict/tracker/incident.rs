//! Recognises panics that only speak of an earlier one, and says how.
//!
//! Runs on: the writer thread. Must not: link without evidence; of several candidates none is chosen.

use crate::record::worded;

worded! {
    /// How a panic is linked to an earlier one. The words are part of the schema.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Relation {
        /// core's "panic in a function that cannot unwind".
        CannotUnwind = "cannot_unwind",
        /// core's "panic in a destructor during cleanup".
        InCleanup = "in_cleanup",
        /// Raised by a destructor while the earlier one was unwinding on the same thread.
        WhileUnwinding = "while_unwinding",
        /// "a scoped thread panicked".
        Scope = "scope",
        /// `unwrap` or `expect` of an error that holds the earlier panic.
        Unwrap = "unwrap",
        /// A poisoned `Mutex` or `RwLock`.
        PoisonedLock = "poisoned_lock",
        /// A poisoned `LazyLock` or `Once`.
        PoisonedInit = "poisoned_init",
    }
}

/// What the text and the place of a panic say about an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo<'a> {
    /// Nothing.
    None,
    /// `thread::scope` reports that a child panicked.
    Scope,
    /// The `Debug` of a `Box<dyn Any>`: a `join` or `catch_unwind` result was unwrapped.
    Any,
    /// The `Debug` of a tokio `JoinError`, which quotes the message.
    JoinError {
        /// The text after the task's id.
        quoted: &'a str,
    },
    /// A poisoned lock was unwrapped.
    Lock,
    /// A poisoned one-time initialization was used.
    Init,
}

/// Reads a message. `by_scope` tells whether `thread::scope` raised it; without names its text must do.
pub(crate) fn echo(message: &str, by_scope: Option<bool>) -> Echo<'_> {
    if message == "a scoped thread panicked" && by_scope != Some(false) {
        return Echo::Scope;
    }
    if message.ends_with("instance has previously been poisoned") {
        return Echo::Init;
    }
    if message.ends_with("PoisonError { .. }") || message.contains("PoisonError { ") {
        return Echo::Lock;
    }
    if message.ends_with(": Any { .. }") {
        return Echo::Any;
    }
    match message.split_once("JoinError::Panic(Id(") {
        Some((_, rest)) => Echo::JoinError { quoted: rest.split_once(", ").map_or("", |(_, quoted)| quoted) },
        None => Echo::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_std_and_tokio_are_recognised_and_lookalikes_are_not() {
        let unwrap = "called `Result::unwrap()` on an `Err` value: ";
        assert_eq!(echo("a scoped thread panicked", Some(true)), Echo::Scope);
        assert_eq!(echo("a scoped thread panicked", None), Echo::Scope);
        assert_eq!(echo("a scoped thread panicked", Some(false)), Echo::None);
        assert_eq!(echo(&format!("{unwrap}Any {{ .. }}"), None), Echo::Any);
        assert_eq!(echo("worker: Any { .. }", None), Echo::Any, "an `expect`");
        assert_eq!(echo(&format!("{unwrap}PoisonError {{ .. }}"), None), Echo::Lock);
        assert_eq!(echo("LazyLock instance has previously been poisoned", None), Echo::Init);
        let quoted = format!("{unwrap}JoinError::Panic(Id(7), \"no route\", ...)");
        assert_eq!(echo(&quoted, None), Echo::JoinError { quoted: "\"no route\", ...)" });
        for other in ["", "Any", "poisoned", "JoinError::Cancelled(Id(7))"] {
            assert_eq!(echo(other, None), Echo::None, "{other}");
        }
    }
}
