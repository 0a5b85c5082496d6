//! The twin of `snapshot` and `loaded_image` for systems whose unwind tables are not read: no images.
//!
//! Runs on: every thread. Must not: allocate.

/// An image; none exists here.
#[derive(Debug)]
pub(crate) enum LoadedImage {}

impl LoadedImage {
    /// File name without its directory.
    pub(crate) fn name(&self) -> &str {
        match *self {}
    }

    /// Full path.
    pub(crate) fn path(&self) -> Option<&str> {
        match *self {}
    }

    /// GNU build-id in hex.
    pub(crate) fn build_id(&self) -> Option<&str> {
        match *self {}
    }

    /// Address in memory minus address in the file.
    pub(crate) fn bias(&self) -> u64 {
        match *self {}
    }

    /// Segments with code.
    pub(crate) fn code(&self) -> &[(u64, u64)] {
        match *self {}
    }

    /// Address in the file of an address in memory.
    pub(crate) fn relative_address(&self, _ip: u64) -> u64 {
        match *self {}
    }
}

/// A snapshot; none exists here.
#[derive(Debug)]
pub(crate) enum Snapshot {}

impl Snapshot {
    /// Number of the snapshot, from 1.
    pub(crate) fn generation(&self) -> u32 {
        match *self {}
    }

    /// All images.
    pub(crate) fn images(&self) -> impl Iterator<Item = &LoadedImage> {
        match *self {}
        #[allow(unreachable_code)]
        core::iter::empty()
    }

    /// The image an address lies in.
    pub(crate) fn image_of(&self, _ip: u64) -> Option<&LoadedImage> {
        match *self {}
    }

    /// Whether a catch runs destructors first.
    pub(crate) fn catch_cleans(&self, _address: u64) -> Option<bool> {
        match *self {}
    }
}

/// The snapshot in force: none.
pub(crate) fn current() -> Option<&'static Snapshot> {
    None
}

/// The snapshot of a number: none.
pub(crate) fn of_generation(_generation: u32) -> Option<&'static Snapshot> {
    None
}

/// Looks for images; there is nothing to find.
pub(crate) fn refresh() -> bool {
    false
}
