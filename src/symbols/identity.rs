//! Which file an image was loaded from, and whether the file that lies there now is still that one.
//!
//! Runs on: the threads that ask. Must not: guess; a file that cannot be told from another one is refused.

use core::cell::OnceCell;
use std::path::{Path, PathBuf};

use object::{Object as _, ObjectSection as _};

use crate::Refused;
use crate::elf::{Candidate, ElfFile, Opening, Store, build_id};
use crate::own_file;

const OTHER_BUILD: &str = "is not the file that was loaded: its build-id is another one";
const OTHER_TABLES: &str = "is not the file that was loaded: its unwind tables are others";
const OTHER_FILE: &str = "is not the file that was loaded: it was replaced, and has no build-id";
const NO_PROOF: &str = "cannot be told from the file that was loaded: there is no build-id";

/// What is known of the file of an image.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// In hex.
    pub build_id: Option<String>,
    /// Where the file is said to lie.
    pub path: Option<PathBuf>,
    /// How the running process has it; `None` for an image of a process that is gone.
    pub live: Option<Live>,
}

/// An image of the running process.
#[derive(Clone, Debug)]
pub struct Live {
    /// Whether it is the executable.
    pub is_executable: bool,
    /// An address of its code.
    pub code: u64,
    /// `.eh_frame_hdr`, as it was loaded.
    pub hdr: Option<&'static [u8]>,
}

/// A line of `/proc/self/maps`.
#[derive(Debug, PartialEq, Eq)]
struct Mapping {
    /// `START-END`, as it stands there.
    range: String,
    inode: u64,
    path: PathBuf,
}

impl Identity {
    /// Opens the file; notes what lies in its place if that is another one.
    pub(crate) fn open<'a>(&self, store: &'a Store, refused: &mut Vec<Refused>) -> Option<ElfFile<'a>> {
        let mut why = None;
        // Looked up once, where it is asked for.
        let mapping = OnceCell::new();
        let mapping = || mapping.get_or_init(|| mapping_of(self.live.as_ref()?.code)).as_ref();
        for place in [Place::OwnExecutable, Place::Path, Place::MappedPath, Place::Mapping] {
            let Some(path) = self.place(place, &mapping) else { continue };
            match store.open(&path, |file| self.judge(file, &mapping)) {
                Opening::Right(file) => return Some(*file),
                Opening::Refused(reason) if place != Place::OwnExecutable => {
                    why = why.or(Some((path, reason)));
                }
                Opening::Refused(_) | Opening::Absent => {}
            }
        }
        refused.extend(why.map(|(path, why)| Refused { is_image: true, path, why }));
        None
    }

    fn place<'m>(&self, place: Place, mapping: &dyn Fn() -> Option<&'m Mapping>) -> Option<PathBuf> {
        match place {
            Place::OwnExecutable => {
                self.live.as_ref().filter(|live| live.is_executable).map(|_| "/proc/self/exe".into())
            }
            Place::Path => self.path.clone(),
            Place::MappedPath => {
                let path = &mapping()?.path;
                (Some(path) != self.path.as_ref()).then(|| path.clone())
            }
            // Can be read by those only who may read everything.
            Place::Mapping => Some(format!("/proc/self/map_files/{}", mapping()?.range).into()),
        }
    }

    fn judge<'m>(
        &self,
        file: &Candidate<'_>,
        mapping: &dyn Fn() -> Option<&'m Mapping>,
    ) -> Result<(), &'static str> {
        if let Some(wanted) = &self.build_id {
            let is_it = build_id(file.object).as_ref() == Some(wanted);
            return if is_it { Ok(()) } else { Err(OTHER_BUILD) };
        }
        let hdr = self.live.as_ref().and_then(|live| live.hdr).ok_or(NO_PROOF)?;
        let section = file.object.section_by_name(".eh_frame_hdr");
        if section.and_then(|section| section.data().ok()) != Some(hdr) {
            return Err(OTHER_TABLES);
        }
        // The same functions at the same addresses may come from other lines.
        let is_it = mapping().is_some_and(|mapping| mapping.inode == file.stamp.inode);
        if is_it { Ok(()) } else { Err(OTHER_FILE) }
    }
}

/// Where the file of an image may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The executable of the process, even if it was deleted.
    OwnExecutable,
    /// Where it was loaded from.
    Path,
    /// Where the kernel says that it lies: a program that was started through its loader is not its own executable.
    MappedPath,
    /// The kernel's handle, even if it was deleted.
    Mapping,
}

fn mapping_of(address: u64) -> Option<Mapping> {
    let maps = own_file::read(Path::new("/proc/self/maps")).ok()?;
    mapping_in(&String::from_utf8_lossy(&maps), address)
}

/// The mapping of a file that holds an address.
fn mapping_in(maps: &str, address: u64) -> Option<Mapping> {
    maps.lines().find_map(|line| {
        let mut words = line.splitn(5, ' ');
        let range = words.next()?;
        let (start, end) = range.split_once('-')?;
        let hex = |word| u64::from_str_radix(word, 16).ok();
        if !(hex(start)?..hex(end)?).contains(&address) {
            return None;
        }
        let (inode, path) = words.nth(3)?.split_once(' ')?;
        let path = path.trim_start();
        let path = path.strip_suffix(" (deleted)").unwrap_or(path);
        path.starts_with('/').then_some(())?;
        Some(Mapping { range: range.to_owned(), inode: inode.parse().ok()?, path: path.into() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_found_by_an_address_in_it() {
        let maps = "5500-5600 r--p 00000000 fd:01 77                         /opt/my app\n\
                    5600-5700 r-xp 00001000 fd:01 77                         /opt/my app (deleted)\n\
                    5700-5800 rw-p 00000000 00:00 0 \n\
                    7000-8000 r-xp 00000000 00:00 0                          [vdso]\n";
        let found = mapping_in(maps, 0x5650).unwrap();
        assert_eq!(found, Mapping { range: "5600-5700".into(), inode: 77, path: "/opt/my app".into() });
        for nothing in [0x5700, 0x7100, 0x9000] {
            assert_eq!(mapping_in(maps, nothing), None);
        }
    }
}
