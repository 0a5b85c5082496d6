//! Functions and lines of an address, out of the file of its image and of the debug files that belong to it.
//!
//! A part of panic-agent, and of no use without it: a package of its own, so that a debug build of a program can have
//! the reading of debug information compiled with optimisation, and nothing else.
//!
//! Runs on: threads that may read files, allocate and wait (2 MiB stack). Must not: take names from a file that is not
//! the one that was loaded, or belongs to another one. Linux; empty elsewhere.
#![cfg(target_os = "linux")]
#![deny(unsafe_code)]

mod debug_file;
mod elf;
mod identity;
#[allow(unsafe_code)]
mod mapped_file; // a file that is read where it lies
mod names;
#[allow(unsafe_code)]
mod own_file; // closes a number
mod split;

pub use elf::build_id_of;
pub use identity::{Identity, Live};
pub use names::{Names, function_at};

use std::path::PathBuf;

/// One function at an address.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Found<'a> {
    /// Name as it stands in the symbol table or in the debug information.
    pub name: Option<&'a str>,
    /// Source file, as the compiler wrote it.
    pub file: Option<&'a str>,
    /// Line, from 1.
    pub line: Option<u32>,
    /// Column, from 1.
    pub column: Option<u32>,
}

impl Found<'_> {
    /// Readable name without the hash.
    pub fn function(&self) -> Option<String> {
        // The alternate form leaves out the hash.
        self.name.map(|name| format!("{:#}", rustc_demangle::demangle(name)))
    }
}

/// A file that would have names, and is not the right one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// Whether it lies in the place of the image itself.
    pub is_image: bool,
    /// Where it lies.
    pub path: PathBuf,
    /// What is wrong with it, to be read after its path.
    pub why: &'static str,
}
