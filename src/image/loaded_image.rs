//! One loaded image: what it is called, where it lies, and its unwind tables.
//!
//! Runs on: every thread. Must not: allocate after it was made.

use super::tables::ImageTables;

/// An image of the process, kept until the process ends even if the image is unloaded.
#[derive(Debug)]
pub(crate) struct LoadedImage {
    pub(super) name: String,
    pub(super) path: Option<String>,
    /// Path as the loader states it; empty for the main executable.
    pub(super) loader_path: Box<[u8]>,
    pub(super) build_id: Option<String>,
    pub(super) bias: u64,
    /// Start and end of each segment with code.
    pub(super) code: Vec<(u64, u64)>,
    /// `None` when the image has no table that can be searched.
    pub(super) tables: Option<ImageTables<'static>>,
}

impl LoadedImage {
    /// File name without its directory.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Full path; `None` for an image that is no file, such as the kernel's.
    pub(crate) fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// GNU build-id in hex; `None` when the image has none.
    pub(crate) fn build_id(&self) -> Option<&str> {
        self.build_id.as_deref()
    }

    /// Address in memory minus address in the file.
    pub(crate) fn bias(&self) -> u64 {
        self.bias
    }

    /// Address in the file of an address in memory.
    pub(crate) fn relative_address(&self, ip: u64) -> u64 {
        ip.wrapping_sub(self.bias)
    }

    /// Start and end of each segment with code, as addresses in memory.
    pub(crate) fn code(&self) -> &[(u64, u64)] {
        &self.code
    }

    /// The unwind tables.
    pub(crate) fn tables(&self) -> Option<&ImageTables<'static>> {
        self.tables.as_ref()
    }
}
