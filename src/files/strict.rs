//! The walk of [`FileTrust::Strict`](super::FileTrust::Strict), from the root, one component after the other.
//!
//! Runs on: see `trusted_path`. Must not: follow a link that another user may have made.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use super::syscalls;
use super::trusted_path::{Last, Resolved};
use crate::sys::user;

/// As many links as the kernel follows.
const MAX_LINKS: u32 = 40;
const ALL_MAY_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;
const ROOT: u32 = 0;

/// What a path leads to.
enum Found {
    /// A file, or the place for one.
    File(Resolved),
    Directory(Resolved),
}

pub(super) fn resolve(path: &Path) -> io::Result<Resolved> {
    match walk(path)? {
        Found::File(resolved) => Ok(resolved),
        Found::Directory(_) => Err(io::ErrorKind::IsADirectory.into()),
    }
}

pub(super) fn resolve_directory(path: &Path) -> io::Result<Resolved> {
    match walk(path)? {
        Found::Directory(resolved) => Ok(resolved),
        Found::File(resolved) if resolved.last == Last::Unchecked => Ok(resolved),
        Found::File(resolved) => {
            // Says which of the two it is.
            let _there = syscalls::lstat(&resolved.path)?;
            Err(io::ErrorKind::NotADirectory.into())
        }
    }
}

fn walk(path: &Path) -> io::Result<Found> {
    let path = std::path::absolute(path)?;
    let mut links = 0;
    let mut at = PathBuf::from("/");
    let mut shared = directory(&at, &syscalls::lstat(&at)?)?;
    let mut ahead = components(&path);
    while let Some(component) = ahead.pop_front() {
        if component == ".." {
            at.pop();
            // It was good when it was passed.
            shared = directory(&at, &syscalls::lstat(&at)?)?;
            continue;
        }
        let next = at.join(component);
        if next == Path::new("/proc") {
            // Links of the kernel's, such as `/dev/stderr`; they cannot be read and followed by hand.
            let path = ahead.iter().fold(next, |path, component| path.join(component));
            return Ok(Found::File(Resolved { path, last: Last::Unchecked }));
        }
        let last = if shared { Last::Shared } else { Last::Own };
        let metadata = match syscalls::lstat(&next) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && ahead.is_empty() => {
                return Ok(Found::File(Resolved { path: next, last }));
            }
            other => other?,
        };
        if metadata.is_symlink() {
            if shared {
                return Err(not_ours(&next, "is a link in a directory to which others can write"));
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(io::Error::from_raw_os_error(libc::ELOOP));
            }
            let target = std::fs::read_link(&next)?;
            if target.is_absolute() {
                at = PathBuf::from("/");
                shared = false;
            }
            for component in components(&target).into_iter().rev() {
                ahead.push_front(component);
            }
        } else if metadata.is_dir() {
            shared = directory(&next, &metadata)?;
            at = next;
        } else if ahead.is_empty() {
            return Ok(Found::File(Resolved { path: next, last }));
        } else {
            return Err(io::ErrorKind::NotADirectory.into());
        }
    }
    let last = if shared { Last::Shared } else { Last::Own };
    Ok(Found::Directory(Resolved { path: at, last }))
}

fn components(path: &Path) -> VecDeque<OsString> {
    let parts = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    parts.map(|part| part.as_os_str().to_owned()).collect()
}

fn directory(path: &Path, metadata: &Metadata) -> io::Result<bool> {
    judge(metadata.uid(), metadata.mode(), user::effective_id()).map_err(|why| not_ours(path, &why))
}

/// Whether others can make files in a directory of this owner and mode: everybody, or for root the user whom
/// it belongs to. `Err` says why `me` does not go through it.
pub(super) fn judge(owner: u32, mode: u32, me: u32) -> Result<bool, String> {
    let theirs = owner != ROOT && owner != me;
    if theirs && me != ROOT {
        return Err(format!("belongs to user {owner}, who can replace what is in it"));
    }
    let all = mode & ALL_MAY_WRITE != 0;
    if all && mode & STICKY == 0 {
        return Err("is a directory to which everybody can write".to_owned());
    }
    Ok(all || theirs)
}

/// Whether it belongs to this user or to root.
pub(crate) fn is_own(metadata: &Metadata) -> bool {
    metadata.uid() == ROOT || metadata.uid() == user::effective_id()
}

/// Where others can make files: it must be this user's own, and the only name of it.
pub(crate) fn own_alone(path: &Path, metadata: &Metadata) -> io::Result<()> {
    if !is_own(metadata) {
        let why = format!("is a file of user {} in a directory to which others can write", metadata.uid());
        return Err(not_ours(path, &why));
    }
    if metadata.is_file() && metadata.nlink() > 1 {
        return Err(not_ours(path, "has a second name, and lies in a directory to which others can write"));
    }
    Ok(())
}

fn not_ours(place: &Path, why: &str) -> io::Error {
    let error = NotOurs { place: place.to_owned(), why: why.to_owned() };
    io::Error::new(io::ErrorKind::PermissionDenied, error)
}

/// Whose place it is not, and why.
#[derive(Debug)]
struct NotOurs {
    place: PathBuf,
    why: String,
}

impl core::fmt::Display for NotOurs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { place, why } = self;
        write!(
            f,
            "`{}` {why}; choose a directory that only this user can write to, or set PANIC_AGENT_FILE_TRUST=any",
            place.display()
        )
    }
}

impl std::error::Error for NotOurs {}
