//! Why a panic that was caught has no report, and a subscription no line.
//!
//! Runs on: every thread. Must not: do I/O.

use core::fmt;

/// Why a caught panic has no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoReport {
    /// No agent was installed when it was raised.
    NoAgent,
    /// The report was lost or filtered; the `losses` line counts it.
    Lost,
    /// The writer needs longer than the deadline.
    Late,
}

impl fmt::Display for NoReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAgent => {
                "no report: no agent was installed when the panic was raised; call `init` first in `main`"
            }
            Self::Lost => "no report: it was lost or filtered; see `stats().losses`",
            Self::Late => "no report yet: the writer did not finish within the deadline; ask again",
        })
    }
}

impl std::error::Error for NoReport {}

/// Why a [`Subscription`](crate::Subscription) has no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvError {
    /// None is waiting.
    Empty,
    /// None came in time.
    TimedOut,
    /// None will ever come.
    Closed,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no line is waiting",
            Self::TimedOut => "no line came in time",
            Self::Closed => "the subscription is closed: there is no agent, or it has written its last line",
        })
    }
}

impl std::error::Error for RecvError {}
