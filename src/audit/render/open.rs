//! What could not be judged, as the lists of people show it.
//!
//! Runs on: threads that audit. Must not: sound like a finding.

use super::one_line;
use crate::audit::auditor::place_of;
use crate::audit::{Audit, Unjudged};

/// What could not be judged and is for people to look at: `all` of it, or what they are told unasked.
pub(super) fn open(audit: &Audit, all: bool) -> Vec<&Unjudged> {
    let open: Vec<_> = if all { audit.open.iter().collect() } else { audit.told().collect() };
    open.into_iter().filter(|open| open.folded.is_none()).collect()
}

/// One line: what is known of it, what it says, and where.
pub(super) fn of_open(open: &Unjudged) -> String {
    let mut text = String::new();
    if !open.what.is_empty() {
        text.push_str(&open.what);
        if open.count > 1 {
            text.push_str(&format!(" (× {})", open.count));
        }
        text.push_str(": ");
    }
    text.push_str(&one_line(open.message.as_deref().unwrap_or("(payload is not a text)")));
    if let Some(place) = open.place.as_ref().and_then(place_of) {
        text.push_str(&format!(", at {place}"));
    }
    match &open.test {
        Some(test) => text.push_str(&format!(", in test {}", one_line(test))),
        None => text.push_str(", test not known"),
    }
    text
}
