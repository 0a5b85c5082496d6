//! Names for the lines of stripped programs, on their way.
//!
//! A verdict gets its names from the line of its panic. After a start that line may have been shipped long ago; then the log
//! is read back for it, not further than a bound.
//!
//! Runs on: the threads of destinations. Must not: hold a line back because it stays without names.

use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use panic_agent::Line;
use panic_agent::record::{LineContent, LineReader, PanicId, StackBook};
use panic_agent::recovery::Symbolizer;
use panic_agent::sink::rotations;

use crate::follow::is_gzip;
use crate::metrics::Counters;
use crate::worker::Settings;

/// Panics that are remembered; the symbolizer remembers as many.
const REMEMBERED: usize = 65_536;
/// How much of each file is read back, from its end.
const BACK: u64 = 16 << 20;
/// After so many panics that were not found, none is looked for any more.
const MISSES: u32 = 64;

/// Names lines, if that is asked for.
pub(super) struct Names(Option<Asked>);

struct Asked {
    symbolizer: Symbolizer,
    log: PathBuf,
    /// Panics whose lines were read in this run.
    read: HashSet<PanicId>,
    order: VecDeque<PanicId>,
    misses: u32,
}

impl Names {
    /// A file that is gone since it was looked at gives no names.
    pub(super) fn of(settings: &Settings) -> Self {
        if settings.directories.is_empty() && settings.binaries.is_empty() {
            return Self(None);
        }
        let symbolizer = Symbolizer::of(&settings.directories, &settings.binaries).ok();
        Self(symbolizer.map(|symbolizer| Asked::new(symbolizer, &settings.log)))
    }

    /// The line, with what is known by names now.
    pub(super) fn of_line(&mut self, bytes: Vec<u8>, counters: &Counters) -> Vec<u8> {
        let Some(asked) = &mut self.0 else { return bytes };
        let Some(mut line) = parsed(&bytes) else { return bytes };
        match &line {
            Line::Panic(report) => asked.note(report.head.id),
            Line::Verdict(verdict) if !asked.knows(verdict.head.id) => counters.unnamed(),
            _ => {}
        }
        let amended = asked.symbolizer.amend(&mut line).then(|| serde_json::to_vec(&line).ok()).flatten();
        amended.unwrap_or(bytes)
    }
}

fn parsed(bytes: &[u8]) -> Option<Line> {
    match LineReader::new(bytes).next()?.ok()?.content {
        LineContent::Line(line) => Some(line),
        _ => None,
    }
}

impl Asked {
    fn new(symbolizer: Symbolizer, log: &Path) -> Self {
        Self { symbolizer, log: log.to_owned(), read: HashSet::new(), order: VecDeque::new(), misses: 0 }
    }

    fn note(&mut self, id: PanicId) {
        if self.read.insert(id) {
            self.order.push_back(id);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.read.remove(&oldest);
        }
    }

    /// Whether the line of the panic was read, now or before.
    fn knows(&mut self, id: PanicId) -> bool {
        if self.read.contains(&id) {
            return true;
        }
        if self.misses >= MISSES {
            return false;
        }
        let files = rotations(&self.log);
        let Some(mut line) = files.iter().rev().find_map(|file| read_back(file, id)) else {
            self.misses += 1;
            return false;
        };
        // What it says was shipped before.
        let _named = self.symbolizer.amend(&mut line);
        self.note(id);
        true
    }
}

/// The line of a panic near the end of a file. Archives that are compressed are not searched.
fn read_back(path: &Path, id: PanicId) -> Option<Line> {
    let file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let begin = length.saturating_sub(BACK);
    let mut text = vec![0; usize::try_from(length - begin).ok()?];
    file.read_exact_at(&mut text, begin).ok()?;
    if begin == 0 && is_gzip(&text) {
        return None;
    }
    let needle = format!("\"id\":\"{id}\"");
    let mut ends = memchr::memmem::rfind_iter(&text, needle.as_bytes());
    ends.find_map(|at| {
        let (before, behind) = text.split_at(at);
        let first = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let last = at + memchr::memchr(b'\n', behind).unwrap_or(behind.len());
        let line = parsed(&whole(text.get(..first)?, text.get(first..last)?)?)?;
        matches!(&line, Line::Panic(report) if report.head.id == id).then_some(line)
    })
}

/// The line with its stack, which may stand before it. `None`: that is further away.
fn whole(before: &[u8], line: &[u8]) -> Option<Vec<u8>> {
    let (mut stacks, mut whole) = (StackBook::default(), Vec::new());
    if stacks.lacks(line) {
        for other in before.split(|byte| *byte == b'\n') {
            stacks.complete(other, &mut whole);
            whole.clear();
        }
        if stacks.lacks(line) {
            return None;
        }
    }
    Some(if stacks.complete(line, &mut whole) { whole } else { line.to_vec() })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::*;

    const LINES: &str = include_str!("../../tests/lines/thread-join-unwrapped.jsonl");

    /// The first line of a kind about the first panic.
    fn line(kind: &str) -> &'static str {
        let is_wanted = |line: &&str| {
            line.contains(&format!("\"kind\":\"{kind}\"")) && line.contains("\"id\":\"e0dfb1a83ee5c8ae-1\"")
        };
        LINES.lines().find(is_wanted).unwrap()
    }

    /// How many verdicts of three had no panic, with such a log and archive.
    fn unnamed(log: &[u8], archive: &[u8]) -> u64 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.jsonl");
        fs::write(&path, log).unwrap();
        fs::write(dir.path().join("p.jsonl.1"), archive).unwrap();
        let mut names = Names(Some(Asked::new(Symbolizer::new(), &path)));
        let counters = Counters::default();
        for _ in 0..3 {
            let verdict = line("verdict").as_bytes().to_vec();
            assert_eq!(names.of_line(verdict.clone(), &counters), verdict, "nothing else is known of it");
        }
        counters.all_unnamed()
    }

    #[test]
    fn the_panic_of_a_verdict_is_looked_for_up_to_a_bound() {
        let (panic, verdict) = (format!("{}\n", line("panic")), format!("{}\n", line("verdict")));
        let filler = format!("{}\n", "x".repeat(1 << 20)).repeat(17);
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(panic.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        for (log, archive, expected) in [
            (format!("{panic}{verdict}"), Vec::new(), 0),
            (format!("{verdict}{panic}"), Vec::new(), 0),
            (verdict.clone(), panic.clone().into_bytes(), 0),
            (verdict.clone(), Vec::new(), 3),
            (format!("{panic}{filler}{verdict}"), Vec::new(), 3),
            (verdict.clone(), packed, 3),
            (panic.replace("e0dfb1a83ee5c8ae-1", "e0dfb1a83ee5c8ae-11") + &verdict, Vec::new(), 3),
        ] {
            assert_eq!(unnamed(log.as_bytes(), &archive), expected, "{:.60}", log);
        }
    }

    #[test]
    fn a_panic_that_was_read_is_known_and_too_many_misses_end_the_search() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.jsonl");
        let mut names = Names(Some(Asked::new(Symbolizer::new(), &path)));
        let counters = Counters::default();
        let _panic = names.of_line(line("panic").into(), &counters);
        let _verdict = names.of_line(line("verdict").into(), &counters);
        assert_eq!(counters.all_unnamed(), 0);
        let other = line("verdict").replace("e0dfb1a83ee5c8ae-1", "e0dfb1a83ee5c8ae-9");
        for _ in 0..MISSES {
            let _verdict = names.of_line(other.clone().into(), &counters);
        }
        fs::write(&path, line("panic").replace("e0dfb1a83ee5c8ae-1", "e0dfb1a83ee5c8ae-9")).unwrap();
        let _verdict = names.of_line(other.into(), &counters);
        assert_eq!(counters.all_unnamed(), u64::from(MISSES) + 1, "it is not looked for any more");
    }
}
