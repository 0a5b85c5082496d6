//! Which Rust compilers built an image: what they leave in its `.comment` section.
//!
//! Runs on: the thread that installs the agent, and the writer. Must not: be used on an observed thread; it reads
//! files.

use std::fs::File;
use std::path::Path;

use object::read::ReadCache;
use object::{Object as _, ObjectSection as _};

/// How the compiler's entry begins.
const PREFIX: &str = "rustc version ";

/// The Rust compilers that an image names, each once, such as `rustc version 1.88.0 (6b00bc388 2025-06-23)`. Empty
/// when it names none or cannot be read.
pub(super) fn compilers(path: &Path) -> Vec<String> {
    read(path).unwrap_or_default()
}

fn read(path: &Path) -> Option<Vec<String>> {
    // Of a whole file only the few parts that are asked for are read.
    let cache = ReadCache::new(File::open(path).ok()?);
    let file = object::File::parse(&cache).ok()?;
    let section = file.section_by_name_bytes(b".comment")?;
    let mut found: Vec<String> = Vec::new();
    for entry in section.data().ok()?.split(|byte| *byte == 0) {
        let Ok(entry) = core::str::from_utf8(entry) else { continue };
        if entry.starts_with(PREFIX) && !found.iter().any(|known| known == entry) {
            found.push(entry.to_owned());
        }
    }
    Some(found)
}
