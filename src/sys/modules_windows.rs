//! The loaded images of a Windows process.
//!
//! Runs on: the thread that installs the agent, and the writer. Must not: touch an image that another thread may be unloading:
//! all bytes are copied by a call that fails where there are none.

use core::ffi::c_void;
use std::os::windows::ffi::OsStringExt as _;

use super::{Module, ReadHeaders};

/// Images that are listed.
const MAX_IMAGES: usize = 4096;
/// Characters of a path.
const MAX_PATH: usize = 32_768;

type Handle = *mut c_void;

#[link(name = "kernel32")]
unsafe extern "system" {
    fn GetCurrentProcess() -> Handle;
    fn K32EnumProcessModules(process: Handle, images: *mut Handle, bytes: u32, needed: *mut u32) -> i32;
    fn GetModuleFileNameW(image: Handle, path: *mut u16, len: u32) -> u32;
    fn ReadProcessMemory(process: Handle, from: usize, into: *mut u8, len: usize, read: *mut usize) -> i32;
}

/// All of them, the executable first.
pub(crate) fn modules(headers: ReadHeaders) -> Vec<Module> {
    let mut images = vec![core::ptr::null_mut(); MAX_IMAGES];
    let mut needed = 0;
    let bytes = u32::try_from(size_of_val(images.as_slice())).unwrap_or(0);
    // SAFETY: takes nothing and cannot fail.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: the list is writable and as long as is said.
    if unsafe { K32EnumProcessModules(process, images.as_mut_ptr(), bytes, &raw mut needed) } == 0 {
        return Vec::new();
    }
    images.truncate(needed as usize / size_of::<Handle>());
    images.into_iter().filter_map(|image| module(process, image, headers)).collect()
}

fn module(process: Handle, image: Handle, headers: ReadHeaders) -> Option<Module> {
    let base = image.addr();
    let read = |at: u32, into: &mut [u8]| {
        let mut read = 0;
        let from = base.checked_add(usize::try_from(at).ok()?)?;
        // SAFETY: `into` is writable for its length; what lies at `from` is the callee's to find out.
        let done = unsafe { ReadProcessMemory(process, from, into.as_mut_ptr(), into.len(), &raw mut read) };
        (done != 0 && read == into.len()).then_some(())
    };
    let (code, id) = headers(&read)?;
    let base = base as u64;
    let at = |relative: u64| base.saturating_add(relative);
    Some(Module {
        path: path(image),
        bias: base,
        code: code.into_iter().map(|(start, end)| (at(start), at(end))).collect(),
        id,
    })
}

/// Paths are UTF-16, and may be longer than the classic 260 characters. What is no text is replaced.
fn path(image: Handle) -> Option<String> {
    let mut path = vec![0_u16; MAX_PATH];
    // SAFETY: the buffer is writable and as long as is said.
    let len = unsafe { GetModuleFileNameW(image, path.as_mut_ptr(), MAX_PATH as u32) };
    let path = path.get(..len as usize).filter(|path| !path.is_empty())?;
    Some(std::ffi::OsString::from_wide(path).to_string_lossy().into_owned())
}
