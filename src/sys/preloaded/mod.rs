//! The agent that was loaded before the program, as a library in the program sees it: one function that the preloaded
//! library exports gives a table of others.
//!
//! Runs on: the thread that installs an agent, and threads that set labels. Must not: be used on a panicking thread.

// Under its own name the twin of systems whose loader cannot be asked.
#[cfg_attr(panic_agent_loader, path = "loader_glibc.rs")]
mod loader;

use core::ffi::{CStr, c_int};
use core::sync::atomic::{AtomicPtr, Ordering};

/// Name of the exported function, which returns a [`Table`].
const NAME: &CStr = c"panic_agent_preload";
/// Version of [`Table`], raised when a function changes its meaning.
pub(crate) const VERSION: u32 = 1;
/// Bytes of a path.
const PATH_BYTES: usize = 4096;

/// What the preloaded library lets others do.
#[repr(C)]
#[derive(Clone, Copy)]
#[cfg_attr(
    not(all(panic_agent_probes, feature = "preload")),
    allow(unreachable_pub, reason = "shown to the preloaded library alone")
)]
pub struct Table {
    pub(crate) version: u32,
    /// Bytes of the table: later versions append.
    pub(crate) size: u32,
    /// From now on another agent observes the process. 0 when it was so agreed. The handover is null, or the caller's
    /// to write for as long as the call lasts.
    pub(crate) stand_down: unsafe extern "C" fn(*mut Handover) -> c_int,
    /// Puts a label in force on this thread: key, value, whether something was cut. A number for `remove_label`. Each
    /// text is null, or readable for as long as the call lasts.
    pub(crate) push_label: unsafe extern "C" fn(*const u8, usize, *const u8, usize, bool) -> u64,
    /// Puts it out of force.
    pub(crate) remove_label: extern "C" fn(u64),
}

/// What an agent that stands down leaves to its successor.
#[repr(C)]
pub(crate) struct Handover {
    /// Whether it audited a test harness.
    pub(crate) audited: bool,
    /// The file that its lines went to.
    pub(crate) path: [u8; PATH_BYTES],
    pub(crate) path_len: usize,
}

impl Handover {
    /// The path.
    pub(crate) fn path(&self) -> &[u8] {
        self.path.get(..self.path_len).unwrap_or_default()
    }
}

/// The table; null before it was looked for, [`NONE`] when there is none. Set once to a table, and from then on only to
/// `NONE`.
static TABLE: AtomicPtr<Table> = AtomicPtr::new(core::ptr::null_mut());
/// Stands for a table that is not there: an address at which nothing lies.
const NONE: *mut Table = core::ptr::without_provenance_mut(1);

/// The preloaded agent, if there is one and it has not stood down.
///
/// # Cost
/// One load after the first time.
pub(crate) fn table() -> Option<&'static Table> {
    let mut known = TABLE.load(Ordering::Acquire);
    if known.is_null() {
        known = look();
        // Whoever else looked found the same.
        TABLE.store(known, Ordering::Release);
    }
    // SAFETY: only `NONE` and tables of the preloaded library are stored, which is never unloaded.
    (known != NONE).then(|| unsafe { &*known })
}

/// There is no preloaded agent any more, or this is it.
pub(crate) fn forget() {
    TABLE.store(NONE, Ordering::Release);
}

fn look() -> *mut Table {
    let table = loader::call(NAME).cast::<Table>();
    if table.is_null() {
        return NONE;
    }
    // SAFETY: a table of any version begins with its version.
    let version = unsafe { (*table).version };
    // SAFETY: and then its size.
    let size = unsafe { (*table).size };
    let fits = version == VERSION && size as usize >= size_of::<Table>();
    if fits { table.cast_mut() } else { NONE }
}

/// Lets the preloaded agent stand down, and takes what it leaves. `None` when there is none, or it refuses.
pub(crate) fn stand_down() -> Option<Box<Handover>> {
    let table = table()?;
    let mut handover = Box::new(Handover { audited: false, path: [0; PATH_BYTES], path_len: 0 });
    // SAFETY: the handover is on the heap of this call, which nobody else has.
    let agreed = unsafe { (table.stand_down)(&raw mut *handover) } == 0;
    forget();
    agreed.then_some(handover)
}

/// Puts a label in force with the preloaded agent too. Its number there; 0 when there is none.
pub(crate) fn push_label(key: &str, value: &str, cut: bool) -> u64 {
    let Some(table) = table() else { return 0 };
    // SAFETY: both texts outlive the call.
    unsafe { (table.push_label)(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cut) }
}

/// Puts it out of force; nothing for 0.
pub(crate) fn remove_label(number: u64) {
    if let Some(table) = table().filter(|_| number != 0) {
        (table.remove_label)(number);
    }
}
