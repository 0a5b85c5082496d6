//! One file with lines: the log, or a rotation of it, compressed or not.
//!
//! Runs on: the thread of a destination. Must not: give a line twice, or keep more than the beginning of one.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use serde::{Deserialize, Serialize};

/// What is read at once.
const PIECE: usize = 256 << 10;
/// Longest line that is kept; the agent's have 30 KiB.
const MAX_LINE: usize = 2 << 20;
/// Bytes at the beginning that are compared to notice another content.
const BEGIN: usize = 256;
/// Longest first line that is looked at.
const MAX_FIRST: usize = 64 << 10;

/// Whether a file that begins so is compressed.
pub(crate) fn is_gzip(start: &[u8]) -> bool {
    start.starts_with(&[0x1f, 0x8b])
}

/// What tells one file from another, through renaming, copying and compressing.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Identity {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    /// Process instance and time of the first line, which no other file begins with. Empty: there is no line yet.
    pub(crate) first: String,
}

/// A line in a file.
#[derive(Debug)]
pub(super) struct RawLine {
    /// From 1.
    pub(super) line: u64,
    /// Where it begins.
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
}

/// How a read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadEnd {
    /// There is more.
    More,
    /// All that is there was read.
    End,
    /// The file holds something else than before.
    Replaced,
}

/// An open file.
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) identity: Identity,
    pub(super) modified_ms: i64,
    input: Input,
    begin: Vec<u8>,
    /// Seconds and nanoseconds of the last change that was looked at.
    changed: (i64, i64),
    /// Where the first line begins that was not given.
    pub(super) offset: u64,
    /// Lines that were given.
    pub(super) line: u64,
    rest: Vec<u8>,
    /// The line is longer than what is kept; this much of it was passed over.
    passed: u64,
}

enum Input {
    Plain(File),
    /// Where the decoder stands is not where the file does.
    Packed(Box<MultiGzDecoder<BufReader<File>>>),
}

impl Part {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let mut begin = vec![0; BEGIN];
        let count = file.read_at(&mut begin, 0)?;
        begin.truncate(count);
        let input = if is_gzip(&begin) {
            Input::Packed(Box::new(MultiGzDecoder::new(BufReader::with_capacity(PIECE, File::open(path)?))))
        } else {
            Input::Plain(file)
        };
        let first = match &input {
            Input::Plain(file) => first_of(file.try_clone()?.take_from(0)?),
            Input::Packed(_) => first_of(MultiGzDecoder::new(BufReader::new(File::open(path)?))),
        };
        let identity =
            Identity { dev: metadata.dev(), ino: metadata.ino(), first: first.unwrap_or_default() };
        let modified_ms = metadata.mtime().saturating_mul(1000) + metadata.mtime_nsec() / 1_000_000;
        Ok(Self {
            path: path.to_owned(),
            identity,
            modified_ms,
            input,
            begin,
            changed: (0, 0),
            offset: 0,
            line: 0,
            rest: Vec::new(),
            passed: 0,
        })
    }

    /// Goes to a place that was saved. False: there is no line that begins there.
    pub(super) fn go_to(&mut self, offset: u64, line: u64) -> bool {
        if offset == 0 {
            return true;
        }
        let there = match &mut self.input {
            Input::Plain(file) => {
                let mut newline = [0];
                file.read_exact_at(&mut newline, offset - 1).is_ok() && newline == *b"\n"
            }
            Input::Packed(decoder) => io::copy(&mut decoder.by_ref().take(offset), &mut io::sink())
                .is_ok_and(|count| count == offset),
        };
        if there {
            (self.offset, self.line) = (offset, line);
        }
        there
    }

    /// Bytes that were not read. `None`: the file is compressed.
    pub(super) fn left(&self) -> Option<u64> {
        match &self.input {
            Input::Plain(file) => Some(file.metadata().ok()?.len().saturating_sub(self.offset)),
            Input::Packed(_) => None,
        }
    }

    /// Reads whole lines, about `most` bytes of them.
    pub(super) fn read(&mut self, lines: &mut Vec<RawLine>, most: usize) -> ReadEnd {
        if self.is_replaced() {
            return ReadEnd::Replaced;
        }
        let mut piece = vec![0; PIECE];
        let mut read = 0;
        loop {
            if read >= most {
                return ReadEnd::More;
            }
            let position = self.offset + self.passed + self.rest.len() as u64;
            let count = match &mut self.input {
                Input::Plain(file) => file.read_at(&mut piece, position),
                Input::Packed(decoder) => decoder.read(&mut piece),
            };
            match count {
                Ok(0) => return ReadEnd::End,
                Ok(count) => {
                    read += count;
                    self.rest.extend_from_slice(piece.get(..count).unwrap_or_default());
                    self.split(lines);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Asked again later: a server of files may be away, an archive may not be whole yet.
                Err(_) => return ReadEnd::End,
            }
        }
    }

    /// Gives the lines before an offset, without their newlines. What cannot be read any more is left out.
    pub(super) fn read_before(&self, offset: u64, mut take: impl FnMut(&[u8])) {
        let input: Option<Box<dyn BufRead>> = match &self.input {
            // A renamed file is still open here.
            Input::Plain(file) => {
                let from_start = |mut file: File| file.seek(SeekFrom::Start(0)).map(|_| file);
                let file = file.try_clone().and_then(from_start).ok();
                file.map(|file| Box::new(BufReader::with_capacity(PIECE, file)) as _)
            }
            Input::Packed(_) => File::open(&self.path).ok().map(|file| {
                let decoder = MultiGzDecoder::new(BufReader::with_capacity(PIECE, file));
                Box::new(BufReader::with_capacity(PIECE, decoder)) as _
            }),
        };
        let Some(input) = input else { return };
        let mut before = input.take(offset);
        let mut line = Vec::new();
        while before.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            take(line.strip_suffix(b"\n").unwrap_or(&line));
            line.clear();
        }
    }

    /// Whether the file was truncated, or truncated and written again.
    fn is_replaced(&mut self) -> bool {
        let Input::Plain(file) = &self.input else { return false };
        let Ok(metadata) = file.metadata() else { return false };
        let read = self.offset + self.passed + self.rest.len() as u64;
        if metadata.len() < read {
            return true;
        }
        // Whoever writes changes the time, also where the length comes out the same.
        let changed = (metadata.mtime(), metadata.mtime_nsec());
        if metadata.len() == read && changed == self.changed {
            return false;
        }
        self.changed = changed;
        let mut begin = vec![0; BEGIN];
        let Ok(count) = file.read_at(&mut begin, 0) else { return false };
        begin.truncate(count);
        if !begin.starts_with(&self.begin) {
            return true;
        }
        self.begin = begin;
        if self.identity.first.is_empty() {
            let input = file.try_clone().and_then(|file| file.take_from(0));
            self.identity.first = input.ok().and_then(first_of).unwrap_or_default();
        }
        false
    }

    fn split(&mut self, lines: &mut Vec<RawLine>) {
        let rest = std::mem::take(&mut self.rest);
        let mut begin = 0;
        for newline in memchr::memchr_iter(b'\n', &rest) {
            let bytes = rest.get(begin..newline).unwrap_or_default().to_vec();
            let length = (newline + 1 - begin) as u64 + std::mem::take(&mut self.passed);
            self.give(bytes, length, lines);
            begin = newline + 1;
        }
        self.rest = rest.get(begin..).unwrap_or_default().to_vec();
        if self.rest.len() > MAX_LINE {
            self.passed += self.rest.len() as u64;
            self.rest.clear();
        }
    }

    fn give(&mut self, bytes: Vec<u8>, length: u64, lines: &mut Vec<RawLine>) {
        self.line += 1;
        lines.push(RawLine { line: self.line, offset: self.offset, bytes });
        self.offset += length;
    }

    /// The last line of a file that will not grow any more, without its newline.
    pub(super) fn close_line(&mut self, lines: &mut Vec<RawLine>) {
        if !self.rest.is_empty() {
            let bytes = std::mem::take(&mut self.rest);
            let length = bytes.len() as u64;
            self.give(bytes, length, lines);
        }
    }
}

trait TakeFrom {
    fn take_from(self, position: u64) -> io::Result<io::Take<File>>;
}

impl TakeFrom for File {
    /// The cursor of a clone is that of the file, which nobody else uses.
    fn take_from(mut self, position: u64) -> io::Result<io::Take<File>> {
        self.seek(SeekFrom::Start(position))?;
        Ok(self.take(MAX_FIRST as u64))
    }
}

/// What the first line is told by.
fn first_of(input: impl Read) -> Option<String> {
    let mut text = Vec::new();
    // As much as can be read.
    let _whole = input.take(MAX_FIRST as u64).read_to_end(&mut text);
    let lines = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let line = lines.map(<[u8]>::trim_ascii).find(|line| !line.is_empty())?;
    let value: Option<serde_json::Value> = serde_json::from_slice(line).ok();
    let field = |name: &str| value.as_ref()?.get(name)?.as_str();
    Some(match (field("id"), field("ts")) {
        (Some(id), Some(ts)) => format!("{id} {ts}"),
        _ => String::from_utf8_lossy(line.get(..BEGIN.min(line.len())).unwrap_or_default()).into_owned(),
    })
}
