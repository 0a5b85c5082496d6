//! A word index over a directory of text files, built by a pool of threads.
//!
//! An ordinary program with one ordinary bug, and it stays in: the text that is shown with a word is cut
//! out of its line at a byte offset. ASCII text never minds. In other text the cut falls inside a character
//! sooner or later, the worker dies, the queue goes on with one worker less, and when none is left the rest
//! of the files is silently not indexed. Nobody joins the workers, so the process prints its result and
//! ends with status 0.
//!
//! Runs on: the caller's thread and the workers. Must not: panic for any reason but that one.

mod pool;
mod walk;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Serialize;

pub use self::walk::Skipped;

/// Bytes of a line that are shown with a word.
const SNIPPET: usize = 40;

/// Where a word stands first in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// The line from the word on.
    pub snippet: String,
}

/// The index, as far as it was built.
#[derive(Debug, Default, Serialize)]
pub struct Index {
    /// Files that are in the index.
    pub files: usize,
    /// Lower-case words with their places, in the order of the files.
    pub words: BTreeMap<String, Vec<Place>>,
    /// Files that are not, and why: the ones that could not be read. The index does not know of others.
    pub skipped: Vec<Skipped>,
}

/// Indexes every text file under `directory` with this many workers.
///
/// # Errors
/// When the directory itself cannot be read, or no worker can be started.
pub fn build(directory: &Path, workers: NonZeroUsize) -> io::Result<Index> {
    let mut index = Index::default();
    let files = walk::files(directory, &mut index.skipped)?;
    for outcome in pool::run(files, workers)? {
        match outcome {
            Ok(words) => {
                index.files += 1;
                for (word, place) in words {
                    index.words.entry(word).or_default().push(place);
                }
            }
            Err(skipped) => index.skipped.push(skipped),
        }
    }
    for places in index.words.values_mut() {
        places.sort_by(|a, b| a.file.cmp(&b.file));
    }
    index.skipped.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(index)
}

/// The words of one file, each with its first place.
fn words(path: &Path) -> Result<BTreeMap<String, Place>, Skipped> {
    let bytes = fs::read(path).map_err(|error| Skipped::new(path, error))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| Skipped::new(path, error))?;
    let mut words = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        for (start, word) in positions(line) {
            words.entry(word.to_lowercase()).or_insert_with(|| Place {
                file: path.to_owned(),
                line: number + 1,
                snippet: snippet(line, start).to_owned(),
            });
        }
    }
    Ok(words)
}

/// The words of a line, each with the byte it starts at.
fn positions(line: &str) -> impl Iterator<Item = (usize, &str)> {
    line.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(move |word| {
        // `word` is a part of `line`, so the difference of the addresses is its offset.
        (word.as_ptr().addr() - line.as_ptr().addr(), word)
    })
}

/// The line from `start` on, at most [`SNIPPET`] bytes of it.
fn snippet(line: &str, start: usize) -> &str {
    &line[start..usize::min(start + SNIPPET, line.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_with_their_offsets() {
        let found: Vec<_> = positions("  one, two-three").collect();
        assert_eq!(found, [(2, "one"), (7, "two"), (11, "three")]);
    }

    #[test]
    fn an_ascii_line_can_be_cut_anywhere() {
        let line = "x".repeat(3 * SNIPPET);
        assert!((0..=line.len()).all(|start| snippet(&line, start).len() <= SNIPPET));
    }

    #[test]
    #[should_panic(expected = "not a char boundary")]
    fn a_line_with_a_wide_letter_at_the_cut_kills_the_worker() {
        let line = format!("{}ü", "x".repeat(SNIPPET - 1));
        snippet(&line, 0);
    }
}
