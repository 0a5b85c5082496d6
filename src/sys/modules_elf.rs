//! The loaded ELF images, where nothing but their names and places is wanted.
//!
//! Runs on: the thread that installs the agent, and the writer. Takes the loader's lock. Must not: allocate under it: an
//! allocator that walks stacks would wait for it while holding its own.

use core::ffi::{CStr, c_int, c_void};

use super::{Module, ReadHeaders};

/// `PF_X`.
const EXECUTABLE: u32 = 1;
/// Bytes of a path that are kept.
const MAX_PATH: usize = 1024;

/// What is noted of an image under the lock.
struct Noted {
    path: [u8; MAX_PATH],
    path_len: usize,
    bias: u64,
    /// Segments with code: linkers make one or two.
    code: [(u64, u64); 4],
    segments: usize,
}

/// All of them, the executable first. The loader knows their headers.
pub(crate) fn modules(_: ReadHeaders) -> Vec<Module> {
    let mut count = 0_usize;
    // SAFETY: `count_one` has the type that is called, and `count` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(count_one), (&raw mut count).cast()) };
    // With room for what is loaded in the meantime.
    let mut noted = Vec::<Noted>::with_capacity(count.saturating_add(8));
    // SAFETY: `note` has the type that is called, and `noted` outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut noted).cast()) };
    noted.iter().map(module).collect()
}

fn module(noted: &Noted) -> Module {
    let path = noted.path.get(..noted.path_len).unwrap_or_default();
    let path = match path {
        // The executable.
        [] => std::env::current_exe().ok().map(|path| path.to_string_lossy().into_owned()),
        path => Some(String::from_utf8_lossy(path).into_owned()),
    };
    let code = noted.code.get(..noted.segments).unwrap_or_default().to_vec();
    Module { path, bias: noted.bias, code, id: None }
}

unsafe extern "C" fn count_one(_: *mut libc::dl_phdr_info, _: usize, count: *mut c_void) -> c_int {
    // SAFETY: `modules` passes a number that nothing else uses meanwhile.
    let count = unsafe { &mut *count.cast::<usize>() };
    *count = count.saturating_add(1);
    0
}

unsafe extern "C" fn note(info: *mut libc::dl_phdr_info, _: usize, noted: *mut c_void) -> c_int {
    // SAFETY: `modules` passes a list that nothing else uses meanwhile.
    let noted = unsafe { &mut *noted.cast::<Vec<Noted>>() };
    if noted.len() == noted.capacity() {
        return 1;
    }
    // SAFETY: the loader passes a record that is valid during the call.
    let info = unsafe { &*info };
    // Numbers are narrower in 32-bit programs.
    #[allow(clippy::unnecessary_cast, reason = "in those it is necessary")]
    let bias = info.dlpi_addr as u64;
    let mut one = Noted { path: [0; MAX_PATH], path_len: 0, bias, code: [(0, 0); 4], segments: 0 };
    if !info.dlpi_name.is_null() {
        // SAFETY: the loader's name is a C string that lives as long as the image.
        let path = unsafe { CStr::from_ptr(info.dlpi_name) }.to_bytes();
        one.path_len = path.len().min(MAX_PATH);
        one.path[..one.path_len].copy_from_slice(&path[..one.path_len]);
    }
    for index in 0..usize::from(info.dlpi_phnum) {
        let header = info.dlpi_phdr.wrapping_add(index);
        // SAFETY: the loader states so many headers there, mapped with the image.
        let header = unsafe { &*header };
        if header.p_type == libc::PT_LOAD && header.p_flags & EXECUTABLE != 0 {
            #[allow(clippy::unnecessary_cast, reason = "in 32-bit programs it is necessary")]
            let (start, len) = (bias.wrapping_add(header.p_vaddr as u64), header.p_memsz as u64);
            if let Some(place) = one.code.get_mut(one.segments) {
                *place = (start, start.saturating_add(len));
                one.segments = one.segments.saturating_add(1);
            }
        }
    }
    noted.push(one);
    0
}
