//! One ELF file, mapped, and what tells it from another one.
//!
//! Runs on: the threads that ask. Must not: believe a file before `judge` has seen it.

use std::borrow::Cow;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use addr2line::gimli::{self, EndianSlice, RunTimeEndian, SectionId};
use object::{Object as _, ObjectSection as _};
use typed_arena::Arena;

use crate::mapped_file::MappedFile;
use crate::own_file::{self, OwnFile};

/// Bytes of a section.
pub(crate) type Slice<'a> = EndianSlice<'a, RunTimeEndian>;

/// Everything that the tables of an image borrow from. It only grows.
#[derive(Default)]
pub(crate) struct Store {
    files: Arena<MappedFile>,
    /// What was compressed, and small files that were read.
    bytes: Arena<Vec<u8>>,
}

/// What a file was when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    pub(crate) inode: u64,
    len: u64,
    modified: (i64, i64),
}

impl Stamp {
    pub(crate) fn new(of: &Metadata) -> Self {
        Self { device: of.dev(), inode: of.ino(), len: of.len(), modified: (of.mtime(), of.mtime_nsec()) }
    }

    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// An open file that was found to be the right one.
pub(crate) struct ElfFile<'a> {
    pub(crate) path: PathBuf,
    pub(crate) stamp: Stamp,
    pub(crate) object: object::File<'a>,
    pub(crate) mapped: &'a MappedFile,
}

/// What came of opening a file.
pub(crate) enum Opening<'a> {
    /// There is none, or it is no ELF file.
    Absent,
    /// There is one, and it is the wrong one, for this reason.
    Refused(&'static str),
    Right(Box<ElfFile<'a>>),
}

/// What is looked at to judge a file.
pub(crate) struct Candidate<'f> {
    pub(crate) bytes: &'f [u8],
    pub(crate) object: &'f object::File<'f>,
    pub(crate) stamp: Stamp,
}

impl Store {
    /// Opens a file and keeps it if `judge` finds no reason against it.
    pub(crate) fn open<'a>(
        &'a self,
        path: &Path,
        judge: impl FnOnce(&Candidate<'_>) -> Result<(), &'static str>,
    ) -> Opening<'a> {
        // A pipe would wait for its other end.
        if !fs::metadata(path).is_ok_and(|of| of.is_file()) {
            return Opening::Absent;
        }
        let opened =
            OwnFile::open(path).and_then(|file| Ok((Stamp::new(&file.metadata()?), MappedFile::new(&file)?)));
        let Ok((stamp, mapped)) = opened else { return Opening::Absent };
        {
            let Ok(object) = object::File::parse(&*mapped) else { return Opening::Absent };
            if let Err(why) = judge(&Candidate { bytes: &mapped, object: &object, stamp }) {
                return Opening::Refused(why);
            }
        }
        let mapped: &'a MappedFile = self.files.alloc(mapped);
        match object::File::parse(&**mapped) {
            Ok(object) => Opening::Right(Box::new(ElfFile { path: path.to_owned(), stamp, object, mapped })),
            Err(_) => Opening::Absent,
        }
    }

    /// Reads a small file into memory.
    pub(crate) fn read<'a>(&'a self, path: &Path) -> Option<object::File<'a>> {
        if !fs::metadata(path).is_ok_and(|of| of.is_file()) {
            return None;
        }
        let bytes: &'a [u8] = self.bytes.alloc(own_file::read(path).ok()?);
        object::File::parse(bytes).ok()
    }

    /// A section of debug information, decompressed; empty when the file has none.
    pub(crate) fn section<'a>(
        &'a self,
        object: &object::File<'a>,
        name: Option<&str>,
    ) -> gimli::Result<Slice<'a>> {
        let data: &'a [u8] = match name.and_then(|name| object.section_by_name(name)) {
            Some(section) => match section.uncompressed_data() {
                Ok(Cow::Borrowed(data)) => data,
                Ok(Cow::Owned(data)) => self.bytes.alloc(data),
                Err(_) => return Err(gimli::Error::Io),
            },
            None => &[],
        };
        Ok(Slice::new(data, endian(object)))
    }
}

/// Byte order of a file.
pub(crate) fn endian(object: &object::File<'_>) -> RunTimeEndian {
    if object.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big }
}

/// Whether functions and lines are looked for in a section; variables, macros and types are not.
pub(crate) fn is_of_use(id: SectionId) -> bool {
    !matches!(
        id,
        SectionId::DebugLoc
            | SectionId::DebugLocLists
            | SectionId::DebugMacinfo
            | SectionId::DebugMacro
            | SectionId::DebugNames
            | SectionId::DebugTypes
    )
}

impl ElfFile<'_> {
    /// Whether it has functions and lines.
    pub(crate) fn has_debug_info(&self) -> bool {
        // The compressed form of old has another name, which the library knows.
        self.object.section_by_name(".debug_info").is_some_and(|section| section.size() > 0)
    }
}

/// The GNU build-id of a program, a library or a debug file, in hex; `None` when it has none.
///
/// # Errors
/// When the file cannot be read, or is no object file.
pub fn build_id_of(path: &Path) -> io::Result<Option<String>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let file = OwnFile::open(path)?;
    let mapped = MappedFile::new(&file)?;
    let object = object::File::parse(&*mapped).map_err(|_| io::Error::other("it is not an object file"))?;
    Ok(build_id(&object))
}

/// The GNU build-id of a file in hex.
pub(crate) fn build_id(object: &object::File<'_>) -> Option<String> {
    Some(hex(object.build_id().ok()??))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
