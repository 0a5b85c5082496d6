//! A log and its archives: which files there are, and in which order they were written.
//!
//! Runs on: the thread that asks. Must not: open anything.

use std::fs;
use std::path::{Path, PathBuf};

/// The archives of a log by their names, oldest first, and the log itself, which comes last and is left out only when there are
/// archives alone. Archives are those of [`Rotation`](super::Rotation), and those that `logrotate` makes, packed ones (`.gz`) too.
///
/// # Examples
/// ```
/// let files = panic_agent::sink::rotations("no-such-directory/panics.jsonl".as_ref());
/// assert_eq!(files, ["no-such-directory/panics.jsonl".as_ref() as &std::path::Path]);
/// ```
pub fn rotations(file: &Path) -> Vec<PathBuf> {
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let Some(name) = file.file_name() else { return vec![file.to_owned()] };
    let mut found: Vec<(Age, PathBuf)> = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let other = entry.file_name();
        let end = other.as_encoded_bytes().strip_prefix(name.as_encoded_bytes());
        let Some(end) = end else { continue };
        if let Some(age) = Age::of(&String::from_utf8_lossy(end)) {
            found.push((age, file.with_file_name(other)));
        }
    }
    found.sort();
    let mut parts: Vec<PathBuf> = found.into_iter().map(|(_, path)| path).collect();
    if file.exists() || parts.is_empty() {
        parts.push(file.to_owned());
    }
    parts
}

/// How old an archive is by its name; the oldest is the least.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    /// `.3`: the higher, the older.
    Number(std::cmp::Reverse<u64>),
    /// `.20260131T235959.123456789Z` of the agent, or `-20260131` of `logrotate`.
    Date(String),
}

impl Age {
    /// From what follows the name of the file.
    fn of(end: &str) -> Option<Self> {
        let end = end.strip_suffix(".gz").unwrap_or(end);
        let (mark, rest) = end.split_at_checked(1)?;
        if !matches!(mark, "." | "-") || rest.is_empty() {
            return None;
        }
        if let (".", Ok(number)) = (mark, rest.parse::<u64>())
            && rest.len() < 8
        {
            return Some(Self::Number(std::cmp::Reverse(number)));
        }
        let is_date = rest.get(..8)?.bytes().all(|letter| letter.is_ascii_digit())
            && rest
                .bytes()
                .all(|letter| letter.is_ascii_digit() || matches!(letter, b'T' | b'.' | b'Z' | b'-'));
        is_date.then(|| Self::Date(rest.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::testing::Dir;

    #[test]
    fn archives_come_before_the_file_oldest_first_and_other_neighbours_do_not_come() {
        let dir = Dir::new("rotations");
        let names = [
            "p.jsonl",
            "p.jsonl.1",
            "p.jsonl.2.gz",
            "p.jsonl.10",
            "p.jsonl-20260102",
            "p.jsonl-20260101.gz",
            "p.jsonl.20260131T235959.123456789Z",
            "p.jsonl.spool-17",
            "p.jsonl.bak",
            "q.jsonl.1",
            "p.jsonl.",
        ];
        for name in names {
            fs::write(dir.join(name), "").unwrap();
        }
        let found = rotations(&dir.join("p.jsonl"));
        let found: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        let expected = [
            "p.jsonl.10",
            "p.jsonl.2.gz",
            "p.jsonl.1",
            "p.jsonl-20260101.gz",
            "p.jsonl-20260102",
            "p.jsonl.20260131T235959.123456789Z",
            "p.jsonl",
        ];
        assert_eq!(found, expected);
    }
}
