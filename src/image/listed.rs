//! The twin of `snapshot` and `loaded_image` for systems whose unwind tables are not read: what the system lists, with the
//! identities by which debuggers find symbols.
//!
//! Runs on: `refresh` on the thread that installs the agent and on the writer; everything else on every thread. Must not:
//! allocate or lock outside `refresh`.

use core::sync::atomic::{AtomicU32, Ordering};

use once_cell::race::OnceRef;

#[cfg(not(any(windows, target_vendor = "apple")))]
use crate::sys::Headers;
use crate::sys::{Module, modules};

/// Snapshots that are kept, each about as large as its list of images. A program that loads more often keeps the last one.
const MAX_SNAPSHOTS: usize = 64;

static SNAPSHOTS: [OnceRef<'static, Snapshot>; MAX_SNAPSHOTS] = [const { OnceRef::new() }; MAX_SNAPSHOTS];

/// Number of snapshots. Release, after the snapshot is there; read with Acquire.
static PUBLISHED: AtomicU32 = AtomicU32::new(0);

#[cfg(windows)]
use super::pe::headers;

#[cfg(target_vendor = "apple")]
use super::macho::headers;

/// Headers are not read here.
#[cfg(not(any(windows, target_vendor = "apple")))]
fn headers(_: &dyn Fn(u32, &mut [u8]) -> Option<()>) -> Option<Headers> {
    None
}

/// An image of the process, kept until the process ends even if the image is unloaded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LoadedImage {
    /// File name without its directory.
    pub(crate) name: String,
    /// Full path.
    pub(crate) path: Option<String>,
    /// What debuggers know the image by: GUID and age on Windows, the UUID on macOS.
    pub(crate) build_id: Option<String>,
    /// Address in memory minus address in the file; on Windows the address of the image, so that what remains is relative.
    pub(crate) bias: u64,
    /// Segments with code.
    pub(crate) code: Vec<(u64, u64)>,
}

impl LoadedImage {
    fn new(Module { path, bias, code, id }: Module) -> Self {
        let name = path.as_deref().unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
        Self { name: name.to_owned(), path, build_id: id, bias, code }
    }

    /// Address in the file of an address in memory.
    pub(crate) fn relative_address(&self, ip: u64) -> u64 {
        ip.wrapping_sub(self.bias)
    }
}

/// The images of one time.
#[derive(Debug)]
pub(crate) struct Snapshot {
    generation: u32,
    images: Vec<LoadedImage>,
}

impl Snapshot {
    /// Number of the snapshot, from 1.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// All images.
    pub(crate) fn images(&self) -> impl Iterator<Item = &LoadedImage> {
        self.images.iter()
    }

    /// The image an address lies in.
    pub(crate) fn image_of(&self, ip: u64) -> Option<&LoadedImage> {
        let holds = |image: &&LoadedImage| image.code.iter().any(|(start, end)| (*start..*end).contains(&ip));
        self.images.iter().find(holds)
    }

    /// Whether a function is called through a vtable: nothing says where they lie.
    pub(crate) fn is_called_through_vtable(&self, _address: u64) -> Option<bool> {
        None
    }

    /// Whether a catch runs destructors first: no table says it.
    pub(crate) fn catch_cleans(&self, _address: u64) -> Option<bool> {
        None
    }
}

/// The snapshot in force.
pub(crate) fn current() -> Option<&'static Snapshot> {
    of_generation(PUBLISHED.load(Ordering::Acquire))
}

/// The snapshot of a number.
pub(crate) fn of_generation(generation: u32) -> Option<&'static Snapshot> {
    let index = usize::try_from(generation.checked_sub(1)?).ok()?;
    SNAPSHOTS.get(index)?.get()
}

/// Looks for images; whether there are others than before. Not for two threads at once: the second finds nothing new.
pub(crate) fn refresh() -> bool {
    let mut images: Vec<LoadedImage> = modules::modules(headers).into_iter().map(LoadedImage::new).collect();
    images.shrink_to_fit();
    let published = PUBLISHED.load(Ordering::Acquire);
    if images.is_empty() || current().is_some_and(|known| known.images == images) {
        return false;
    }
    let Some(place) = usize::try_from(published).ok().and_then(|index| SNAPSHOTS.get(index)) else {
        return false;
    };
    let generation = published.saturating_add(1);
    if place.set(Box::leak(Box::new(Snapshot { generation, images }))).is_err() {
        return false;
    }
    PUBLISHED.store(generation, Ordering::Release);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(any(
        windows,
        target_vendor = "apple",
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd"
    ))]
    fn the_image_of_the_program_is_found_by_an_address_in_it_and_by_no_other() {
        refresh();
        let snapshot = current().unwrap();
        let here = refresh as fn() -> bool as usize as u64;
        let image = snapshot.image_of(here).unwrap();
        let exe = std::env::current_exe().unwrap();
        assert_eq!(image.name, exe.file_name().unwrap().to_str().unwrap());
        assert!(image.relative_address(here) < 1 << 40);
        assert!(snapshot.image_of(8).is_none());
        assert!(snapshot.images().count() > 1);
        assert!(!refresh(), "nothing was loaded since");
        assert!(of_generation(0).is_none() && of_generation(u32::MAX).is_none());
    }

    #[test]
    fn names_are_what_follows_the_last_separator_of_either_kind() {
        for (path, name) in [("/a/b", "b"), (r"C:\a\b.dll", "b.dll"), ("c", "c")] {
            let module = Module { path: Some(path.to_owned()), bias: 0, code: Vec::new(), id: None };
            assert_eq!(LoadedImage::new(module).name, name);
        }
    }
}
