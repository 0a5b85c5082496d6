//! Asks the `backtrace` crate for the symbols of one address, or does not ask at all.
//!
//! Runs on: the writer thread (its 2 MiB stack; a small stack does not survive this). Must not: be called
//! on a panicking thread: it reads files, allocates and takes the `backtrace` crate's lock.

use core::ffi::c_void;

/// One function at an address, as a resolver finds it.
pub(crate) struct Found<'a> {
    /// Demangled, without the hash.
    pub(crate) function: Option<String>,
    /// Name as it stands in the symbol table or in the debug information.
    pub(crate) raw_name: Option<&'a [u8]>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
    pub(crate) column: Option<u32>,
}

/// Whether debug information says which functions were inlined at an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Inlining {
    /// It describes the function there: a function that is not among the logical frames was not inlined there.
    Known,
    /// There is a symbol table at best: any function may have been inlined there.
    #[default]
    Unknown,
}

/// Turns an address into functions.
pub(crate) trait Resolve: Send {
    /// Calls `found` for each function at a return address, innermost (most inlined) first.
    fn resolve(&mut self, return_address: u64, found: &mut dyn FnMut(Found<'_>)) -> Inlining;

    /// Forgets what was read of the images, because they changed.
    fn forget(&mut self) {}

    /// Whether names can be expected at all.
    fn is_on(&self) -> bool {
        true
    }
}

/// Symbols of the running process.
///
/// The crate lists the images of the process once, at its first use: images that are loaded later have
/// addresses and a build-id in the report, and no names. What it has read of those it listed stays right,
/// so there is nothing to forget; to read it again would take as long as the first time.
pub(crate) struct Native;

impl Resolve for Native {
    fn resolve(&mut self, return_address: u64, found: &mut dyn FnMut(Found<'_>)) -> Inlining {
        let Ok(address) = usize::try_from(return_address) else { return Inlining::Unknown };
        let mut inlining = Inlining::Unknown;
        // The crate looks up the byte before the address, which is right for a return address.
        backtrace::resolve(core::ptr::without_provenance_mut::<c_void>(address), |symbol| {
            let name = symbol.name();
            // A symbol table knows no files.
            if name.is_some() && symbol.filename().is_some() {
                inlining = Inlining::Known;
            }
            found(Found {
                // The alternate form leaves out the hash.
                function: name.as_ref().map(|name| format!("{name:#}")),
                raw_name: name.as_ref().map(|name| name.as_bytes()),
                file: symbol.filename().map(|path| path.to_string_lossy().into_owned()),
                line: symbol.lineno().filter(|line| *line > 0),
                column: symbol.colno().filter(|column| *column > 0),
            });
        });
        inlining
    }
}

/// No symbols, by configuration.
pub(crate) struct Off;

impl Resolve for Off {
    fn resolve(&mut self, _: u64, _: &mut dyn FnMut(Found<'_>)) -> Inlining {
        Inlining::Unknown
    }

    fn is_on(&self) -> bool {
        false
    }
}
