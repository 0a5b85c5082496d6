//! Makes the spool of this process.
//!
//! Runs on: the thread that installs the agent. Must not: fail the program; without a file the memory has no name.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::checksums::header_checksum;
use super::live::LiveSpool;
use super::process_identity::Owner;
use super::{INFIX, Place};
use crate::channel::layout;
use crate::channel::layout::fixed;
use crate::files::{resolve_directory, syscalls};
use crate::record::RawRecord;
use crate::sys::clock::wall_ns;
use crate::sys::mmap::Region;
use crate::sys::own_file::OwnFile;
use crate::sys::spool_file::{self, Lock};

/// Ends the name of a spool that is being made.
const UNFINISHED: &str = ".new";
/// Spools of processes with the same id, dead or in other containers, that may lie in the way.
const MAX_SAME_PID: u32 = 1000;
/// Times that the file is made anew because a recovery removed it.
const ATTEMPTS: u32 = 4;

/// What came of making a spool.
pub(crate) struct Created {
    /// `None` when not even memory without a name was to be had.
    pub(crate) live: Option<LiveSpool>,
    /// Why there is no file, if there is none.
    pub(crate) problem: Option<String>,
}

/// Makes a spool for so many slots at first and so many at most; `instance` is the process instance of the panics' ids.
pub(crate) fn create(place: &Place, [slots, most]: [usize; 2], instance: u64) -> Created {
    let header = header(most, instance);
    let len = layout::file_bytes(most);
    let live = |file: OwnFile, path| {
        let region = Arc::new(Region::of_file(&file, len)?);
        LiveSpool::new(region, file, path, place.log.clone()).ok_or(io::Error::from(ErrorKind::InvalidData))
    };
    let made = make_file(place, &header, layout::file_bytes(slots), instance);
    match made.and_then(|(file, path)| live(file, Some(path))) {
        Ok(live) => Created { live: Some(live), problem: None },
        Err(error) => {
            let problem = format!("no file in `{}`: {error}", place.directory.display());
            let without_name = spool_file::without_name(len).and_then(|file| {
                syscalls::write_all_at(&file, &header, 0)?;
                live(file, None)
            });
            Created { live: without_name.ok(), problem: Some(problem) }
        }
    }
}

/// The file gets its name when it is complete and locked, so that nobody takes it for one of a dead process.
fn make_file(place: &Place, header: &[u8], len: usize, instance: u64) -> io::Result<(OwnFile, PathBuf)> {
    let directory = resolve_directory(&place.directory, place.trust)?.path;
    let name = with(place.log_name(), &format!("{INFIX}{}", std::process::id()));
    let mut outcome = Err(ErrorKind::NotFound.into());
    for attempt in 0..ATTEMPTS {
        // Containers have processes with equal ids; the instance differs.
        let unfinished = directory.join(with(&name, &format!(".{instance:016x}{attempt}{UNFINISHED}")));
        outcome = make_named(&directory, &unfinished, &name, header, len);
        match &outcome {
            // A recovery took it for one that nobody makes any more, before it was locked.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::WouldBlock) => {}
            _ => return outcome,
        }
    }
    outcome
}

fn make_named(
    directory: &Path,
    unfinished: &Path,
    name: &OsStr,
    header: &[u8],
    len: usize,
) -> io::Result<(OwnFile, PathBuf)> {
    let mut options = OpenOptions::new();
    // New, so it is nobody else's and no link.
    options.read(true).write(true).create_new(true).mode(0o600);
    let file = syscalls::open(options.custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC), unfinished)?;
    let named = fill(&file, header, len).and_then(|()| give_name(directory, unfinished, name));
    // The file has its name now, or is of no use.
    let _gone = syscalls::unlink(unfinished);
    Ok((file, named?))
}

fn fill(file: &File, header: &[u8], len: usize) -> io::Result<()> {
    // First, so that a recovery does not take it for one that was given up. Without locks the process id and the start
    // time decide.
    if spool_file::lock_for_process(file) == Lock::Held {
        return Err(ErrorKind::WouldBlock.into());
    }
    spool_file::reserve(file, len)?;
    syscalls::write_all_at(file, header, 0)
}

fn give_name(directory: &Path, unfinished: &Path, name: &OsStr) -> io::Result<PathBuf> {
    for number in 0..MAX_SAME_PID {
        let suffix = if number == 0 { String::new() } else { format!(".{number}") };
        let path = directory.join(with(name, &suffix));
        match syscalls::hard_link(unfinished, &path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(error),
            // No hard links here: an empty file keeps the name free of others until it is replaced.
            Err(_) => {
                let mut options = OpenOptions::new();
                match syscalls::open(options.write(true).create_new(true).mode(0o600), &path) {
                    Ok(_) => return syscalls::rename(unfinished, &path).map(|()| path),
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// A name with an ending. Names are bytes, not text.
fn with(name: &OsStr, ending: &str) -> OsString {
    let mut name = name.to_owned();
    name.push(ending);
    name
}

fn header(slots: usize, instance: u64) -> Vec<u8> {
    let owner = Owner::this_process();
    let mut bytes = vec![0; fixed::PID_NAMESPACE + 8];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(fixed::MAGIC, &layout::MAGIC);
    put(fixed::VERSION, &layout::VERSION.to_ne_bytes());
    put(fixed::BYTE_ORDER, &layout::BYTE_ORDER.to_ne_bytes());
    put(fixed::PID, &owner.pid.to_ne_bytes());
    put(fixed::SLOTS, &u32::try_from(slots).unwrap_or(u32::MAX).to_ne_bytes());
    put(fixed::SLOT_BYTES, &(layout::SLOT_BYTES as u32).to_ne_bytes());
    put(fixed::RECORD_BYTES, &(size_of::<RawRecord>() as u32).to_ne_bytes());
    put(fixed::START_TICKS, &owner.start_ticks.to_ne_bytes());
    put(fixed::INSTANCE, &instance.to_ne_bytes());
    put(fixed::CREATED, &wall_ns().to_ne_bytes());
    put(fixed::BOOT, &owner.boot.to_ne_bytes());
    put(fixed::PID_NAMESPACE, &owner.pid_namespace.to_ne_bytes());
    let checksum = header_checksum(&bytes);
    bytes[fixed::CHECKSUM..fixed::BYTES].copy_from_slice(&checksum.to_ne_bytes());
    bytes
}

/// The process id in the name of a spool that belongs to this log, finished or not.
pub(crate) fn pid_in_name(name: &OsStr, log_name: &OsStr) -> Option<u32> {
    let rest = name.as_bytes().strip_prefix(log_name.as_bytes())?;
    let rest = core::str::from_utf8(rest).ok()?.strip_prefix(INFIX)?;
    let digits = rest.find(|letter: char| !letter.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    let suffix = rest.strip_prefix(digits)?.strip_prefix('.');
    let known = match suffix {
        None => rest.len() == digits.len(),
        Some(suffix) => match suffix.strip_suffix(&UNFINISHED[1..]) {
            // Its instance, or none in earlier builds.
            Some(rest) => rest.is_empty() || is_instance(rest),
            None => suffix.bytes().all(|byte| byte.is_ascii_digit()),
        },
    };
    digits.parse().ok().filter(|_| known)
}

/// `<instance and attempt in hex>.`
fn is_instance(text: &str) -> bool {
    text.strip_suffix('.').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether a name is that of a spool that was never finished.
pub(crate) fn is_unfinished(name: &OsStr) -> bool {
    name.as_bytes().ends_with(UNFINISHED.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_logs_spools_have_a_process_id() {
        for (name, pid) in [
            ("p.jsonl.spool-12", Some(12)),
            ("p.jsonl.spool-12.3", Some(12)),
            ("p.jsonl.spool-12.new", Some(12)),
            ("p.jsonl.spool-12.00ffee00ffee00ff0.new", Some(12)),
            ("p.jsonl.spool-12.x.new", None),
            ("p.jsonl.spool-12.00ffee00ffee00ff0", None),
            ("p.jsonl.spool-12.gz", None),
            ("p.jsonl.spool-", None),
            ("p.jsonl.spool-x", None),
            ("p.jsonl", None),
            ("other.jsonl.spool-12", None),
        ] {
            assert_eq!(pid_in_name(name.as_ref(), "p.jsonl".as_ref()), pid, "{name}");
        }
    }
}
