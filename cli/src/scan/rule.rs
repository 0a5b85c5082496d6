//! The rules: their stable names, how bad what they find is, and why anybody should care.
//!
//! Runs on: the main thread and those that read files. Must not: rename a rule that was ever published.

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// Neither shown nor counted.
    Allow,
    /// Worth knowing; often as it should be.
    Note,
    /// A place where a panic gets lost, or does more harm than it must.
    Warn,
    /// The same, and the scan fails.
    Deny,
}

impl Level {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $level:ident, $title:literal, $help:literal;)*) => {
        /// What is looked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub(crate) enum Rule {
            $($(#[$doc])* #[serde(rename = $id)] $name,)*
        }

        impl Rule {
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in reports, comments and policies.
            pub(crate) fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// What it is when nobody says otherwise.
            pub(crate) fn default_level(self) -> Level {
                match self { $(Self::$name => Level::$level,)* }
            }

            /// One sentence on what is wrong.
            pub(crate) fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// One sentence on what to do.
            pub(crate) fn help(self) -> &'static str {
                match self { $(Self::$name => $help,)* }
            }
        }
    };
}

rules! {
    DroppedHandle = "dropped-handle", Warn,
        "the handle of a thread or task is dropped: if it panics, nobody is told",
        "keep the handle and join or await it, or let what runs there report its own panic";
    IgnoredJoin = "ignored-join", Warn,
        "a thread or task is joined, and the error that says how it died is thrown away unread",
        "look at the error: log it, return it, or pass it on with `resume_unwind`";
    SwallowedCatch = "swallowed-catch", Warn,
        "a panic is caught, and its payload is thrown away unread",
        "look at the payload: log what it says, or pass it on with `resume_unwind`";
    LostPayload = "lost-payload", Note,
        "a panic is told of, but without what it says: the payload is dropped unread",
        "put the text of the payload into the error or the log";
    DroppedPayload = "dropped-payload", Note,
        "the payload of a function that somebody else gave is dropped here: its destructor may panic, too",
        "drop it inside another `catch_unwind`, or `mem::forget` what is no text";
    ReplacedHook = "replaced-hook", Warn,
        "a panic hook is set, and the one before it is lost",
        "take the previous hook first, and call it from yours";
    DroppedHook = "dropped-hook", Warn,
        "the panic hook is taken out and dropped: panics are reported by the default hook from here on",
        "keep it, and set it again";
    RiskyHook = "risky-hook", Warn,
        "a panic hook does what may block, exit or panic",
        "a hook runs while anything may be locked or half done: take notes there, and do the work elsewhere";
    ExternBoundary = "extern-boundary", Note,
        "a panic in this function reaches a caller that is not Rust: the process aborts",
        "wrap the whole body in `catch_unwind` and return an error";
    PanickingDrop = "panicking-drop", Warn,
        "a destructor may panic; if it does so while another panic unwinds, the process aborts",
        "handle the error there, or look at `thread::panicking()` first";
    ExitOutsideMain = "exit-outside-main", Note,
        "`process::exit` outside of `main`: no destructor runs, and in a test the whole run ends as a success",
        "return an error or an `ExitCode` up to `main`";
    BareShouldPanic = "bare-should-panic", Note,
        "`#[should_panic]` without `expected`: any panic makes this test pass",
        "say which: `#[should_panic(expected = \"…\")]`";
    AbortBesideCatch = "abort-beside-catch", Warn,
        "this profile aborts on a panic, and the workspace has places that mean to catch one",
        "remove `panic = \"abort\"`, or the catches: they never run in this profile";
    AbortingSpawn = "aborting-spawn", Warn,
        "a panic of this job aborts the process: the pool has no panic handler",
        "give the pool a `panic_handler`, or catch the panic inside of the job";
    BareAllow = "bare-allow", Warn,
        "an allow comment without a reason, or for a rule that is not known",
        "write why: `// panic-agent: allow(RULE) reason`";
    UnusedAllow = "unused-allow", Note,
        "an allow comment that allows nothing",
        "remove it";
}

impl Rule {
    pub(crate) fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.id() == id)
    }

    /// All names, for messages.
    pub(crate) fn ids() -> String {
        Self::ALL.iter().map(|rule| rule.id()).collect::<Vec<_>>().join(", ")
    }
}
