//! Births and deaths of threads, joins and detaches.
//!
//! Runs on: the parent, the new thread, whoever joins or detaches. Must not: allocate, lock, panic; own a
//! value with a destructor around the real call (a cancelled or exiting thread unwinds through these frames).

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::event::{Event, ThreadRef};
use super::got::Symbol;
use super::{local, place, state, thread_table};

/// Threads that can be between their creation and their first instruction at once.
const STARTS: usize = 256;
/// Places that are tried for a new thread.
const TRIES: usize = 16;

type Routine = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;
type RealCreate = unsafe extern "C-unwind" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    Routine,
    *mut c_void,
) -> c_int;
type RealJoin = unsafe extern "C-unwind" fn(libc::pthread_t, *mut *mut c_void) -> c_int;
type RealDetach = unsafe extern "C-unwind" fn(libc::pthread_t) -> c_int;

/// What a parent leaves for its child. `taken` is set by the parent's CAS and cleared by the child once it
/// has read the rest, or by the parent when there is no child.
struct Start {
    taken: AtomicBool,
    detached: AtomicBool,
    parent_tid: AtomicU32,
    parent: AtomicU64,
    number: AtomicU64,
    routine: AtomicUsize,
    argument: AtomicUsize,
}

struct Threads {
    starts: [Start; STARTS],
    /// The key whose destructor marks the end of a thread, plus one; 0 before `prepare`.
    key: AtomicU32,
}

static THREADS: Threads = Threads {
    starts: [const {
        Start {
            taken: AtomicBool::new(false),
            detached: AtomicBool::new(false),
            parent_tid: AtomicU32::new(0),
            parent: AtomicU64::new(0),
            number: AtomicU64::new(0),
            routine: AtomicUsize::new(0),
            argument: AtomicUsize::new(0),
        }
    }; STARTS],
    key: AtomicU32::new(0),
};

/// Makes the key for ends of threads, once.
pub(super) fn prepare() -> Result<(), c_int> {
    if THREADS.key.load(Ordering::Relaxed) != 0 {
        return Ok(());
    }
    let mut key: libc::pthread_key_t = 0;
    // SAFETY: `key` is valid for writing and `ended` has the required signature.
    let code = unsafe { libc::pthread_key_create(&raw mut key, Some(ended)) };
    if code != 0 {
        return Err(code);
    }
    THREADS.key.store(key.wrapping_add(1), Ordering::Relaxed);
    Ok(())
}

/// Remembers that a panic was raised on a thread.
pub(super) fn note_panic(thread: u64, serial: u64) {
    thread_table::panicked(thread, serial);
}

/// Stands in for `pthread_create`.
pub(super) unsafe extern "C-unwind" fn create(
    handle: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    routine: Routine,
    argument: *mut c_void,
) -> c_int {
    let anchor = 0u8;
    let real = Symbol::PthreadCreate.real();
    if real == 0 {
        return libc::EAGAIN;
    }
    // SAFETY: `real` is the address of the function this stands in for.
    let real = unsafe { core::mem::transmute::<usize, RealCreate>(real) };
    let Some(start) = leave(attributes, routine, argument) else {
        // SAFETY: forwarded as it came.
        return unsafe { real(handle, attributes, routine, argument) };
    };
    // The child may run, end and free the entry before the call returns.
    let number = start.number.load(Ordering::Relaxed);
    let detached = start.detached.load(Ordering::Relaxed);
    let start_address = core::ptr::from_ref(start).cast_mut().cast::<c_void>();
    // SAFETY: the trampoline jumps to `routine` with `argument`; everything else is forwarded as it came.
    let code = unsafe { real(handle, attributes, trampoline, start_address) };
    if code != 0 {
        start.taken.store(false, Ordering::Release);
        return code;
    }
    if !detached {
        // SAFETY: a successful `pthread_create` has written the handle.
        thread_table::insert(unsafe { *handle }, number);
    }
    if state::wants_place(false) {
        born(number, (&raw const anchor).addr());
    }
    code
}

#[inline(never)]
fn born(child: u64, anchor: usize) {
    state::emit(Event::Spawned { child }, |entry| entry.place.fill(|ips| place::here(ips, anchor)));
}

/// Fills a free start entry; `None` when the probes are off or too many threads are just starting.
fn leave(
    attributes: *const libc::pthread_attr_t,
    routine: Routine,
    argument: *mut c_void,
) -> Option<&'static Start> {
    state::queue()?;
    let number = thread_table::next();
    let start = (0..TRIES)
        .filter_map(|step| THREADS.starts.get((number as usize).wrapping_add(step) % STARTS))
        // Acquire pairs with the release in `trampoline`: the last child has read its values.
        .find(|start| {
            start.taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
        })?;
    let (parent, parent_tid) = local::with(|local| (local.thread.get(), local.tid())).unwrap_or_default();
    start.parent.store(parent, Ordering::Relaxed);
    start.parent_tid.store(parent_tid, Ordering::Relaxed);
    start.detached.store(is_detached(attributes), Ordering::Relaxed);
    start.number.store(number, Ordering::Relaxed);
    start.routine.store(routine as usize, Ordering::Relaxed);
    // Creating the thread orders all of these before the child's reads.
    start.argument.store(argument.expose_provenance(), Ordering::Relaxed);
    Some(start)
}

fn is_detached(attributes: *const libc::pthread_attr_t) -> bool {
    if attributes.is_null() {
        return false;
    }
    let mut detached: c_int = libc::PTHREAD_CREATE_JOINABLE;
    // SAFETY: the program passes valid attributes, or null, to `pthread_create`.
    unsafe { pthread_attr_getdetachstate(attributes, &raw mut detached) };
    detached == libc::PTHREAD_CREATE_DETACHED
}

unsafe extern "C" {
    fn pthread_attr_getdetachstate(attributes: *const libc::pthread_attr_t, state: *mut c_int) -> c_int;
}

/// The first function of a thread: calls `begin`, then jumps to the program's routine, so that no frame of ours
/// stays below the thread's. The bottom of the stack looks as without probes, in every profile.
#[unsafe(naked)]
unsafe extern "C-unwind" fn trampoline(start: *mut c_void) -> *mut c_void {
    #[cfg(target_arch = "x86_64")]
    core::arch::naked_asm!(
        "sub rsp, 8", // the call needs an aligned stack
        "call {begin}",
        "add rsp, 8",
        "mov rdi, rdx",
        "jmp rax",
        begin = sym begin,
    );
    #[cfg(target_arch = "aarch64")]
    core::arch::naked_asm!(
        "stp x29, x30, [sp, #-16]!",
        "bl {begin}",
        "ldp x29, x30, [sp], #16",
        "mov x16, x0", // the register through which a function may be entered by a jump
        "mov x0, x1",
        "br x16",
        begin = sym begin,
    );
}

/// What a thread is to do; two words, so that it comes back in the two result registers.
#[repr(C)]
struct Task {
    routine: usize,
    argument: usize,
}

/// Takes what the parent left and says that the thread begins.
unsafe extern "C" fn begin(start: *mut c_void) -> Task {
    // SAFETY: `create` passes an entry of a static.
    let start = unsafe { &*start.cast::<Start>() };
    let number = start.number.load(Ordering::Relaxed);
    let routine = start.routine.load(Ordering::Relaxed);
    let argument = start.argument.load(Ordering::Relaxed);
    let event = Event::Started {
        parent: start.parent.load(Ordering::Relaxed),
        parent_tid: start.parent_tid.load(Ordering::Relaxed),
        detached: start.detached.load(Ordering::Relaxed),
        // SAFETY: no preconditions.
        handle: unsafe { libc::pthread_self() },
    };
    start.taken.store(false, Ordering::Release);
    local::with(|local| {
        local.thread.set(number);
        thread_table::started(number, local.tid());
    });
    if let Some(key) = THREADS.key.load(Ordering::Relaxed).checked_sub(1) {
        // SAFETY: the key was created; the value is a number, never followed. A failure (no memory) means
        // that the end is not seen.
        unsafe { libc::pthread_setspecific(key, core::ptr::without_provenance(number as usize)) };
    }
    state::emit(event, |_| {});
    Task { routine, argument }
}

/// Called by the C library at the end of a thread that `begin` marked.
unsafe extern "C" fn ended(_: *mut c_void) {
    if let Some(number) = local::with(|local| local.thread.get()) {
        thread_table::exited(number);
    }
    state::emit(Event::Exited, |_| {});
}

/// Stands in for `pthread_join`.
pub(super) unsafe extern "C-unwind" fn join(handle: libc::pthread_t, result: *mut *mut c_void) -> c_int {
    let anchor = 0u8;
    let real = Symbol::PthreadJoin.real();
    if real == 0 {
        return libc::EINVAL;
    }
    // SAFETY: `real` is the address of the function this stands in for.
    let real = unsafe { core::mem::transmute::<usize, RealJoin>(real) };
    // Looked up first: the handle may be another thread's as soon as this one is gone.
    let number = thread_table::number_of(handle);
    // SAFETY: forwarded as it came.
    let code = unsafe { real(handle, result) };
    if code == 0 {
        joined(handle, number, (&raw const anchor).addr());
    }
    code
}

#[inline(never)]
fn joined(handle: libc::pthread_t, number: u64, anchor: usize) {
    let target = thread_table::describe(handle, number);
    tell(target, anchor, Event::Joined { target });
}

/// Stands in for `pthread_detach`.
pub(super) unsafe extern "C-unwind" fn detach(handle: libc::pthread_t) -> c_int {
    let anchor = 0u8;
    let real = Symbol::PthreadDetach.real();
    if real == 0 {
        return libc::EINVAL;
    }
    // SAFETY: `real` is the address of the function this stands in for.
    let real = unsafe { core::mem::transmute::<usize, RealDetach>(real) };
    // As in `join`; what the thread has done so far is read before it may be gone.
    let target = thread_table::describe(handle, thread_table::number_of(handle));
    // SAFETY: forwarded as it came.
    let code = unsafe { real(handle) };
    if code == 0 {
        tell(target, (&raw const anchor).addr(), Event::Detached { target });
    }
    code
}

#[inline(never)]
fn tell(target: ThreadRef, anchor: usize, event: Event) {
    thread_table::remove(target);
    state::emit(event, |entry| {
        if state::wants_place(target.last_panic != 0) {
            entry.place.fill(|ips| place::here(ips, anchor));
        }
    });
}
