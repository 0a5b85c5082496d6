//! Redirects the calls of the probed functions: writes the probes' addresses into the global offset tables
//! of the loaded images, and back.
//!
//! Runs on: the thread that installs the agent, and the writer (`apply` again after a `dlopen`). Must not: be
//! called by two threads at once; allocate, or panic.
//! One process may have several agents, when a plugin brings its own std and its own agent. The first leads the calls of
//! every image to itself. A later one finds the marks of the first ([`marked`]) and takes the calls of its own image alone,
//! which the first then leaves to it: each std is observed by one agent, its own where it has one.
//! Why not interposed symbols: `docs/decisions/0010-probe-installation.md`.

mod dynamic;
mod marked;
mod symbol;

use core::ffi::{c_int, c_void};
use core::ops::ControlFlow;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::io;

pub(super) use marked::probe_and_entry;
pub(super) use symbol::Symbol;
#[cfg(feature = "preload")]
pub(super) use symbol::note_exported;
use symbol::{REAL, exported};

use crate::sys::phdr::{self, ImageView};

/// Whether another agent was there first, so that this one has its own image alone. Set once, by the first [`apply`].
static SECOND: AtomicBool = AtomicBool::new(false);

/// What [`apply`] did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Applied {
    /// Slots that lead to the probe now, by [`Symbol`].
    pub(super) slots: [u32; Symbol::ALL.len()],
    /// Whether another agent has the calls of the other images.
    pub(super) second: bool,
    /// `errno` of the last refused change of protection, 0 when there was none.
    pub(super) refused: c_int,
}

/// Leads every call that goes to the real function to its probe; calls that go elsewhere already (a
/// library-private interposer, another agent) are left alone. Slots that lead to the probe are counted, not rewritten. Functions
/// whose probe is 0 are left alone.
pub(super) fn apply(probes: [usize; Symbol::ALL.len()]) -> Applied {
    if is_other_here(&probes) {
        SECOND.store(true, Ordering::Relaxed);
    }
    learn_real(&probes);
    let second = SECOND.load(Ordering::Relaxed);
    let own = apply as *const () as usize;
    let mut applied = Applied { second, ..Applied::default() };
    for_each_image(&mut |image| {
        let is_own = image.contains(own);
        if second && !is_own {
            return;
        }
        dynamic::for_each_slot(image, &mut |slot| {
            let Some((real, probe)) = slot.symbol.real().zip(probes.get(slot.symbol as usize)) else {
                return;
            };
            let value = slot.load();
            // A value inside the image itself is a procedure-linkage stub that was not bound yet.
            let ours = value == *probe || exported(slot.symbol) == Some(value);
            if value == 0 || *probe == 0 {
                return;
            }
            if !ours && value != real.get() {
                // Its own calls an agent takes from another one, whose std is another.
                let takes = if marked::is_marked(value) { second } else { image.contains(value) };
                if !takes {
                    return;
                }
            }
            let done = if ours { Ok(()) } else { slot.store(*probe) };
            match done {
                Ok(()) => {
                    if let Some(count) = applied.slots.get_mut(slot.symbol as usize) {
                        *count = count.saturating_add(1);
                    }
                }
                Err(errno) => applied.refused = errno,
            }
        });
    });
    applied
}

/// Whether the first agent of this process is another one: asked before this one has redirected anything, else it is known.
fn is_other_here(probes: &[usize; Symbol::ALL.len()]) -> bool {
    if REAL.iter().any(|real| real.load(Ordering::Relaxed) != 0) {
        return false;
    }
    let mut found = false;
    for_each_image(&mut |image| {
        dynamic::for_each_slot(image, &mut |slot| {
            let value = slot.load();
            found = found || !probes.contains(&value) && marked::is_marked(value);
        });
    });
    found
}

/// Whether an image besides the one with this address calls the function.
#[cfg(feature = "preload")]
pub(super) fn is_called(symbol: Symbol, own: usize) -> bool {
    let mut called = false;
    for_each_image(&mut |image| {
        if !image.contains(own) {
            dynamic::for_each_slot(image, &mut |slot| called |= slot.symbol == symbol);
        }
    });
    called
}

/// Leads the calls back to the real functions. The probes stay callable: another thread may be inside one.
#[cfg(any(test, feature = "__testing"))]
pub(super) fn restore(probes: [usize; Symbol::ALL.len()]) {
    for_each_image(&mut |image| {
        dynamic::for_each_slot(image, &mut |slot| {
            if let Some(real) = slot.symbol.real()
                && probes.get(slot.symbol as usize) == Some(&slot.load())
            {
                // A refusal leaves the probe in place, which then only forwards.
                let _ = slot.store(real.get());
            }
        });
    });
}

/// Finds where the calls go today: what the executable's slot says, else any image's, else the loader.
fn learn_real(probes: &[usize; Symbol::ALL.len()]) {
    let mut found = [0usize; Symbol::ALL.len()];
    let mut executable = None;
    for_each_image(&mut |image| {
        let executable = *executable.get_or_insert((image.low, image.high));
        dynamic::for_each_slot(image, &mut |slot| {
            let index = slot.symbol as usize;
            let value = slot.load();
            // Inside the image: not bound yet. Inside the executable: its canonical stub, which would come
            // back to the probe.
            let usable = value != 0
                && !image.contains(value)
                && !(executable.0..executable.1).contains(&value)
                && probes.get(index) != Some(&value)
                && exported(slot.symbol).is_none()
                && found.get(index) == Some(&0)
                && !marked::is_marked(value);
            if let Some(place) = found.get_mut(index).filter(|place| usable && **place == 0) {
                *place = value;
            }
        });
    });
    for symbol in Symbol::ALL {
        let index = symbol as usize;
        let mut value = found.get(index).copied().unwrap_or_default();
        if value == 0 {
            // What is exported from here is found first; what it stands in for comes after it.
            let from = if exported(symbol).is_some() { libc::RTLD_NEXT } else { libc::RTLD_DEFAULT };
            // SAFETY: the name is a C string and the pseudo-handles are those that dlsym documents.
            value = unsafe { libc::dlsym(from, symbol.name().as_ptr()) } as usize;
            let in_executable = executable.is_some_and(|(low, high)| (low..high).contains(&value));
            if in_executable || probes.get(index) == Some(&value) {
                value = 0;
            }
        }
        if let Some(real) = REAL.get(index).filter(|real| value != 0 && real.load(Ordering::Relaxed) == 0) {
            // Release: see `Symbol::real`.
            real.store(value, Ordering::Release);
        }
    }
}

/// One loaded image that is linked dynamically, for the time of a visit.
pub(super) struct Image<'a> {
    view: &'a ImageView<'a>,
    bias: usize,
    dynamic: usize,
    low: usize,
    high: usize,
}

impl<'a> Image<'a> {
    fn new(view: &'a ImageView<'a>) -> Option<Self> {
        let (dynamic, _) = view.find_all(libc::PT_DYNAMIC).next()?;
        let loads = || view.find_all(libc::PT_LOAD);
        Some(Self {
            view,
            bias: view.bias() as usize,
            dynamic: dynamic as usize,
            low: loads().map(|(start, _)| start as usize).min()?,
            high: loads().map(|(_, end)| end as usize).max()?,
        })
    }

    fn contains(&self, address: usize) -> bool {
        (self.low..self.high).contains(&address)
    }

    /// Copies a plain value out of a loaded segment; `None` outside.
    fn read<T: Copy>(&self, address: usize) -> Option<T> {
        if !self.view.is_loaded(address as u64, size_of::<T>() as u64, libc::PF_R) {
            return None;
        }
        // SAFETY: the range lies in a readable segment of an image that cannot be unloaded during the
        // callback, and the callers ask for integers and structs of integers only.
        Some(unsafe { core::ptr::read_unaligned(address as *const T) })
    }

    fn slot(&self, symbol: Symbol, address: usize) -> Option<Slot> {
        let aligned = address.is_multiple_of(align_of::<usize>());
        if !aligned || !self.view.is_loaded(address as u64, size_of::<usize>() as u64, libc::PF_W) {
            return None;
        }
        // As the loader does it: whole pages, the end rounded down.
        let is_in =
            |(start, end): (u64, u64)| (page_of(start as usize)..page_of(end as usize)).contains(&address);
        let protected = self.view.find_all(libc::PT_GNU_RELRO).any(is_in);
        Some(Slot { symbol, address, protected })
    }
}

/// A word of a global offset table that holds the address of a probed function.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    symbol: Symbol,
    address: usize,
    /// The loader made the page read-only after it filled the table.
    protected: bool,
}

impl Slot {
    fn word(&self) -> &AtomicUsize {
        // SAFETY: `Image::slot` checked that the aligned word lies in a loaded segment; the machine reads it
        // whole while other threads call through it, and everybody who writes it does so atomically.
        unsafe { AtomicUsize::from_ptr(self.address as *mut usize) }
    }

    fn load(&self) -> usize {
        self.word().load(Ordering::Relaxed)
    }

    /// Writes the slot; its page is writable for that instant.
    fn store(&self, value: usize) -> Result<(), c_int> {
        if self.protected {
            self.protect(libc::PROT_READ | libc::PROT_WRITE)?;
        }
        // Release: `REAL` and the probes' state were written before.
        self.word().store(value, Ordering::Release);
        if self.protected {
            // A refusal leaves the page writable, which harms nothing.
            let _ = self.protect(libc::PROT_READ);
        }
        Ok(())
    }

    fn protect(&self, protection: c_int) -> Result<(), c_int> {
        let page = page_of(self.address) as *mut c_void;
        // SAFETY: the page belongs to a segment that the loader mapped readable and writable and then made
        // read-only; both protections keep it readable, so no other thread notices.
        let failed = unsafe { libc::mprotect(page, page_size(), protection) } != 0;
        if failed { Err(io::Error::last_os_error().raw_os_error().unwrap_or_default()) } else { Ok(()) }
    }
}

fn page_size() -> usize {
    // SAFETY: no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).ok().filter(|size| size.is_power_of_two()).unwrap_or(4096)
}

fn page_of(address: usize) -> usize {
    address & !page_size().wrapping_sub(1)
}

/// Calls `visit` for each loaded image that is linked dynamically, the executable first.
fn for_each_image(visit: &mut dyn FnMut(&Image<'_>)) {
    phdr::for_each_image(&mut |view| {
        if let Some(image) = Image::new(view) {
            visit(&image);
        }
        ControlFlow::Continue(())
    });
}
