//! What an answer of a destination means, and what is done about it: one table for all of them.
//!
//! Runs on: the thread of a destination.

use std::time::Duration;

use super::line::beginning;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The receiver has it; nothing more is sent to it for so long.
    Delivered(Option<Duration>),
    /// The receiver has it, but for some records, and does not say which.
    Partial { rejected: u64, why: String },
    /// It is overloaded, not there, or went away: the same again, later, as often as it takes.
    Retry { after: Option<Duration>, why: String },
    /// It fails, perhaps over a record: the same again a few times, then in halves.
    Fault { why: String },
    /// It will never take this: in halves, until the record is found.
    Refused { why: String },
    /// It does not let us in: nothing is sent or given up until it does.
    Blocked { why: String },
}

/// Longest part of an answer's text that is repeated.
const MAX_TEXT: usize = 200;

impl Answer {
    /// The table.
    pub(crate) fn of_status(status: u16, after: Option<Duration>, text: &str) -> Self {
        let why = describe(status, text);
        match status {
            200..=299 => Self::Delivered(after),
            408 | 425 | 429 | 502..=504 => Self::Retry { after, why },
            500..=599 => Self::Fault { why },
            400 | 413 | 422 => Self::Refused { why },
            // Where we are, or who we are, is wrong: nothing about the records is.
            _ => Self::Blocked { why },
        }
    }

    /// The receiver could not be asked, or did not answer.
    pub(crate) fn unreachable(why: impl std::fmt::Display) -> Self {
        Self::Retry { after: None, why: why.to_string() }
    }
}

/// `status 413: body too large`.
fn describe(status: u16, text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let line: String = beginning(line, MAX_TEXT).chars().filter(|letter| !letter.is_control()).collect();
    if line.is_empty() { format!("status {status}") } else { format!("status {status}: {line}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_meaning() {
        let meaning = |status| match Answer::of_status(status, None, "") {
            Answer::Delivered(_) => "delivered",
            Answer::Retry { .. } => "retry",
            Answer::Fault { .. } => "fault",
            Answer::Refused { .. } => "refused",
            Answer::Blocked { .. } => "blocked",
            Answer::Partial { .. } => "partial",
        };
        for (statuses, expected) in [
            (&[200, 202, 204][..], "delivered"),
            (&[429, 502, 503, 504, 408], "retry"),
            (&[500, 501, 507, 599], "fault"),
            (&[400, 413, 422], "refused"),
            (&[401, 403, 404, 301, 405, 415], "blocked"),
        ] {
            for status in statuses {
                assert_eq!(meaning(*status), expected, "{status}");
            }
        }
        let why = describe(400, "\n  bad \u{7} line \nmore");
        assert_eq!(why, "status 400: bad  line");
    }
}
