//! Finds the files to index.
//!
//! Runs on: the caller's thread. Must not: follow links to directories, which may lead in circles.

use core::fmt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Serialize;

/// A file or directory that was left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// What was left out.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl Skipped {
    pub(super) fn new(path: &Path, reason: impl fmt::Display) -> Self {
        Self { path: path.to_owned(), reason: reason.to_string() }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// All files under `root`, sorted. Directories that cannot be read are skipped.
///
/// # Errors
/// When `root` itself cannot be read.
pub(super) fn files(root: &Path, skipped: &mut Vec<Skipped>) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = Vec::new();
    collect(fs::read_dir(root)?, root, &mut files, &mut open, skipped);
    while let Some(directory) = open.pop() {
        match fs::read_dir(&directory) {
            Ok(entries) => collect(entries, &directory, &mut files, &mut open, skipped),
            Err(error) => skipped.push(Skipped::new(&directory, error)),
        }
    }
    files.sort();
    Ok(files)
}

fn collect(
    entries: fs::ReadDir,
    directory: &Path,
    files: &mut Vec<PathBuf>,
    directories: &mut Vec<PathBuf>,
    skipped: &mut Vec<Skipped>,
) {
    for entry in entries {
        // The type of the entry itself: a link is neither a directory nor a file.
        match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) {
            Ok((path, kind)) if kind.is_dir() => directories.push(path),
            Ok((path, kind)) if kind.is_file() || kind.is_symlink() && path.is_file() => files.push(path),
            Ok(_) => {}
            Err(error) => skipped.push(Skipped::new(directory, error)),
        }
    }
}
