//! What a dead process had already written: the end of its log, read line by line.
//!
//! Runs on: recoveries. Must not: change a byte that is not part of a torn line of the dead process.
//!
//! A process that is killed inside `write(2)` can leave a part of a line. Nobody else writes there any more: other
//! processes append behind it. So such a part is overwritten with spaces, which JSON allows before a line; what
//! stood in it is written again from the spool. Whoever else has the file open does not matter, only that this part
//! is not just being written: see [`is_settled`].
//!
//! A little longer than other files: what is read and what is blanked out must agree on where a line begins.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::de::IgnoredAny;

use crate::files::{FileTrust, Last, Resolved, is_own, own_alone, resolve, syscalls};
use crate::record::{Fate, Report, StackBook, VerdictLine};
use crate::spool::INFIX;
use crate::spool::checksums::LogPosition;
use crate::spool::process_identity::identity;
use crate::sys::faults::{self, Call};

/// How each line begins.
const START: &[u8] = br#"{"schema":"#;
/// Longest line that is kept in memory. Longer ones are not the agent's.
const LONGEST: usize = 4 << 20;
/// How much older than the last note a rotated file may look; clocks of file systems are coarse.
const CLOCK_SLACK_NS: u128 = 2_000_000_000;
/// Looks at a directory in which files are renamed again and again.
const MAX_LOOKS: usize = 4;
/// How long somebody may take to go on with a line of which the system took only a part at first.
const SETTLE: Duration = Duration::from_millis(20);
/// Looks at an end of the file that goes on growing.
const MAX_SETTLES: usize = 100;

/// What the log says of one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogTail {
    /// Numbers of panics that have a line.
    pub(crate) panics: HashSet<u64>,
    /// Lines of the panics that were asked for.
    pub(crate) lines: HashMap<u64, Report>,
    /// The last word on their fates.
    pub(crate) fates: HashMap<u64, Fate>,
    /// Whether its `process` line is there.
    pub(crate) process_line: bool,
    /// Whether its death was reported.
    pub(crate) death: bool,
    /// Parts of lines that were blanked out.
    pub(crate) torn: usize,
}

impl LogTail {
    /// Reads what lies behind the noted position, also in files that were renamed since.
    ///
    /// # Errors
    /// When a file that is there cannot be read, or lies where another user can replace it.
    pub(crate) fn read(
        log: &Path,
        trust: FileTrust,
        noted: Option<LogPosition>,
        instance: u64,
        wanted: &HashSet<u64>,
    ) -> io::Result<Self> {
        let asked = Asked { instance, wanted };
        let noted = noted.unwrap_or_default();
        let log = match resolve(log, trust) {
            // Not even its directory is there.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            log => log?,
        };
        let mut tail = Self::default();
        let mut there = files(&log, noted)?;
        for _ in 0..MAX_LOOKS {
            for file in &there {
                tail.read_path(file, noted, asked)?;
            }
            // Somebody may rotate the log meanwhile.
            let before = std::mem::replace(&mut there, files(&log, noted)?);
            if there == before {
                break;
            }
        }
        Ok(tail)
    }

    fn read_path(&mut self, found: &Found, noted: LogPosition, asked: Asked<'_>) -> io::Result<()> {
        let flags = libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let options = &mut File::options();
        let file = match syscalls::open(options.read(true).write(true).custom_flags(flags), &found.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        let metadata = syscalls::fstat(&file)?;
        if !metadata.is_file() {
            return Ok(());
        }
        if found.is_shared_log {
            own_alone(&found.path, &metadata)?;
        }
        let same = identity(&metadata) == (noted.device, noted.inode);
        let mut at = if same && noted.offset <= metadata.len() { noted.offset } else { 0 };
        // The dead write no more: others may append faster than this is read.
        let mut end = metadata.len();
        for _ in 0..MAX_SETTLES {
            match self.read_lines(&file, at, end, asked)? {
                // Others have appended meanwhile: what stands there is to be read anew.
                Some(line) => (at, end) = (line, syscalls::fstat(&file)?.len()),
                None => break,
            }
        }
        Ok(())
    }

    /// Adds what another file says.
    pub(crate) fn add(&mut self, other: Self) {
        self.panics.extend(other.panics);
        self.lines.extend(other.lines);
        self.fates.extend(other.fates);
        self.process_line |= other.process_line;
        self.death |= other.death;
        self.torn += other.torn;
    }

    /// Gives where a part of a line begins that is not settled.
    fn read_lines(
        &mut self,
        file: &File,
        mut at: u64,
        end: u64,
        asked: Asked<'_>,
    ) -> io::Result<Option<u64>> {
        let mut reader = BufReader::new(Behind { file, at, end });
        let mut line = Vec::new();
        loop {
            line.clear();
            faults::check(Call::Read)?;
            let read = read_line(&mut reader, &mut line)?;
            if read == 0 {
                return Ok(None);
            }
            if !self.take_line(file, at, &line, asked)? {
                return Ok(Some(at));
            }
            at += read as u64;
        }
    }

    /// `false`: it ends in a part of a line that is not settled.
    fn take_line(&mut self, file: &File, at: u64, line: &[u8], asked: Asked<'_>) -> io::Result<bool> {
        let mut start = line.iter().take_while(|byte| **byte == b' ').count();
        loop {
            let rest = &line[start..];
            // A part of a line may stand directly before a whole one of another process.
            let next = rest.get(1..).and_then(|after| find(after, START)).map(|found| found + 1);
            let one = &rest[..next.unwrap_or(rest.len())];
            let text = one.trim_ascii_end();
            let said = Said::of(text);
            if serde_json::from_slice::<IgnoredAny>(text).is_ok() {
                self.note(&said, text, asked);
            } else if said.may_be(asked.instance, text) {
                if !line.ends_with(b"\n") && next.is_none() && !is_settled(file, at, line)? {
                    return Ok(false);
                }
                let blanks = vec![b' '; text.len()];
                syscalls::write_all_at(file, &blanks, at + start as u64)?;
                self.torn += 1;
            }
            match next {
                Some(next) => start += next,
                None => return Ok(true),
            }
        }
    }

    fn note(&mut self, said: &Said<'_>, text: &[u8], asked: Asked<'_>) {
        if said.instance != Some(asked.instance) {
            return;
        }
        match (said.kind, said.number) {
            (b"panic", Some(number)) => {
                self.panics.insert(number);
                if asked.wanted.contains(&number)
                    && let Some(report) = report(text)
                {
                    self.fates.insert(number, report.fate);
                    self.lines.insert(number, report);
                }
            }
            (b"verdict", Some(number)) if asked.wanted.contains(&number) => {
                if let Ok(verdict) = serde_json::from_slice::<VerdictLine>(text) {
                    self.fates.insert(number, verdict.fate);
                }
            }
            (b"process", _) => self.process_line = true,
            (b"finding", _) => self.death |= said.is_death,
            _ => {}
        }
    }
}

/// Of a line whose stack is shown in another one, everything but that: no verdict needs it any more.
fn report(text: &[u8]) -> Option<Report> {
    let mut whole = Vec::new();
    let completed = StackBook::default().complete(text, &mut whole);
    serde_json::from_slice(if completed { &whole } else { text }).ok()
}

/// Whose lines are looked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    instance: u64,
    /// Panics whose lines are kept.
    wanted: &'a HashSet<u64>,
}

/// The first fields of a line, as far as they are there.
struct Said<'a> {
    kind: &'a [u8],
    instance: Option<u64>,
    number: Option<u64>,
    is_death: bool,
}

impl<'a> Said<'a> {
    fn of(line: &'a [u8]) -> Self {
        let field = |name: &[u8]| {
            let from = find(&line[..line.len().min(200)], name)? + name.len();
            let rest = &line[from..];
            Some(&rest[..rest.iter().position(|byte| *byte == b'"')?])
        };
        let id = field(br#""id":""#).and_then(|id| std::str::from_utf8(id).ok()).unwrap_or_default();
        let (instance, number) = id.split_once('-').unwrap_or((id, ""));
        Self {
            kind: field(br#""kind":""#).unwrap_or_default(),
            instance: (instance.len() == 16).then(|| u64::from_str_radix(instance, 16).ok()).flatten(),
            number: number.parse().ok(),
            is_death: find(line, br#""code":"process_died""#).is_some(),
        }
    }

    /// Whether a text that is not JSON is a part of a line of this process: its id is there, or it ends before.
    fn may_be(&self, instance: u64, text: &[u8]) -> bool {
        let begins = text.starts_with(START) || START.starts_with(text);
        begins && !text.is_empty() && self.instance.map_or(text.len() < 64, |said| said == instance)
    }
}

/// Whether a part of a line at the end of a file is not just being written. That is certain where the file system lets
/// one `write` at a time into a file: a write that has begun is over before the one below, and then the file is longer.
fn is_settled(file: &File, at: u64, line: &[u8]) -> io::Result<bool> {
    std::thread::sleep(SETTLE);
    let end = at + line.len() as u64;
    if let Some(last) = line.last() {
        // The byte that is there already.
        syscalls::write_all_at(file, core::slice::from_ref(last), end - 1)?;
    }
    Ok(syscalls::fstat(file)?.len() == end)
}

/// Reads a file from a place on to another one, without a position that others share.
struct Behind<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl io::Read for Behind<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = left.min(buffer.len());
        let read = self.file.read_at(buffer.get_mut(..most).unwrap_or_default(), self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// A file with lines.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    path: PathBuf,
    /// Tells it from another one of this name; `None` when it is not there.
    id: Option<(u64, u64)>,
    /// Whether it is the log, and others can make files beside it.
    is_shared_log: bool,
}

/// The log, and files that it was renamed to after the note.
fn files(log: &Resolved, noted: LogPosition) -> io::Result<Vec<Found>> {
    let shared = log.last == Last::Shared;
    let path = log.path.clone();
    let id = syscalls::lstat(&path).ok().as_ref().map(identity);
    let mut files = vec![Found { path, id, is_shared_log: shared }];
    let (Some(directory), Some(name)) = (log.path.parent(), log.path.file_name()) else { return Ok(files) };
    let names = match syscalls::list(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
        names => names?,
    };
    let mut dotted = name.to_owned();
    dotted.push(".");
    for entry in names {
        let name = entry.as_bytes();
        let is_compressed = name.ends_with(b".gz");
        if !name.starts_with(dotted.as_bytes()) || find(name, INFIX.as_bytes()).is_some() || is_compressed {
            continue;
        }
        let path = directory.join(&entry);
        let Ok(metadata) = syscalls::lstat(&path) else { continue };
        let changed = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let is_new = changed.is_some_and(|at| at.as_nanos() + CLOCK_SLACK_NS >= u128::from(noted.noted_ns));
        // What others put there is none of ours.
        if metadata.is_file() && is_new && (!shared || is_own(&metadata)) {
            let id = Some(identity(&metadata));
            files.push(Found { path, id, is_shared_log: false });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Appends a line with its newline, or its first bytes when it is too long; gives its true length.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    let mut read = 0;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(read);
        }
        let end = buffer.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
        let taken = end.unwrap_or(buffer.len());
        let room = LONGEST.saturating_sub(line.len()).min(taken);
        line.extend_from_slice(&buffer[..room]);
        reader.consume(taken);
        read += taken;
        if end.is_some() {
            return Ok(read);
        }
    }
}
