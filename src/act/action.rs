//! What is done about a panic.
//!
//! Runs on: any thread. Must not: do it.

use core::fmt;
use std::sync::Arc;

use super::Event;
use crate::record::{Line, PanicId};

type Callback = Arc<dyn Fn(&Occurrence) + Send + Sync>;

/// What to do when an [`Event`] occurs, after its line has reached every sink.
#[derive(Clone)]
#[non_exhaustive]
pub enum Action {
    /// Nothing more than the line. The default.
    Report,
    /// One line on stderr.
    Warn,
    /// Ends the process with this status, as `std::process::exit` does: exit handlers run, and every report that was raised
    /// before has its line. On a thread of its own.
    Exit(i32),
    /// Ends the process by `SIGABRT`, for a core dump. The line and its verdict are on disk; exit handlers do not run.
    Abort,
    /// Calls a function. Made by [`call`](Self::call).
    Call(Call),
}

/// A function to call; see [`Action::call`].
#[derive(Clone)]
pub struct Call(pub(crate) Callback);

impl Action {
    /// Calls a function with what happened, on a thread that is started for the first call and serves all of them. A panic of
    /// the function is caught. When 64 calls wait for a slow one, further ones are dropped and counted as
    /// `losses.subscriber_full`. Calls that still wait when the process ends are not made.
    pub fn call(function: impl Fn(&Occurrence) + Send + Sync + 'static) -> Self {
        Self::Call(Call(Arc::new(function)))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Report => f.write_str("report"),
            Self::Warn => f.write_str("warn"),
            Self::Exit(status) => write!(f, "exit:{status}"),
            Self::Abort => f.write_str("abort"),
            Self::Call(_) => f.write_str("call"),
        }
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Action({self})")
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call")
    }
}

/// What happened, for a function that is called.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Occurrence {
    /// What became of the panic.
    pub event: Event,
    /// Which panic.
    pub panic: PanicId,
    /// The line that told it: a [`Line::Panic`] or a [`Line::Verdict`].
    pub line: Line,
}
