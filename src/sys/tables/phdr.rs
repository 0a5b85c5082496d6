//! The loaded ELF images, as the dynamic loader reports them.
//!
//! Runs on: the writer thread and the thread that installs the agent; on a panicking thread only when its
//! stack passes through an image that the agent has not seen. Takes the loader's lock, as the unwinder of
//! the C library does. Must not: allocate during a visit, keep a view beyond the callback.

use core::ffi::{CStr, c_int, c_void};
use core::ops::ControlFlow;

use super::loader;
use super::system_unwinder::address_of_unwinder;
#[cfg(not(target_feature = "crt-static"))]
use crate::sys::symbol;

/// A program header.
type Phdr = libc::Elf64_Phdr;

/// One image during a visit; it cannot be unloaded while the view exists.
pub(crate) struct ImageView<'a> {
    // Private, so that only the loader's own words reach the slices made from them.
    bias: u64,
    path: &'a [u8],
    headers: &'a [Phdr],
    changes: Changes,
    main: bool,
}

/// The loader's counters of loaded and unloaded images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) added: u64,
    pub(crate) removed: u64,
}

impl<'a> ImageView<'a> {
    /// Address in memory minus address in the file.
    pub(crate) fn bias(&self) -> u64 {
        self.bias
    }

    /// Path as the loader knows it; empty for the main executable.
    pub(crate) fn path(&self) -> &'a [u8] {
        self.path
    }

    /// Changes whenever an image was loaded or unloaded.
    pub(crate) fn changes(&self) -> Changes {
        self.changes
    }

    /// Whether this is the main executable, which stays mapped until the process ends.
    pub(crate) fn is_main(&self) -> bool {
        self.main
    }

    /// Segments that are readable and never written: start and end in memory.
    ///
    /// What the loader protects after it has relocated it (RELRO) is not among them: it holds the global offset table,
    /// whose slots the probes write.
    pub(crate) fn constant_ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let is_constant = |header: &&Phdr| {
            header.p_type == libc::PT_LOAD && header.p_flags & (libc::PF_R | libc::PF_W) == libc::PF_R
        };
        self.headers.iter().filter(is_constant).map(|header| self.range(header))
    }

    /// Bytes of the image from an address up to the end of the read-only segment that holds it.
    ///
    /// `None` when no segment that is readable and never written holds the address.
    pub(crate) fn constant_bytes(&self, address: u64) -> Option<&'a [u8]> {
        let (_, end) = self.constant_ranges().find(|(start, end)| (*start..*end).contains(&address))?;
        let len = usize::try_from(end.checked_sub(address)?).ok()?;
        let pointer = core::ptr::with_exposed_provenance::<u8>(usize::try_from(address).ok()?);
        // SAFETY: the loader maps [start, end) readable for as long as the image is loaded, which outlives
        // 'a (the callback); the segment is not writable, and the probes write to slots in writable segments only.
        Some(unsafe { core::slice::from_raw_parts(pointer, len) })
    }

    /// Whether this image stays mapped as long as the agent's own code does: it is the main executable, or one that the
    /// agent's image was linked with.
    pub(crate) fn is_lasting(&self) -> bool {
        let holds = |address: u64| self.code_ranges().any(|(start, end)| (start..end).contains(&address));
        self.main || linked().into_iter().any(holds)
    }

    /// The same for an image that is never unmapped before the agent's own code is.
    pub(crate) fn lasting_bytes(&self, address: u64) -> Option<&'static [u8]> {
        if !self.is_lasting() {
            return None;
        }
        let bytes = self.constant_bytes(address)?;
        // SAFETY: as in `constant_bytes`; the main executable stays mapped until the process ends, and the loader unmaps no
        // image before those that were linked with it, whose code would be gone then (dlclose(3)).
        Some(unsafe { core::slice::from_raw_parts(bytes.as_ptr(), bytes.len()) })
    }

    /// A pointer-sized word of the image, such as a slot of its global offset table.
    pub(crate) fn word(&self, address: u64) -> Option<u64> {
        if !self.is_loaded(address, 8, libc::PF_R) || !address.is_multiple_of(8) {
            return None;
        }
        let pointer = core::ptr::with_exposed_provenance::<u64>(usize::try_from(address).ok()?);
        // SAFETY: eight aligned bytes of a readable segment of a loaded image; volatile, because a segment
        // with data may be written by other threads.
        Some(unsafe { pointer.read_volatile() })
    }

    /// The pointer-sized words of a range, as far as one readable segment has it from its start on; `None` when none does.
    pub(crate) fn words(&self, (start, end): (u64, u64)) -> Option<impl Iterator<Item = u64>> {
        let holds = |segment: &(u64, u64)| (segment.0..segment.1).contains(&start);
        let (_, stop) = self.segments(libc::PF_R).find(holds)?;
        let end = end.min(stop);
        let pointer = core::ptr::with_exposed_provenance::<u64>(usize::try_from(start).ok()?);
        let len = usize::try_from(end.saturating_sub(start) / 8).ok().filter(|_| start.is_multiple_of(8))?;
        Some((0..len).map(move |index| {
            let word = pointer.wrapping_add(index);
            // SAFETY: aligned, and it ends before `end`, in a readable segment of an image that is loaded as long as the
            // view exists; volatile as in `word`.
            unsafe { word.read_volatile() }
        }))
    }

    /// Whether one segment with all of these flags holds the whole range.
    pub(crate) fn is_loaded(&self, address: u64, len: u64, flags: u32) -> bool {
        let end = address.checked_add(len);
        self.segments(flags).any(|(start, stop)| start <= address && end.is_some_and(|end| end <= stop))
    }

    /// Loaded segments with all of these flags: start and end in memory.
    pub(crate) fn segments(&self, flags: u32) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.headers
            .iter()
            .filter(move |header| header.p_type == libc::PT_LOAD && header.p_flags & flags == flags)
            .map(|header| self.range(header))
    }

    /// Start and end in memory of what a header describes.
    fn range(&self, header: &Phdr) -> (u64, u64) {
        let start = self.bias.wrapping_add(header.p_vaddr);
        (start, start.saturating_add(header.p_memsz))
    }

    /// Start and end of all headers of a kind.
    pub(crate) fn find_all(&self, kind: u32) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.headers.iter().filter(move |header| header.p_type == kind).map(|header| self.range(header))
    }

    /// The segments with code.
    pub(crate) fn code_ranges(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.segments(libc::PF_X)
    }
}

/// Functions of images that the agent's own image was linked with, and that have most of the unwind tables: the C library and
/// the unwinder.
fn linked() -> [u64; 2] {
    let c_library: unsafe extern "C" fn() -> libc::pid_t = libc::getpid;
    [c_library as usize as u64, address_of_unwinder()]
}

/// Calls `visit` for each loaded image, the main executable first, until it breaks. `false`: the images cannot be
/// visited in this forked child.
pub(crate) fn for_each_image(visit: &mut dyn FnMut(&ImageView<'_>) -> ControlFlow<()>) -> bool {
    let mut state = State { visit, seen: 0 };
    loader::look(|| {
        // SAFETY: `callback` has the type the loader calls, and `state` outlives the call.
        unsafe { libc::dl_iterate_phdr(Some(callback), (&raw mut state).cast()) };
    })
}

struct State<'v> {
    visit: &'v mut dyn FnMut(&ImageView<'_>) -> ControlFlow<()>,
    seen: usize,
}

/// Offset of `dlpi_subs` plus its size: older loaders pass a shorter record.
const SIZE_WITH_COUNTERS: usize = core::mem::offset_of!(libc::dl_phdr_info, dlpi_subs) + 8;

unsafe extern "C" fn callback(info: *mut libc::dl_phdr_info, size: usize, data: *mut c_void) -> c_int {
    // SAFETY: `for_each_image` passes a `State` that nothing else uses during the iteration.
    let state = unsafe { &mut *data.cast::<State<'_>>() };
    // SAFETY: the loader passes a record that is valid during the callback.
    let bias = unsafe { (*info).dlpi_addr };
    // SAFETY: as above.
    let name = unsafe { (*info).dlpi_name };
    // SAFETY: as above.
    let headers = unsafe { (*info).dlpi_phdr };
    // SAFETY: as above.
    let count = unsafe { (*info).dlpi_phnum };
    let changes = if size >= SIZE_WITH_COUNTERS {
        // SAFETY: as above, and the record is long enough to have the counters.
        let added = unsafe { (*info).dlpi_adds };
        // SAFETY: as above.
        let removed = unsafe { (*info).dlpi_subs };
        Changes { added, removed }
    } else {
        Changes::default()
    };
    let path = if name.is_null() {
        &[]
    } else {
        // SAFETY: the loader's name is a C string that lives as long as the image.
        unsafe { CStr::from_ptr(name) }.to_bytes()
    };
    let headers = if headers.is_null() {
        &[]
    } else {
        // SAFETY: the loader states `count` headers at this address, mapped with the image.
        unsafe { core::slice::from_raw_parts(headers, usize::from(count)) }
    };
    let main = state.seen == 0;
    state.seen = state.seen.saturating_add(1);
    let view = ImageView { bias, path, headers, changes, main };
    c_int::from((state.visit)(&view).is_break())
}

/// Name under which the dynamic loader exports exactly this address, if it does.
///
/// Allocates, and may take the loader's lock; not for a panicking thread.
#[cfg(not(target_feature = "crt-static"))]
pub(crate) fn exported_name(address: u64) -> Option<Box<[u8]>> {
    let address = usize::try_from(address).ok()?;
    let found = symbol::about(core::ptr::without_provenance(address))?;
    let is_it = !found.dli_sname.is_null() && found.dli_saddr.addr() == address;
    // SAFETY: the loader's symbol name is a C string of a loaded image.
    is_it.then(|| unsafe { CStr::from_ptr(found.dli_sname) }.to_bytes().into())
}

/// The twin for a static executable, which exports nothing.
#[cfg(target_feature = "crt-static")]
pub(crate) fn exported_name(_: u64) -> Option<Box<[u8]>> {
    None
}
