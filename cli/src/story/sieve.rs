//! Which lines of large files can belong to what somebody asks for, so that only those are read in full.
//!
//! All files are read twice: once on all processors for the first fields of each line, then in order, for what those let
//! through. Both times it is the same open file up to the same end, whatever is written or renamed meanwhile.
//!
//! Runs on: the main thread, and those of `parts`. Must not: hold back a line that could change an incident that is asked
//! for, or one that cannot be read.

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::Input;
use super::flat::{self, Head, Id, Kind};
use super::parts::{Piece, in_parts, is_packed};
use super::raw_lines::BEGIN;

/// Panics and links that are kept; with more of them everything is read in full.
const MAX_IDS: usize = 1 << 20;

/// Panics that are asked for, and all that are linked to them.
#[derive(Debug, Default)]
pub(crate) struct Sieve {
    ids: HashSet<Id>,
}

/// A file that is open, up to where it is read.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
    pub(crate) len: u64,
}

/// What a part of a file has.
#[derive(Default)]
struct Found {
    ids: HashSet<Id>,
    /// Panics that name another as the beginning of their chain.
    links: Vec<(Id, Id)>,
}

impl Sieve {
    /// Reads the first fields of all lines. A panic is asked for when `is_asked_for` says so of any line on it. `None`: not all
    /// of it are plain files, or too much is asked for; then nothing is gained.
    pub(crate) fn build(
        inputs: &[Input],
        is_asked_for: impl Fn(&Head<'_>) -> bool + Sync,
    ) -> Option<(Self, Vec<Vec<Part>>)> {
        let mut all = Found::default();
        let mut streams = Vec::new();
        for input in inputs {
            let Input::Files(paths) = input else { return None };
            let mut parts = Vec::new();
            for path in paths {
                // What cannot be opened or read is told by those who read in full.
                let file = File::open(path).ok()?;
                let metadata = file.metadata().ok()?;
                if !metadata.is_file() || is_packed(&file).ok()? {
                    return None;
                }
                let look = |found: &mut Found, piece: Piece<'_>| {
                    if let Piece::Line(line) = piece {
                        found.line(line, &is_asked_for);
                    }
                };
                let len = metadata.len();
                for found in in_parts(&file, len, look).ok()? {
                    all.ids.extend(found.ids);
                    all.links.extend(found.links);
                }
                if all.is_too_much() {
                    return None;
                }
                parts.push(Part { path: path.clone(), file, len });
            }
            streams.push(parts);
        }
        all.close();
        Some((Self { ids: all.ids }, streams))
    }

    /// Whether a line must be read in full; where not, whether it is that of a panic.
    pub(crate) fn judge(&self, line: &[u8]) -> Passed {
        let of_head = || flat::head(line).ok().map(|(head, _)| (head.kind, head.id, head.incident));
        let Some((kind, id, incident)) = flat::ids(line).or_else(of_head) else { return Passed::Through };
        let is_of_interest = match kind {
            Kind::Panic | Kind::Verdict => self.ids.contains(&id) || self.ids.contains(&incident),
            Kind::Repeats | Kind::Other => true,
        };
        if is_of_interest || beginnings(line).next().is_some() {
            return Passed::Through;
        }
        if kind == Kind::Panic { Passed::Panic } else { Passed::Word }
    }
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passed {
    Through,
    /// Held back: a panic.
    Panic,
    /// Held back: a verdict on one.
    Word,
}

impl Found {
    fn line(&mut self, line: &[u8], is_asked_for: impl Fn(&Head<'_>) -> bool) {
        if self.is_too_much() {
            return;
        }
        self.whole_line(line, &is_asked_for);
        for at in beginnings(line) {
            self.whole_line(line.get(at..).unwrap_or_default(), &is_asked_for);
        }
    }

    fn whole_line(&mut self, line: &[u8], is_asked_for: &impl Fn(&Head<'_>) -> bool) {
        let Ok((head, _)) = flat::head(line) else { return };
        if !matches!(head.kind, Kind::Panic | Kind::Verdict) {
            return;
        }
        if head.id != head.incident {
            self.links.push((head.id, head.incident));
        }
        if is_asked_for(&head) {
            self.ids.insert(head.id);
            self.ids.insert(head.incident);
        }
    }

    fn is_too_much(&self) -> bool {
        self.ids.len() > MAX_IDS || self.links.len() > MAX_IDS
    }

    /// Takes in what is linked to what is asked for. A link may be known only by a later verdict, and lead on from there.
    fn close(&mut self) {
        loop {
            let before = self.ids.len();
            self.links.retain(|(id, incident)| {
                let is_linked = self.ids.contains(id) || self.ids.contains(incident);
                if is_linked {
                    self.ids.extend([*id, *incident]);
                }
                !is_linked
            });
            if self.ids.len() == before {
                return;
            }
        }
    }
}

/// Where a line begins inside of one that was torn. In a text the quotation marks would be escaped.
fn beginnings(line: &[u8]) -> impl Iterator<Item = usize> + '_ {
    static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(BEGIN));
    FINDER.find_iter(line).skip_while(|at| *at == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: &str, id: u32, incident: u32, silent: &str) -> String {
        format!(
            "{{\"schema\":1,\"kind\":\"{kind}\",\"id\":\"00000000000000aa-{id}\",\"ts_ms\":1,\"fingerprint\":\"0000000000000001\",\
             \"incident\":\"00000000000000aa-{incident}\",\"silent\":{silent}}}"
        )
    }

    fn built(lines: &[String]) -> (Sieve, Vec<Passed>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("panics.jsonl");
        std::fs::write(&path, lines.join("\n")).unwrap();
        let (sieve, parts) =
            Sieve::build(&[Input::Files(vec![path])], |head| head.silent == Some(true)).unwrap();
        assert_eq!(parts.len(), 1);
        let judged = lines.iter().map(|line| sieve.judge(line.as_bytes())).collect();
        (sieve, judged)
    }

    #[test]
    fn a_chain_passes_as_a_whole_wherever_it_is_linked() {
        let (_, judged) = built(&[
            line("panic", 1, 1, "null"),
            line("panic", 2, 2, "null"),
            line("panic", 3, 3, "false"),
            line("panic", 4, 3, "false"),
            // Known only later: the second was caused by the first.
            line("verdict", 2, 1, "true"),
            line("verdict", 3, 3, "false"),
            line("process", 9, 9, "null"),
        ]);
        use Passed::{Panic, Through, Word};
        assert_eq!(judged, [Through, Through, Panic, Panic, Through, Word, Through]);
    }

    #[test]
    fn what_cannot_be_read_passes_and_what_stands_behind_a_torn_line_is_seen() {
        let torn = line("panic", 5, 5, "false").replace('}', "") + &line("verdict", 6, 6, "true");
        let (sieve, judged) = built(&[torn, "no line".to_owned(), line("panic", 6, 6, "null")]);
        assert_eq!(judged, [Passed::Through; 3]);
        assert_eq!(sieve.judge(line("panic", 7, 7, "null").as_bytes()), Passed::Panic);
    }

    #[test]
    fn a_pipe_or_an_archive_is_not_read_twice() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("panics.jsonl.gz");
        std::fs::write(&path, [0x1f, 0x8b, 8, 0]).unwrap();
        for input in [Input::Stdin, Input::Files(vec![path]), Input::Files(vec!["/dev/null".into()])] {
            assert!(Sieve::build(&[input], |_| true).is_none());
        }
    }
}
