//! Symbols out of the files of the images: of the running process, and of one that is gone.
//!
//! A file is opened when an address in its image is first asked for, and only if it is the one that was loaded.
//!
//! Runs on: the threads that resolve (2 MiB stack): the writer, the one that opens the executable ahead, recoveries.
//! Must not: take names from a file that is not the one that was loaded; give a name where it may be another one's.

use std::path::PathBuf;
use std::sync::Arc;

use panic_agent_symbols::{Identity, Names};
use parking_lot::Mutex;

use super::resolve::{Found, Refused, Resolve};
use super::{ImageAt, is_c_library};
use crate::record::{Image, Inlining};

/// Images whose files are open at a time.
const MAX_OPEN: usize = 64;

/// See the module. Clones share what they have opened.
#[derive(Clone)]
pub(crate) struct FileSymbols {
    identify: fn(&Image) -> Identity,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    directories: Vec<PathBuf>,
    /// Files that somebody named, by their build-id: they are read in place of what lies where the image was.
    files: Vec<(String, PathBuf)>,
    /// A process has a few dozen images.
    opened: Vec<(Arc<Image>, Names)>,
}

impl FileSymbols {
    /// Of the running process. Debug files are looked for in these directories, too.
    #[cfg(panic_agent_tables)]
    pub(crate) fn of_this_process(directories: Vec<PathBuf>) -> Self {
        Self::new(of_live, directories, Vec::new())
    }

    /// Of a process that is gone, with files for images of these build-ids.
    pub(crate) fn of_the_dead(directories: Vec<PathBuf>, files: Vec<(String, PathBuf)>) -> Self {
        Self::new(of_dead, directories, files)
    }

    fn new(
        identify: fn(&Image) -> Identity,
        directories: Vec<PathBuf>,
        files: Vec<(String, PathBuf)>,
    ) -> Self {
        let shared = Shared { directories, files, opened: Vec::new() };
        Self { identify, shared: Arc::new(Mutex::new(shared)) }
    }
}

impl Shared {
    fn names(&mut self, image: &Arc<Image>, identify: fn(&Image) -> Identity) -> Option<&Names> {
        let is_it = |(known, _): &(Arc<Image>, Names)| Arc::ptr_eq(known, image) || **known == **image;
        let known = self.opened.iter().position(is_it);
        let index = match known {
            Some(index) if !self.opened[index].1.is_stale() => index,
            stale => {
                stale.map(|index| self.opened.swap_remove(index));
                if self.opened.len() >= MAX_OPEN {
                    // The first is the executable.
                    self.opened.remove(1);
                }
                let mut identity = identify(image);
                let given = self.files.iter().find(|(build_id, _)| Some(build_id) == image.build_id.as_ref());
                if let Some((_, path)) = given {
                    identity.path = Some(path.clone());
                }
                // Where the system's debug files are installed, those of the C library take several times as long to
                // read as the program's own, and as much memory. Its functions have names without them.
                let is_of_c = given.is_none() && image.path.as_deref().is_some_and(is_c_library);
                let open = if is_of_c { Names::open_symbols } else { Names::open };
                let names = open(&identity, &self.directories);
                self.opened.push((image.clone(), names));
                self.opened.len() - 1
            }
        };
        self.opened.get(index).map(|(_, names)| names)
    }
}

impl Resolve for FileSymbols {
    fn resolve(&mut self, _: u64, at: Option<&ImageAt>, found: &mut dyn FnMut(Found<'_>)) -> Inlining {
        let Some(at) = at else { return Inlining::Unknown };
        let mut shared = self.shared.lock();
        let names = shared.names(&at.image, self.identify);
        let is_described = names.is_some_and(|names| {
            names.find(at.address, &mut |one| {
                found(Found {
                    function: one.function(),
                    raw_name: one.name.map(str::as_bytes),
                    file: one.file.map(str::to_owned),
                    line: one.line,
                    column: one.column,
                });
            })
        });
        if is_described { Inlining::Known } else { Inlining::Unknown }
    }

    fn function_at(&mut self, at: &ImageAt) -> Option<String> {
        panic_agent_symbols::function_at(&(self.identify)(&at.image), at.address)
    }

    fn refused(&mut self, at: &ImageAt) -> Vec<Refused> {
        let shared = self.shared.lock();
        let opened = shared.opened.iter().find(|(known, _)| **known == *at.image);
        let refused = opened.map(|(_, names)| names.refused()).unwrap_or_default();
        refused.into_iter().map(Refused::from).collect()
    }

    fn forget(&mut self) {
        // A build-id tells one image from another that was loaded in its place.
        self.shared.lock().opened.retain(|(image, _)| image.build_id.is_some());
    }

    fn rest(&mut self) {
        self.shared.lock().opened.iter().for_each(|(_, names)| names.rest());
    }

    fn give_back(&mut self) {
        let opened = core::mem::take(&mut self.shared.lock().opened);
        drop(opened);
    }
}

fn of_dead(image: &Image) -> Identity {
    Identity { build_id: image.build_id.clone(), path: image.path.as_deref().map(PathBuf::from), live: None }
}

#[cfg(panic_agent_tables)]
fn of_live(image: &Image) -> Identity {
    let live = find(image).map(|(loaded, is_executable)| panic_agent_symbols::Live {
        is_executable,
        code: loaded.code.first().map_or(0, |(start, _)| *start),
        hdr: loaded.tables.as_ref().map(|tables| tables.hdr_bytes),
    });
    let path = image.path.as_deref().map(|path| path.strip_suffix(" (deleted)").unwrap_or(path));
    Identity { build_id: image.build_id.clone(), path: path.map(PathBuf::from), live }
}

/// The image as it is loaded, and whether it is the executable.
#[cfg(panic_agent_tables)]
fn find(image: &Image) -> Option<(&'static crate::image::LoadedImage, bool)> {
    let newest = crate::image::current()?.generation();
    (1..=newest).rev().find_map(|generation| {
        let snapshot = crate::image::of_generation(generation)?;
        let (index, loaded) = snapshot.images().enumerate().find(|(_, loaded)| {
            loaded.path == image.path
                && loaded.build_id == image.build_id
                && image.bias.as_ref().is_none_or(|bias| *bias == format!("{:#x}", loaded.bias))
        })?;
        Some((loaded, index == 0))
    })
}

impl From<panic_agent_symbols::Refused> for Refused {
    fn from(refused: panic_agent_symbols::Refused) -> Self {
        let code = if refused.is_image { "stale_image_file" } else { "stale_debug_file" };
        Self { code, path: refused.path.to_string_lossy().into_owned(), why: refused.why }
    }
}

#[cfg(all(test, panic_agent_tables))]
mod tests;
