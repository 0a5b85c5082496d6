//! Asks the `backtrace` crate for the symbols of one address.
//!
//! Runs on: the threads that resolve. Must not: be called on a panicking thread: it takes the lock of that crate.

use core::ffi::c_void;

use super::ImageAt;
use super::resolve::{Found, Resolve};
use super::source_path::with_slashes;
use crate::record::Inlining;

/// Symbols of the running process, where its images cannot be listed or the feature `symbols` is off.
///
/// The crate lists the images of the process once, at its first use: images that are loaded later have
/// addresses and a build-id in the report, and no names. What it has read of those it listed stays right,
/// so there is nothing to forget; to read it again would take as long as the first time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Native;

impl Resolve for Native {
    fn resolve(
        &mut self,
        return_address: u64,
        _: Option<&ImageAt>,
        found: &mut dyn FnMut(Found<'_>),
    ) -> Inlining {
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
                // The rules that read paths know one separator. On Unix a file may have the other one in its name.
                file: symbol.filename().map(|path| {
                    let path = path.to_string_lossy();
                    if cfg!(windows) { with_slashes(&path).into_owned() } else { path.into_owned() }
                }),
                line: symbol.lineno().filter(|line| *line > 0),
                column: symbol.colno().filter(|column| *column > 0),
            });
        });
        inlining
    }
}
