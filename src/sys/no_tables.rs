//! The twin of `tables` where no unwind tables are read.
//!
//! Runs on: every thread. Must not: resolve symbols.

/// The loaded images. Under its own name the twin of systems whose loader cannot be asked.
#[cfg_attr(windows, path = "modules_windows.rs")]
#[cfg_attr(target_vendor = "apple", path = "modules_apple.rs")]
#[cfg_attr(any(target_os = "linux", target_os = "android", target_os = "freebsd"), path = "modules_elf.rs")]
pub(crate) mod modules;

/// A loaded image.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) path: Option<String>,
    /// Address in memory minus address in the file.
    pub(crate) bias: u64,
    /// Start and end in memory of what has code.
    pub(crate) code: Vec<(u64, u64)>,
    /// By what debuggers know it.
    pub(crate) id: Option<String>,
}

/// What the headers of an image say: start and end in the file of what has code, and its identity.
pub(crate) type Headers = (Vec<(u64, u64)>, Option<String>);

/// Reads the headers of an image in memory, by a function that copies bytes from a place in it.
pub(crate) type ReadHeaders = fn(&dyn Fn(u32, &mut [u8]) -> Option<()>) -> Option<Headers>;

/// The platform's unwinder by way of the `backtrace` crate, on the panicking thread. Under its own name the twin of systems that
/// do not say where an image begins.
#[cfg_attr(unix, path = "portable_unwinder_unix.rs")]
#[cfg_attr(windows, path = "portable_unwinder_windows.rs")]
pub(crate) mod portable_unwinder;

/// Nobody looks at the loader's list of images, so forks wait for nothing.
pub(super) mod loader {
    pub(in crate::sys) extern "C" fn before_fork() {}

    pub(in crate::sys) extern "C" fn in_parent() {}

    pub(in crate::sys) fn in_child() {}
}
