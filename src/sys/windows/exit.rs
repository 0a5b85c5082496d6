//! Functions to run when the program calls `ExitProcess`, and the status that it ends with.
//!
//! std's `process::exit` calls it at once, past the handlers of the C runtime, and it ends all other threads before it tells
//! anybody. So the slot through which the image of the agent calls it is led here first. When `main` returns, the start code of
//! the image calls `exit` of the C runtime, which tells its handlers no status. That call is led here, too, to hear it.
//!
//! Runs on: the thread that installs the agent (`register`), and the one that ends the process. Must not: run a function twice.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, AtomicUsize, Ordering};

/// Functions that fit.
const ROOM: usize = 8;
const PAGE_READWRITE: u32 = 4;
/// The directory of import slots, of the optional header's 16.
const IMPORT_SLOTS: usize = 12;

/// No status.
const NONE: i64 = i64::MIN;

/// The C runtimes that an image may have: one of them.
const RUNTIMES: [&CStr; 2] = [c"ucrtbase.dll", c"msvcrt.dll"];

type ExitProcess = unsafe extern "system" fn(u32) -> !;
type Exit = unsafe extern "C" fn(c_int) -> !;

/// What was registered, in order; null for none. Relaxed: registering orders it before the end.
static FUNCTIONS: [AtomicPtr<()>; ROOM] = [const { AtomicPtr::new(core::ptr::null_mut()) }; ROOM];
static TAKEN: AtomicUsize = AtomicUsize::new(0);
/// Whether the functions were run, by whichever way out came first.
static DONE: AtomicBool = AtomicBool::new(false);
/// `ExitProcess` itself; 0 until the slot was found. Release, before the slot is written.
static REAL: AtomicUsize = AtomicUsize::new(0);
/// `exit` of the C runtime; the same.
static REAL_EXIT: AtomicUsize = AtomicUsize::new(0);
/// What the process ends with; [`NONE`] until it was heard. Relaxed: the thread that ends the process writes and reads it.
static STATUS: AtomicI64 = AtomicI64::new(NONE);

#[link(name = "kernel32")]
unsafe extern "system" {
    fn GetModuleHandleA(name: *const c_char) -> *mut c_void;
    fn GetProcAddress(image: *mut c_void, name: *const c_char) -> *mut c_void;
    fn VirtualProtect(at: *mut c_void, len: usize, protection: u32, before: *mut u32) -> i32;
}

/// Runs `function` when the C runtime ends the process or the program calls `ExitProcess`, whichever comes first. `false` when
/// there is no room for it.
pub(crate) fn register(function: extern "C" fn()) -> bool {
    let place = TAKEN.fetch_add(1, Ordering::Relaxed);
    let Some(slot) = FUNCTIONS.get(place) else {
        TAKEN.fetch_sub(1, Ordering::Relaxed);
        return false;
    };
    slot.store(function as *mut (), Ordering::Relaxed);
    if place > 0 {
        return true;
    }
    redirect();
    // SAFETY: `run` has the signature that is asked for and lives as long as this image.
    unsafe { libc::atexit(run) == 0 }
}

/// What the process ends with, as far as it was heard: not where the C runtime is a part of the image and `main` returns.
pub(crate) fn status() -> Option<i32> {
    i32::try_from(STATUS.load(Ordering::Relaxed)).ok()
}

/// The newest first, as handlers of the C runtime are run.
extern "C" fn run() {
    if DONE.swap(true, Ordering::Relaxed) {
        return;
    }
    for slot in FUNCTIONS.iter().rev() {
        let function = slot.load(Ordering::Relaxed);
        if !function.is_null() {
            // SAFETY: only `register` stores, and it stores such functions.
            let function = unsafe { core::mem::transmute::<*mut (), extern "C" fn()>(function) };
            function();
        }
    }
}

unsafe extern "system" fn exit_process(status: u32) -> ! {
    STATUS.store(status.cast_signed().into(), Ordering::Relaxed);
    run();
    let real = REAL.load(Ordering::Acquire);
    // SAFETY: the slot leads here only after the address of `ExitProcess` was stored.
    let real = unsafe { core::mem::transmute::<usize, ExitProcess>(real) };
    // SAFETY: passed on as it came.
    unsafe { real(status) }
}

unsafe extern "C" fn exit(status: c_int) -> ! {
    STATUS.store(status.into(), Ordering::Relaxed);
    let real = REAL_EXIT.load(Ordering::Acquire);
    // SAFETY: the slot leads here only after the address of the runtime's `exit` was stored.
    let real = unsafe { core::mem::transmute::<usize, Exit>(real) };
    // SAFETY: passed on as it came.
    unsafe { real(status) }
}

/// Leads this image's calls of `ExitProcess` and `exit` here. Where none is found, the process ends as before.
fn redirect() {
    lead(c"kernel32.dll", c"ExitProcess", exit_process as ExitProcess as usize, &REAL);
    let _first = RUNTIMES.iter().any(|runtime| lead(runtime, c"exit", exit as Exit as usize, &REAL_EXIT));
}

/// Leads this image's calls of a function to another one; whether there is a slot for them. `real` gets the function itself.
fn lead(library: &'static CStr, name: &'static CStr, to: usize, real: &AtomicUsize) -> bool {
    // SAFETY: the name ends with a zero byte.
    let library = unsafe { GetModuleHandleA(library.as_ptr()) };
    if library.is_null() {
        return false;
    }
    // SAFETY: a loaded library, and the name ends with a zero byte; one that it does not export gives null.
    let function = unsafe { GetProcAddress(library, name.as_ptr()) }.addr();
    let Some(slots) = own_slots().filter(|_| function != 0) else { return false };
    let mut led = false;
    for address in slots.step_by(size_of::<usize>()) {
        // SAFETY: an aligned word of the table of import slots of this image, which stays loaded; others read it whole.
        let slot = unsafe { AtomicUsize::from_ptr(core::ptr::with_exposed_provenance_mut(address)) };
        if slot.load(Ordering::Relaxed) == function {
            real.store(function, Ordering::Release);
            write(slot, to);
            led = true;
        }
    }
    led
}

fn write(slot: &AtomicUsize, value: usize) {
    let at = slot.as_ptr().cast::<c_void>();
    let mut before = 0;
    // SAFETY: the slot is mapped, and writing needs no more than this for the instant.
    if unsafe { VirtualProtect(at, size_of::<usize>(), PAGE_READWRITE, &raw mut before) } == 0 {
        return;
    }
    slot.store(value, Ordering::Release);
    let mut ignored = 0;
    // SAFETY: as it was before. A failure leaves it writable, which harms nothing.
    unsafe { VirtualProtect(at, size_of::<usize>(), before, &raw mut ignored) };
}

/// Addresses of the import slots of the image in which this function lies.
fn own_slots() -> Option<core::ops::Range<usize>> {
    let base = crate::sys::portable_unwinder::image_at(own_slots as *const () as usize)?;
    let word = |at: usize| {
        let pointer = core::ptr::with_exposed_provenance::<u32>(base.checked_add(at)?);
        // SAFETY: the headers of a loaded image are mapped, and this one is the agent's own. They are of whole words.
        Some(unsafe { pointer.read_unaligned() })
    };
    let optional = usize::try_from(word(0x3c)?).ok()?.checked_add(24)?;
    let directories = match word(optional)? & 0xffff {
        0x20b => 112,
        0x10b => 96,
        _ => return None,
    };
    let entry = optional.checked_add(directories)?.checked_add(IMPORT_SLOTS * 8)?;
    let (start, len) =
        (usize::try_from(word(entry)?).ok()?, usize::try_from(word(entry.checked_add(4)?)?).ok()?);
    let start =
        base.checked_add(start).filter(|start| start.is_multiple_of(size_of::<usize>()) && len != 0)?;
    Some(start..start.checked_add(len)?)
}
