//! Separate debug files of an image: by its build-id, by its debug link, and what such a file shares with others.
//!
//! Runs on: the threads that ask. Must not: believe a file whose build-id or checksum is not the one asked for.

use std::path::{Path, PathBuf};

use object::Object as _;

use crate::Refused;
use crate::elf::{Candidate, ElfFile, Opening, Store, build_id, hex};

/// Where distributions put debug files.
const GLOBAL: &str = "/usr/lib/debug";

const OTHER_BUILD: &str = "belongs to another build: its build-id is another one";
const OTHER_CHECKSUM: &str = "belongs to another build: its checksum is not the one that the image asks for";

/// Looks for what was taken out of an image.
pub(crate) struct Search<'s> {
    pub(crate) directories: &'s [PathBuf],
    /// Where the image is said to lie.
    pub(crate) path: Option<&'s Path>,
}

impl Search<'_> {
    /// The file with the functions and lines of an image that has none itself.
    pub(crate) fn debug_file<'a>(
        &self,
        store: &'a Store,
        image: &ElfFile<'a>,
        refused: &mut Vec<Refused>,
    ) -> Option<ElfFile<'a>> {
        if image.has_debug_info() {
            return None;
        }
        let own = build_id(&image.object);
        if let Some(id) = &own {
            let found = self.by_build_id(store, id, refused);
            if found.is_some() {
                return found;
            }
        }
        let (name, checksum) = image.object.gnu_debuglink().ok()??;
        let name = file_name(name)?;
        for path in self.link_places(name) {
            let judge = |file: &Candidate<'_>| {
                if image.stamp.is_same_file(&file.stamp) {
                    // A link to itself.
                    return Err("");
                }
                match (&own, build_id(file.object)) {
                    (Some(own), Some(other)) if *own != other => Err(OTHER_BUILD),
                    _ if crc32fast::hash(file.bytes) != checksum => Err(OTHER_CHECKSUM),
                    _ => Ok(()),
                }
            };
            if let Some(found) = take(store, &path, judge, refused) {
                return Some(found);
            }
        }
        None
    }

    /// The file that several debug files share, if this one refers to one.
    pub(crate) fn shared_file<'a>(
        &self,
        store: &'a Store,
        debug: &ElfFile<'a>,
        refused: &mut Vec<Refused>,
    ) -> Option<ElfFile<'a>> {
        let (name, id) = debug.object.gnu_debugaltlink().ok()??;
        let id = hex(id);
        let name = Path::new(str::from_utf8(name).ok()?);
        let beside = std::fs::canonicalize(&debug.path).ok()?.parent()?.join(name);
        take(store, &beside, |file| is_build(file, &id), refused)
            .or_else(|| self.by_build_id(store, &id, refused))
    }

    fn by_build_id<'a>(&self, store: &'a Store, id: &str, refused: &mut Vec<Refused>) -> Option<ElfFile<'a>> {
        let (first, rest) = id.split_at_checked(2)?;
        self.directories().find_map(|directory| {
            let path = directory.join(format!(".build-id/{first}/{rest}.debug"));
            take(store, &path, |file| is_build(file, id), refused)
        })
    }

    /// In the order of GDB.
    fn link_places(&self, name: &str) -> Vec<PathBuf> {
        let Some(path) = self.path else { return Vec::new() };
        let real = std::fs::canonicalize(path).ok();
        let mut places: Vec<PathBuf> = Vec::new();
        for directory in [Some(path), real.as_deref()].into_iter().flatten().filter_map(Path::parent) {
            let global = self.directories().map(|global| {
                let inside = directory.strip_prefix("/").unwrap_or(directory);
                global.join(inside).join(name)
            });
            let beside = [directory.join(name), directory.join(".debug").join(name)];
            for place in beside.into_iter().chain(global) {
                if !places.contains(&place) {
                    places.push(place);
                }
            }
        }
        places
    }

    fn directories(&self) -> impl Iterator<Item = &Path> {
        self.directories.iter().map(PathBuf::as_path).chain([Path::new(GLOBAL)])
    }
}

/// A link names a file, not a way to it.
fn file_name(name: &[u8]) -> Option<&str> {
    let name = str::from_utf8(name).ok()?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

fn is_build(file: &Candidate<'_>, id: &str) -> Result<(), &'static str> {
    if build_id(file.object).as_deref() == Some(id) { Ok(()) } else { Err(OTHER_BUILD) }
}

fn take<'a>(
    store: &'a Store,
    path: &Path,
    judge: impl FnOnce(&Candidate<'_>) -> Result<(), &'static str>,
    refused: &mut Vec<Refused>,
) -> Option<ElfFile<'a>> {
    match store.open(path, judge) {
        Opening::Right(file) => Some(*file),
        Opening::Refused(why) => {
            if !why.is_empty() {
                refused.push(Refused { is_image: false, path: path.to_owned(), why });
            }
            None
        }
        Opening::Absent => None,
    }
}
