//! When a file is put aside, under which name, and how many old ones are kept.
//!
//! Runs on: the writer thread. Must not: put aside or delete a file into which some process is writing.
//!
//! Several processes may rotate one file. Who holds the lock of the directory may rename and delete in it; who
//! does not get it lets the other one do it. A writer holds a shared lock on the open file while it writes a burst
//! of lines; an archive is deleted only by who has an exclusive lock on it.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::files::syscalls;
use crate::sys::file_lock::{self, Locking};
use crate::sys::own_file::OwnFile;

/// Default for [`Rotation::keep`].
const KEEP: usize = 8;
/// Least size at which a file is put aside.
pub(crate) const MIN_BYTES: u64 = 4096;
/// Least age at which a file is put aside.
pub(crate) const MIN_AGE: Duration = Duration::from_secs(1);
/// What [`stamp`] makes: `20260131T235959.123456789Z`.
const STAMP_LEN: usize = 26;
/// End of the name of an archive that a tool of the system has compressed.
const GZ: &str = ".gz";

/// When a file is rotated. Never, by default.
///
/// An archive lies beside the file. Its name is that of the file, a dot and the UTC time of the rotation, such as
/// `panics.jsonl.20260131T235959.123456789Z`.
///
/// # Examples
/// ```
/// use panic_agent::sink::Rotation;
///
/// let rotation = Rotation::never().at_bytes(64 * 1024 * 1024).keep(4);
/// assert_ne!(rotation, Rotation::never());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    pub(crate) max_bytes: Option<u64>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) keep: usize,
}

impl Rotation {
    /// Lets the file grow.
    pub const fn never() -> Self {
        Self { max_bytes: None, max_age: None, keep: KEEP }
    }

    /// Before a line would make the file longer than this many bytes; at least 4096. With several processes it may
    /// get longer by 64 lines of each.
    pub const fn at_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Before the first line that comes when the file is this old; at least one second. Where the file system does
    /// not tell when a file was made, its age is counted from when this process opened it.
    pub const fn after(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Archives that are kept, at least 1; the oldest are deleted. Default 8.
    pub const fn keep(mut self, archives: usize) -> Self {
        self.keep = archives;
        self
    }

    /// With every number at least as large as makes sense.
    pub(super) fn at_least(mut self) -> Self {
        self.max_bytes = self.max_bytes.map(|bytes| bytes.max(MIN_BYTES));
        self.max_age = self.max_age.map(|age| age.max(MIN_AGE));
        self.keep = self.keep.max(1);
        self
    }

    /// Whether a file of this size and age is to be put aside before `more` bytes come.
    pub(super) fn is_due(&self, size: u64, more: usize, since: SystemTime) -> bool {
        let too_long = |max: u64| size.saturating_add(more as u64) > max;
        let too_old = |max: Duration| since.elapsed().is_ok_and(|age| age >= max);
        size > 0 && (self.max_bytes.is_some_and(too_long) || self.max_age.is_some_and(too_old))
    }
}

impl Default for Rotation {
    fn default() -> Self {
        Self::never()
    }
}

/// The right to rename and delete in a directory; gone when this is dropped.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Name of the file whose archives these are.
    name: OsString,
    _locked: OwnFile,
}

impl Directory {
    /// `None` when somebody else has the right.
    ///
    /// # Errors
    /// When the directory cannot be opened, or its file system has no locks.
    pub(super) fn of(file: &Path) -> io::Result<Option<Self>> {
        let name = file.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        let path = file.parent().unwrap_or(Path::new("/")).to_owned();
        let locked = syscalls::open(OpenOptions::new().read(true), &path)?;
        let held = file_lock::exclusive(&locked)? == Locking::Held;
        Ok(held.then_some(Self { path, name, _locked: locked }))
    }

    /// A name for a new archive, which nothing has.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub(super) fn free_name(&self) -> io::Result<PathBuf> {
        let mut at = SystemTime::now();
        loop {
            let mut name = self.name.clone();
            name.push(format!(".{}", stamp(at)));
            let path = self.path.join(name);
            match syscalls::lstat(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
                Err(error) => return Err(error),
                Ok(_) => at += Duration::from_nanos(1),
            }
        }
    }

    /// Deletes the oldest archives, but for `keep`. Those that are in use stay until the next time.
    ///
    /// # Errors
    /// When the directory cannot be read; else the first one, and the others are deleted all the same.
    pub(super) fn delete_old(&self, keep: usize) -> io::Result<()> {
        let names = syscalls::list(&self.path)?;
        let mut archives: Vec<_> =
            names.iter().filter_map(|name| Some((parse(name, &self.name)?, name))).collect();
        // Newest first.
        archives.sort_by(|a, b| b.cmp(a));
        let mut result = Ok(());
        for (_, name) in archives.iter().skip(keep) {
            result = result.and(delete_unless_in_use(&self.path.join(name)));
        }
        result
    }
}

fn delete_unless_in_use(archive: &Path) -> io::Result<()> {
    let alone = match syscalls::open(OpenOptions::new().read(true), archive) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    if file_lock::exclusive(&alone)? != Locking::Held {
        return Ok(());
    }
    match syscalls::unlink(archive) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The stamp of a name, when it is one of an archive of `file`.
fn parse<'a>(name: &'a OsStr, file: &OsStr) -> Option<&'a str> {
    let rest = name.as_encoded_bytes().strip_prefix(file.as_encoded_bytes())?;
    let (stamp, ending) = core::str::from_utf8(rest).ok()?.strip_prefix('.')?.split_at_checked(STAMP_LEN)?;
    let fits = |(index, byte): (usize, u8)| match index {
        8 => byte == b'T',
        15 => byte == b'.',
        25 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    let is_archive = matches!(ending, "" | GZ) && stamp.bytes().enumerate().all(fits);
    is_archive.then_some(stamp)
}

/// A moment as part of a file name; as text in the order of time.
fn stamp(at: SystemTime) -> String {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or_default();
    let text = jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string();
    let digits: String = text.chars().filter(|letter| !matches!(letter, '-' | ':' | 'Z')).collect();
    format!("{digits}.{:09}Z", since.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_in_the_order_of_time_and_is_found_again() {
        let at = SystemTime::UNIX_EPOCH + Duration::new(1_795_468_988, 700);
        let stamp = stamp(at);
        assert_eq!(stamp, "20261123T212308.000000700Z");
        assert_eq!(parse(format!("p.jsonl.{stamp}.gz").as_ref(), "p.jsonl".as_ref()), Some(stamp.as_str()));
        for other in [
            "p.jsonl",
            "p.jsonl.1",
            "p.jsonl.20261123T212308.00000000xZ",
            "p.jsonl.20261123T212308.000000007Z.part",
            "q.jsonl.x",
        ] {
            assert_eq!(parse(other.as_ref(), "p.jsonl".as_ref()), None, "{other}");
        }
    }

    #[test]
    fn an_empty_file_is_never_put_aside_and_a_full_or_old_one_is() {
        let now = SystemTime::now();
        let by_size = Rotation::never().at_bytes(100);
        assert!(!Rotation::never().is_due(u64::MAX, 1, SystemTime::UNIX_EPOCH));
        assert!(!by_size.is_due(0, 1000, now));
        assert!(!by_size.is_due(90, 10, now) && by_size.is_due(90, 11, now));
        let by_age = Rotation::never().after(Duration::from_secs(60));
        assert!(!by_age.is_due(1, 1, now) && by_age.is_due(1, 1, now - Duration::from_secs(60)));
        assert!(!by_age.is_due(1, 1, now + Duration::from_secs(60)), "a clock that was set back");
    }
}
