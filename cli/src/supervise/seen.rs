//! What a process wrote into the log between its start and its end.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use panic_agent::Line;
use panic_agent::record::{Fate, Head, LastPanic, LineContent, LineKind, LineReader, PanicId};

/// Panics that are remembered.
const LAST: usize = 5;
/// Bytes of a message.
const MESSAGE_BYTES: usize = 200;

/// The file of a process: `{pid}` is its process id.
pub(super) fn log_of(log: &Path, pid: u32) -> PathBuf {
    match log.to_str() {
        Some(text) if text.contains("{pid}") => PathBuf::from(text.replace("{pid}", &pid.to_string())),
        _ => log.to_owned(),
    }
}

/// The end of a log at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    file: (u64, u64),
    len: u64,
}

impl Mark {
    pub(super) fn of(log: &Path) -> Option<Self> {
        let metadata = log.metadata().ok()?;
        Some(Self { file: (metadata.dev(), metadata.ino()), len: metadata.len() })
    }
}

/// The last instance of the agent in a process.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// What its last line begins with.
    pub(super) head: Option<Head>,
    /// Whether it has an `end` line.
    pub(super) ended: bool,
    /// Whether the program has an agent of its own, which writes elsewhere.
    pub(super) handed_over: bool,
    /// The last panics, oldest first.
    pub(super) panics: VecDeque<LastPanic>,
}

impl Seen {
    /// Reads what was added since; a file that was rotated meanwhile is read from its beginning.
    pub(super) fn read(log: &Path, since: Option<Mark>, pid: u32) -> Self {
        let mut seen = Self::default();
        let Ok(mut file) = File::open(log) else { return seen };
        let now = Mark::of(log);
        let from = since.filter(|mark| now.is_some_and(|now| now.file == mark.file && now.len >= mark.len));
        if file.seek(SeekFrom::Start(from.map_or(0, |mark| mark.len))).is_err() {
            return seen;
        }
        for line in LineReader::new(BufReader::new(file)).map_while(Result::ok) {
            if let LineContent::Line(line) = line.content {
                seen.take(line, pid);
            }
        }
        seen
    }

    fn take(&mut self, line: Line, pid: u32) {
        let head = line.head();
        if head.pid != pid {
            return;
        }
        if line.kind() == LineKind::Process {
            *self = Self::default();
        }
        self.head = Some(head);
        match line {
            Line::Panic(report) => {
                let id = report.head.id;
                let message = report.message.as_deref().map(first_line);
                let fate = line_fate(&Line::Panic(report));
                self.note(id, message, fate);
            }
            Line::Verdict(verdict) => {
                if let Some(known) = self.panics.iter_mut().find(|known| known.panic == verdict.head.id) {
                    known.fate = verdict.fate;
                }
            }
            Line::Finding(finding) => self.handed_over |= finding.code == "handed_over",
            Line::End(_) => self.ended = true,
            _ => {}
        }
    }

    fn note(&mut self, panic: PanicId, message: Option<String>, fate: Fate) {
        if self.panics.len() >= LAST {
            self.panics.pop_front();
        }
        self.panics.push_back(LastPanic::new(panic, message, fate));
    }
}

fn line_fate(line: &Line) -> Fate {
    line.verdict().map_or(Fate::Unknown, |verdict| verdict.fate)
}

fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.chars()
        .scan(0, |bytes, letter| {
            *bytes += letter.len_utf8();
            (*bytes <= MESSAGE_BYTES).then_some(letter)
        })
        .collect()
}
