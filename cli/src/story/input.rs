//! Which files are read: what was named, with the rotations of each, oldest first.
//!
//! Runs on: the main thread. Must not: open anything.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::Args;
use panic_agent::sink::rotations;

use crate::failure::Failure;

/// The file of an agent that was told nothing else.
const DEFAULT: &str = "panics.jsonl";
/// How far below a named directory is looked when it has no logs itself: `cargo panic-agent test --lines DIR` makes one
/// directory for the run and one for each process.
const MAX_DEPTH: usize = 3;

/// What is read; shared by all commands that read lines.
#[derive(Args, Clone, Debug)]
pub(crate) struct InputArgs {
    /// Files with lines, directories with `*.jsonl` files, or `-` for standard input. Compressed ones (`.gz`) are read too,
    /// and prefixes of `docker logs` and `kubectl logs` do not matter [default: panics.jsonl]
    #[arg(value_name = "FILES")]
    pub(crate) files: Vec<PathBuf>,
    /// Read the named files alone, without the rotations beside them
    #[arg(long)]
    pub(crate) no_rotations: bool,
}

/// One stream of lines in the order in which they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Stdin,
    /// Rotations of one file, oldest first; the file itself comes last.
    Files(Vec<PathBuf>),
}

impl InputArgs {
    /// The streams that were asked for. A file that is not there is an error.
    pub(crate) fn inputs(&self) -> Result<Vec<Input>, Failure> {
        self.streams(false)
    }

    /// The same for somebody who waits: a file may come later.
    pub(crate) fn inputs_to_come(&self) -> Result<Vec<Input>, Failure> {
        self.streams(true)
    }

    fn streams(&self, may_come: bool) -> Result<Vec<Input>, Failure> {
        let default = [PathBuf::from(DEFAULT)];
        let named: &[PathBuf] = if self.files.is_empty() { &default } else { &self.files };
        let mut inputs = Vec::new();
        let mut seen = HashSet::new();
        for path in named {
            if path == Path::new("-") {
                if !inputs.contains(&Input::Stdin) {
                    inputs.push(Input::Stdin);
                }
                continue;
            }
            for file in self.expand(path, may_come)? {
                let parts = if self.no_rotations { vec![file] } else { rotations(&file) };
                let fresh = |part: &PathBuf| seen.insert(fs::canonicalize(part).unwrap_or(part.clone()));
                let parts: Vec<PathBuf> = parts.into_iter().filter(fresh).collect();
                if !parts.is_empty() {
                    inputs.push(Input::Files(parts));
                }
            }
        }
        Ok(inputs)
    }

    /// A file as it is, and the logs of a directory.
    fn expand(&self, path: &Path, may_come: bool) -> Result<Vec<PathBuf>, Failure> {
        if path.is_dir() {
            let files = logs(path, MAX_DEPTH).map_err(|error| Failure::io("list", path, &error))?;
            if files.is_empty() {
                return Err(Failure::new(format!("`{}` has no `*.jsonl` file; name one", path.display())));
            }
            return Ok(files);
        }
        // A pipe or a device is as good as a file, and an archive may be all that is left.
        if may_come || path.exists() || rotations(path).first().is_some_and(|first| first != path) {
            return Ok(vec![path.to_owned()]);
        }
        let name = path.display();
        Err(Failure::new(match self.files.is_empty() {
            true => format!("there is no `{name}` here; name a file with lines, or `-` for standard input"),
            false => format!("there is no `{name}`"),
        }))
    }
}

/// The logs of a directory, by name; if it has none itself, those of the directories in it. Links to directories are not
/// followed.
fn logs(directory: &Path, depth: usize) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(directory)?.filter_map(|entry| Some(entry.ok()?.path()));
    let (mut directories, mut files): (Vec<_>, Vec<_>) =
        paths.partition(|path| fs::symlink_metadata(path).is_ok_and(|it| it.is_dir()));
    files.retain(|path| path.extension() == Some(OsStr::new("jsonl")) && path.is_file());
    if files.is_empty() && depth > 0 {
        directories.sort();
        // One that may not be listed is no reason to leave out the others.
        files = directories.iter().filter_map(|inner| logs(inner, depth - 1).ok()).flatten().collect();
    } else {
        files.sort();
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_stands_for_the_logs_in_it_and_otherwise_for_those_below_it() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("run/7");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(below.join("lines.jsonl"), "").unwrap();
        std::fs::write(dir.path().join("notes.txt"), "").unwrap();
        let args = InputArgs { files: vec![dir.path().to_owned()], no_rotations: false };
        assert_eq!(args.inputs().unwrap(), [Input::Files(vec![below.join("lines.jsonl")])]);
        std::fs::write(dir.path().join("panics.jsonl"), "").unwrap();
        assert_eq!(args.inputs().unwrap(), [Input::Files(vec![dir.path().join("panics.jsonl")])]);
        std::fs::remove_file(below.join("lines.jsonl")).unwrap();
        std::fs::remove_file(dir.path().join("panics.jsonl")).unwrap();
        assert!(args.inputs().unwrap_err().to_string().contains("no `*.jsonl` file"));
    }

    #[test]
    fn a_file_that_is_a_rotation_of_another_is_not_read_twice() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["p.jsonl", "p.jsonl.1"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let args = InputArgs {
            files: vec![dir.path().join("p.jsonl"), dir.path().join("p.jsonl.1")],
            no_rotations: false,
        };
        assert_eq!(args.inputs().unwrap().len(), 1);
    }
}
