//! The loaded images of a process of macOS.
//!
//! Runs on: the thread that installs the agent, and the writer. Must not: touch an image that another thread may be unloading:
//! all bytes are copied by a call that fails where there are none.

use core::ffi::{CStr, c_char};

use super::{Module, ReadHeaders};

/// Bytes of a path.
const MAX_PATH: usize = 1024;

unsafe extern "C" {
    static mach_task_self_: u32;
    fn mach_vm_read_overwrite(task: u32, from: u64, len: u64, into: u64, read: *mut u64) -> i32;
    fn _dyld_image_count() -> u32;
    fn _dyld_get_image_header(index: u32) -> *const u8;
    fn _dyld_get_image_vmaddr_slide(index: u32) -> isize;
    fn _dyld_get_image_name(index: u32) -> *const c_char;
}

/// All of them, the executable first.
pub(crate) fn modules(headers: ReadHeaders) -> Vec<Module> {
    // SAFETY: takes nothing and cannot fail.
    let count = unsafe { _dyld_image_count() };
    (0..count).filter_map(|index| module(index, headers)).collect()
}

fn module(index: u32, headers: ReadHeaders) -> Option<Module> {
    // SAFETY: an index beyond the end gives null.
    let header = unsafe { _dyld_get_image_header(index) }.addr();
    // SAFETY: an index beyond the end gives 0.
    let slide = unsafe { _dyld_get_image_vmaddr_slide(index) };
    // SAFETY: an index beyond the end gives null.
    let name = unsafe { _dyld_get_image_name(index) }.addr();
    let read = |at: u32, into: &mut [u8]| copy(header.checked_add(usize::try_from(at).ok()?)?, into);
    let (code, id) = headers(&read)?;
    let bias = slide as u64;
    let at = |stated: u64| stated.wrapping_add(bias);
    Some(Module {
        path: text(name),
        bias,
        code: code.into_iter().map(|(start, end)| (at(start), at(end))).collect(),
        id,
    })
}

fn text(at: usize) -> Option<String> {
    let mut bytes = [0_u8; MAX_PATH];
    // The page after a short name need not exist.
    [MAX_PATH, 256, 64, 16].into_iter().find(|len| copy(at, &mut bytes[..*len]).is_some())?;
    let text = CStr::from_bytes_until_nul(&bytes).ok()?;
    Some(text.to_string_lossy().into_owned())
}

fn copy(from: usize, into: &mut [u8]) -> Option<()> {
    let mut read = 0;
    // SAFETY: a number that the system sets before the program begins.
    let task = unsafe { mach_task_self_ };
    let (len, to) = (into.len() as u64, into.as_mut_ptr().expose_provenance() as u64);
    // SAFETY: `into` is writable for its length; what lies at `from` is the callee's to find out.
    let status = unsafe { mach_vm_read_overwrite(task, from as u64, len, to, &raw mut read) };
    (from != 0 && status == 0 && read == len).then_some(())
}
