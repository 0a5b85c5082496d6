//! Why a subscription has no line.
//!
//! Runs on: the subscriber's thread or task. Must not: do I/O.

use core::fmt;

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
