//! The lines of several inputs as one log, in the order of time.
//!
//! Runs on: the main thread. Must not: keep more than one line of each input.

use panic_agent::Line;
use panic_agent::record::{LineContent, LineReader};

use super::{At, Complaint, Complaints, Input, RawLines};

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
    /// What a line must hold somewhere to be of interest.
    needle: Option<Vec<u8>>,
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
        let stream = |input| Stream { raw: RawLines::whole(input), next: None, time: i64::MIN, ended: false };
        Self {
            streams: inputs.into_iter().map(stream).collect(),
            complaints: Complaints::default(),
            needle: None,
        }
    }

    /// Passes over lines of other processes unread, and over what is no line: `id` is that of a panic, or its beginning.
    pub(crate) fn of_process(mut self, id: &str) -> Self {
        let instance = id.split('-').next().unwrap_or_default();
        self.needle = Some(instance.as_bytes().to_vec());
        self
    }
}

impl Iterator for Log {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        for stream in &mut self.streams {
            stream.fill(&mut self.complaints, self.needle.as_deref());
        }
        let waiting = self.streams.iter_mut().filter(|stream| stream.next.is_some());
        let first = waiting.min_by_key(|stream| stream.next.as_ref().map(|(time, _)| *time))?;
        first.next.take().map(|(_, entry)| entry)
    }
}

impl Stream {
    fn fill(&mut self, complaints: &mut Complaints, needle: Option<&[u8]>) {
        while self.next.is_none() && !self.ended {
            match self.raw.next() {
                Ok(None) => self.ended = true,
                Err((at, error)) => complaints.unreadable(&at, &error),
                Ok(Some((_, text)))
                    if needle.is_some_and(|needle| memchr::memmem::find(text, needle).is_none()) => {}
                Ok(Some((at, text))) => {
                    let line = content(text, &at, complaints);
                    self.next = line.map(|line| {
                        self.time = self.time.max(line.head().ts_ms);
                        (self.time, Entry { line, at, bytes: text.len() })
                    });
                }
            }
        }
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
