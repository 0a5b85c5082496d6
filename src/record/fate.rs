//! The words of a verdict. Every enumeration is open: readers must accept words they do not know.
//!
//! Runs on: the writer thread. Must not: do I/O.

use serde::{Deserialize, Serialize};

use super::worded;

worded! {
    /// How the unwinding of a panic ends. "Caught" never means "handled".
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[non_exhaustive]
    pub enum Fate {
        /// A `catch_unwind` of the program or of a library stops it.
        Caught = "caught",
        /// An executor, pool, test harness or middleware catches it; the handler names it.
        RuntimeCaught = "runtime_caught",
        /// It reaches the root of a spawned thread, which ends.
        ThreadDied = "thread_died",
        /// It reaches the root of `main`; the process exits with 101.
        MainDied = "main_died",
        /// The process dies of it; see [`AbortReason`].
        Aborted = "aborted",
        /// The process exited while this thread was unwinding.
        Interrupted = "interrupted",
        /// Not known; `reason` has the cause.
        Unknown = "unknown",
    }
}

impl Fate {
    /// Whether nothing in the program stopped the panic. `unknown` is not "uncaught".
    pub fn is_uncaught(self) -> bool {
        matches!(self, Self::ThreadDied | Self::MainDied | Self::Aborted | Self::Interrupted)
    }
}

worded! {
    /// Why a panic kills the process.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[non_exhaustive]
    pub enum AbortReason {
        /// It reaches a frame that must not unwind, such as an `extern "C"` function.
        NounwindBoundary = "nounwind_boundary",
        /// A destructor panicked while another panic was unwinding.
        DropDuringUnwind = "drop_during_unwind",
        /// The program was built with `panic = "abort"`.
        StrategyAbort = "strategy_abort",
        /// No frame of the stack stops it: the unwinder finds the end of the stack.
        NoHandler = "no_handler",
        /// The result of a thread panicked while it was dropped.
        ThreadResultDrop = "thread_result_drop",
        /// A thread-local's destructor panicked.
        TlsDestructor = "tls_destructor",
    }
}

/// Whether anybody received the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Receipt {
    /// Somebody examined the payload.
    Read,
    /// It reached program code and was dropped there unread.
    Received,
    /// It was dropped inside a runtime, so no one can receive it.
    Discarded,
    /// Still open: a live handle holds it, or the panic is still unwinding.
    Pending,
    /// Not known; `reason` has the cause.
    Unknown,
}

/// On what a statement rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Basis {
    /// Read from the unwind tables before the unwinding began.
    Predicted,
    /// Observed when it happened.
    Confirmed,
    /// Concluded from a later observation.
    Inferred,
}

/// What stops the unwinding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopKind {
    /// A catch.
    Catch,
    /// The process aborts.
    Abort,
    /// Nothing: the end of the stack is reached.
    None,
    /// Not known; `reason` has the cause.
    Unknown,
}

/// What a prediction was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PredictionSource {
    /// The exception tables of the frames.
    Tables,
    /// The names of the frames, where no tables are read.
    Names,
}

/// Who owns the catch at which a panic stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HandlerKind {
    /// A `catch_unwind` in the program or in a library that is not listed here.
    User,
    /// The root of a thread started by `std::thread`.
    ThreadRoot,
    /// `lang_start`, around `main`.
    MainRoot,
    /// libtest, around one test.
    TestHarness,
    /// tokio, around the poll of a task.
    TokioTask,
    /// tokio, around a blocking task.
    TokioBlocking,
    /// rayon's job boundary.
    Rayon,
    /// `FutureExt::catch_unwind` of futures.
    Futures,
    /// A tower middleware.
    Tower,
    /// A task group of this crate.
    TaskGroup,
    /// A worker of this crate that is started again when it panics.
    Supervisor,
    /// The border to another language, guarded by this crate.
    Ffi,
    /// A frame of another language.
    Foreign,
    /// Cannot be told, usually for want of symbols.
    Unknown,
}

impl HandlerKind {
    /// Whose catch it is, in words for people; the word of the schema is what serde writes.
    pub const fn words(self) -> &'static str {
        match self {
            Self::User => "`catch_unwind`",
            Self::ThreadRoot => "the root of its thread",
            Self::MainRoot => "the root of `main`",
            Self::TestHarness => "the test harness",
            Self::TokioTask => "the root of a tokio task",
            Self::TokioBlocking => "the root of a blocking task of tokio",
            Self::Rayon => "a job boundary of rayon",
            Self::Futures => "`FutureExt::catch_unwind`",
            Self::Tower => "a tower middleware",
            Self::TaskGroup => "a task group",
            Self::Supervisor => "the supervisor of a worker",
            Self::Ffi => "a guard at the border to another language",
            Self::Foreign => "a frame of another language",
            Self::Unknown => "a catch whose owner is not known",
        }
    }
}

/// Severity of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Level {
    /// Start and end of a process.
    Info,
    /// A panic that something catches.
    Warn,
    /// A panic that nothing in the program caught, or whose fate is unknown.
    Error,
    /// A panic that ends the process.
    Fatal,
}
