//! The lines of several inputs as one log, in the order of time.
//!
//! Runs on: the main thread. Must not: keep more than one line of each input.

use panic_agent::Line;
use panic_agent::record::{LineContent, LineReader};

use super::{At, Complaint, Complaints, Input, Part, Passed, RawLines, Sieve};

/// Version of the record schema that this tool understands.
const SCHEMA: u32 = 1;

/// A line of the agent, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) line: Line,
    pub(crate) at: At,
    /// Bytes of its text.
    pub(crate) bytes: usize,
}

/// Reads all inputs, merged by time. Within an input the order stays as it is.
pub(crate) struct Log {
    streams: Vec<Stream>,
    pub(crate) complaints: Complaints,
    interest: Interest,
    /// Panics that nobody asks for, whose lines were not read in full.
    pub(crate) passed_over: u64,
}

/// Which lines are read in full.
enum Interest {
    All,
    /// Those that hold this somewhere.
    Needle(Vec<u8>),
    Sieve(Sieve),
}

struct Stream {
    raw: RawLines,
    /// The next line, with the time that it is sorted by: never less than that of the lines before.
    next: Option<(i64, Entry)>,
    time: i64,
    ended: bool,
}

impl Log {
    pub(crate) fn new(inputs: Vec<Input>) -> Self {
        Self::of(inputs.into_iter().map(RawLines::whole), Interest::All)
    }

    /// Passes over what is not asked for.
    pub(crate) fn sieved(inputs: Vec<Vec<Part>>, sieve: Sieve) -> Self {
        Self::of(inputs.into_iter().map(RawLines::of_open), Interest::Sieve(sieve))
    }

    fn of(inputs: impl Iterator<Item = RawLines>, interest: Interest) -> Self {
        let stream = |raw| Stream { raw, next: None, time: i64::MIN, ended: false };
        Self {
            streams: inputs.map(stream).collect(),
            complaints: Complaints::default(),
            interest,
            passed_over: 0,
        }
    }

    /// Passes over lines of other processes unread, and over what is no line: `id` is that of a panic, or its beginning.
    pub(crate) fn of_process(mut self, id: &str) -> Self {
        let instance = id.split('-').next().unwrap_or_default();
        self.interest = Interest::Needle(instance.as_bytes().to_vec());
        self
    }
}

impl Iterator for Log {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        for stream in &mut self.streams {
            self.passed_over += stream.fill(&mut self.complaints, &self.interest);
        }
        let waiting = self.streams.iter_mut().filter(|stream| stream.next.is_some());
        let first = waiting.min_by_key(|stream| stream.next.as_ref().map(|(time, _)| *time))?;
        first.next.take().map(|(_, entry)| entry)
    }
}

impl Interest {
    fn judge(&self, line: &[u8]) -> Passed {
        match self {
            Self::All => Passed::Through,
            Self::Needle(needle) if memchr::memmem::find(line, needle).is_some() => Passed::Through,
            Self::Needle(_) => Passed::Word,
            Self::Sieve(sieve) => sieve.judge(line),
        }
    }
}

impl Stream {
    /// Reads on to the next line of interest; how many panics were passed over.
    fn fill(&mut self, complaints: &mut Complaints, interest: &Interest) -> u64 {
        let mut passed_over = 0;
        while self.next.is_none() && !self.ended {
            match self.raw.next() {
                Ok(None) => self.ended = true,
                Err((at, error)) => complaints.unreadable(&at, &error),
                Ok(Some((at, text))) => {
                    let passed = interest.judge(text);
                    if passed != Passed::Through {
                        passed_over += u64::from(passed == Passed::Panic);
                        continue;
                    }
                    let line = content(text, &at, complaints);
                    self.next = line.map(|line| {
                        self.time = self.time.max(line.head().ts_ms);
                        (self.time, Entry { line, at, bytes: text.len() })
                    });
                }
            }
        }
        passed_over
    }
}

/// What a line says; what cannot be used is complained about. Behind a torn line there may be a whole one.
pub(crate) fn content(text: &[u8], at: &At, complaints: &mut Complaints) -> Option<Line> {
    let mut found = None;
    // Memory cannot fail to be read.
    for read in LineReader::new(text).map_while(Result::ok) {
        match read.content {
            LineContent::Line(line) => match line.head().schema {
                SCHEMA => found = found.or(Some(line)),
                schema => complaints.line(at, Complaint::Newer, &format!("schema {schema}")),
            },
            LineContent::Other(value) => match (value.get("schema"), value.get("kind")) {
                (Some(schema), Some(kind)) => {
                    let why = format!("a word or field of schema {schema}, kind {kind}, is not known here");
                    complaints.line(at, Complaint::Newer, &why);
                }
                _ => complaints.line(at, Complaint::Foreign, "JSON without `schema` and `kind`"),
            },
            LineContent::Damaged(why) if why.starts_with("torn") => {
                complaints.line(at, Complaint::Torn, &why);
            }
            LineContent::Damaged(why) => complaints.line(at, Complaint::Foreign, &why),
            _ => complaints.line(at, Complaint::Newer, "it reads as nothing that this tool knows"),
        }
    }
    found
}
