//! Lines of source files, where the files are there.
//!
//! Runs on: the main thread. Must not: show a line of another version without a word.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

/// Files that are kept.
const MAX_FILES: usize = 64;
/// Longest file that is read.
const MAX_BYTES: u64 = 4 << 20;

/// A source file.
#[derive(Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    lines: Vec<String>,
    /// Milliseconds since the Unix epoch.
    changed_ms: i64,
}

impl SourceFile {
    /// A line, from 1.
    pub(crate) fn line(&self, number: u32) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.lines.get(index).map(String::as_str)
    }

    /// Whether it was changed after that, so that its lines may be others.
    pub(crate) fn is_newer_than(&self, ts_ms: i64) -> bool {
        self.changed_ms > ts_ms
    }
}

/// Finds source files by the names that the compiler recorded.
#[derive(Debug)]
pub(crate) struct Sources {
    directories: Vec<PathBuf>,
    files: HashMap<String, Option<Rc<SourceFile>>>,
}

impl Sources {
    /// The working directory is searched, too.
    pub(crate) fn new(directories: &[PathBuf]) -> Self {
        let mut directories = directories.to_vec();
        directories.push(PathBuf::from("."));
        Self { directories, files: HashMap::new() }
    }

    /// The file of that name: where it was compiled, else below the directories, by the end of its path.
    pub(crate) fn find(&mut self, name: &str) -> Option<Rc<SourceFile>> {
        if let Some(known) = self.files.get(name) {
            return known.clone();
        }
        if self.files.len() >= MAX_FILES {
            self.files.clear();
        }
        let path = self.candidates(name).into_iter().find(|path| path.is_file());
        let file = path.and_then(|path| read(&path)).map(Rc::new);
        self.files.insert(name.to_owned(), file.clone());
        file
    }

    fn candidates(&self, name: &str) -> Vec<PathBuf> {
        let path = Path::new(name);
        let mut found = Vec::new();
        if path.is_absolute() {
            found.push(path.to_owned());
        }
        let parts: Vec<_> = path.iter().filter(|part| *part != "/").collect();
        for directory in &self.directories {
            // A bare name says too little, unless it is all that the compiler recorded.
            for from in 0..parts.len().max(2) - 1 {
                let rest: PathBuf = parts.iter().skip(from).collect();
                if !rest.iter().any(|part| part == "..") {
                    found.push(directory.join(rest));
                }
            }
        }
        found
    }
}

fn read(path: &Path) -> Option<SourceFile> {
    let metadata = fs::metadata(path).ok().filter(|metadata| metadata.len() <= MAX_BYTES)?;
    let changed = metadata.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let text = fs::read(path).ok()?;
    let lines = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
    let path = std::path::absolute(path).ok()?;
    Some(SourceFile { path, lines, changed_ms: i64::try_from(changed.as_millis()).unwrap_or(i64::MAX) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_the_end_of_its_path_and_never_by_its_bare_name() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("src/a")).unwrap();
        fs::write(dir.path().join("src/a/b.rs"), "one\ntwo\n").unwrap();
        fs::write(dir.path().join("b.rs"), "other\n").unwrap();
        let mut sources = Sources::new(&[dir.path().to_owned()]);
        let file = sources.find("/build/x/src/a/b.rs").unwrap();
        assert_eq!((file.line(2), file.line(3), file.line(0)), (Some("two"), None, None));
        assert!(file.is_newer_than(0) && !file.is_newer_than(i64::MAX));
        assert!(sources.find("/build/y/b.rs").is_none());
        assert!(sources.find("../b.rs").is_none() && sources.find("").is_none());
    }
}
