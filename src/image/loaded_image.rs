//! One loaded image: what it is called, where it lies, and its unwind tables.
//!
//! Runs on: every thread. Must not: allocate after it was made.

use super::tables::ImageTables;

/// An image of the process, kept until the process ends even if the image is unloaded.
#[derive(Debug)]
pub(crate) struct LoadedImage {
    /// File name without its directory.
    pub(crate) name: String,
    /// Full path; `None` for an image that is no file, such as the kernel's.
    pub(crate) path: Option<String>,
    /// Path as the loader states it; empty for the main executable.
    pub(super) loader_path: Box<[u8]>,
    /// GNU build-id in hex; `None` when the image has none.
    pub(crate) build_id: Option<String>,
    /// Address in memory minus address in the file.
    pub(crate) bias: u64,
    /// Start and end of each segment with code, as addresses in memory.
    pub(crate) code: Vec<(u64, u64)>,
    /// `None` when the image has no table that can be searched.
    pub(crate) tables: Option<ImageTables<'static>>,
}

impl LoadedImage {
    /// Address in the file of an address in memory.
    pub(crate) fn relative_address(&self, ip: u64) -> u64 {
        ip.wrapping_sub(self.bias)
    }
}
