//! The nouns: a place in source, what is done there, and what was found.
//!
//! Runs on: any thread. Must not: know how it was found, or how it is shown.

use serde::{Deserialize, Serialize};

use super::rule::{Level, Rule};

/// A range of a file. Lines and columns count from 1, columns in characters; the end is behind the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) end_line: u32,
    pub(crate) end_column: u32,
    /// Bytes from the beginning of the file.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) fn lines(&self) -> u32 {
        self.end_line.saturating_sub(self.line)
    }
}

/// How sure it is that a name means what it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Certainty {
    /// The name alone says so.
    Guessed,
    /// The shape of the code says so: a handle made here, a `join()` without arguments.
    Syntactic,
    /// The path was followed through `use` to a known function, or the compiler said so.
    Resolved,
}

impl Certainty {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Guessed => "guessed",
            Self::Syntactic => "syntactic",
            Self::Resolved => "resolved",
        }
    }
}

/// What is done at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SiteKind {
    /// Something begins to run beside its caller.
    Spawn,
    /// A panic is stopped.
    Catch,
    /// The error of a thread or task is asked for.
    Join,
    /// A panic hook is set or taken.
    Hook,
}

impl SiteKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Spawn => "spawn",
            Self::Catch => "catch",
            Self::Join => "join",
            Self::Hook => "hook",
        }
    }
}

/// What becomes of the handle, or of the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Becomes {
    /// Handle: nobody has it.
    Orphan,
    /// Handle: joined in the same function.
    Joined,
    /// Handle: awaited in the same function.
    Awaited,
    /// Handle: a scope, a set or a wrapper looks after it.
    Supervised,
    /// Handle: there is none, and a panic ends the process.
    AbortOnly,
    /// Kept, passed on or returned: somebody else decides.
    Kept,
    /// Error: thrown away unread.
    Swallowed,
    /// Error: told of without its payload.
    Lost,
    /// Error: read, or passed on with what it says.
    Read,
    /// Error: `unwrap`, `expect` or `?`: the panic goes on.
    CarriedOn,
    /// Error: a test asserts it.
    Asserted,
}

impl Becomes {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Orphan => "orphan",
            Self::Joined => "joined",
            Self::Awaited => "awaited",
            Self::Supervised => "supervised",
            Self::AbortOnly => "abort-only",
            Self::Kept => "kept",
            Self::Swallowed => "swallowed",
            Self::Lost => "lost",
            Self::Read => "read",
            Self::CarriedOn => "carried on",
            Self::Asserted => "asserted",
        }
    }
}

/// A place where something begins to run, where a panic is stopped, or where an error is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Site {
    pub(crate) kind: SiteKind,
    /// What is called, as people know it: `std::thread::spawn`.
    pub(crate) api: String,
    pub(crate) file: String,
    /// The call.
    pub(crate) span: Span,
    /// The statement that it is a part of, with the rest of the block where its value has a name.
    pub(crate) value_span: Span,
    /// What runs there.
    pub(crate) argument: Option<Span>,
    /// Path of the function, with its crate.
    pub(crate) function: String,
    pub(crate) function_span: Span,
    /// What runs there, in few words.
    pub(crate) runs: String,
    pub(crate) becomes: Becomes,
    pub(crate) certainty: Certainty,
    pub(crate) in_test: bool,
}

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) rule: Rule,
    pub(crate) level: Level,
    pub(crate) certainty: Certainty,
    pub(crate) file: String,
    pub(crate) span: Span,
    pub(crate) function: String,
    /// What is wrong here.
    pub(crate) message: String,
    /// What shows it, in few words.
    pub(crate) label: String,
    pub(crate) in_test: bool,
    /// The same after the code around it has moved: rule, file, function and statement.
    pub(crate) fingerprint: String,
    /// Index of its site.
    pub(crate) site: Option<usize>,
    /// Why it is allowed: the reason of a comment, or `baseline`.
    pub(crate) allowed: Option<String>,
}

impl Finding {
    /// Whether it counts.
    pub(crate) fn is_open(&self) -> bool {
        self.allowed.is_none() && self.level > Level::Allow
    }
}
