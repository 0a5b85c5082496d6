//! Births and deaths of threads, joins and detaches.
//!
//! Runs on: the parent, the new thread, whoever joins or detaches. Must not: allocate, lock, panic; own a
//! value with a destructor around the real call (a cancelled or exiting thread unwinds through these frames).

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering};

use super::event::{Event, ThreadRef};
use super::got::Symbol;
use super::thread_starts::{EnteredBy, Start};
use super::{state, thread_starts, thread_state, thread_table};
use crate::capture::stack;
use crate::capture::stack::short_walk;
use crate::platform;
use crate::sys::stack_bound::StackWindow;
use crate::sys::thread::{number_of_handle, own_handle};
use crate::sys::{registers, thread as sys_thread};

type Routine = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;
type RealCreate = unsafe extern "C-unwind" fn(
    *mut libc::pthread_t,
    *const libc::pthread_attr_t,
    Routine,
    *mut c_void,
) -> c_int;
type RealJoin = unsafe extern "C-unwind" fn(libc::pthread_t, *mut *mut c_void) -> c_int;
type RealDetach = unsafe extern "C-unwind" fn(libc::pthread_t) -> c_int;

/// The key whose destructor marks the end of a thread, plus one; 0 before `prepare`. Written once, by the
/// installer.
static KEY: AtomicU32 = AtomicU32::new(0);

/// Makes the key for ends of threads, once.
pub(super) fn prepare() -> Result<(), c_int> {
    if KEY.load(Ordering::Relaxed) != 0 {
        return Ok(());
    }
    let mut key: libc::pthread_key_t = 0;
    // SAFETY: `key` is valid for writing and `ended` has the required signature.
    let code = unsafe { libc::pthread_key_create(&raw mut key, Some(ended)) };
    if code != 0 {
        return Err(code);
    }
    KEY.store(key.wrapping_add(1), Ordering::Relaxed);
    Ok(())
}

/// Stands in for `pthread_create`.
pub(super) unsafe extern "C-unwind" fn create(
    handle: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    routine: Routine,
    argument: *mut c_void,
) -> c_int {
    let anchor = 0u8;
    let Some(real) = Symbol::PthreadCreate.real() else { return libc::EAGAIN };
    // SAFETY: `real` is the address of the function this stands in for.
    let real = unsafe { core::mem::transmute::<usize, RealCreate>(real.get()) };
    let detached = is_detached(attributes);
    if platform::std().is_foreign() {
        stack::learn_foreign_start(routine as usize as u64);
    } else {
        stack::learn_own_start(routine as usize as u64);
    }
    let entered_by = if detached {
        EnteredBy::Nobody
    } else if is_in_callers_frames(handle.addr(), (&raw const anchor).addr()) {
        EnteredBy::Parent
    } else {
        EnteredBy::Child
    };
    let left = thread_starts::leave(entered_by, routine as usize, argument, (&raw const anchor).addr());
    // The child may run, end and free the entry before the call returns, so its number is kept here.
    let Some((start, number)) = left else {
        // SAFETY: forwarded as it came.
        return unsafe { real(handle, attributes, routine, argument) };
    };
    let start_address = core::ptr::from_ref(start).cast_mut().cast::<c_void>();
    // SAFETY: the trampoline jumps to `routine` with `argument`; everything else is forwarded as it came.
    let code = unsafe { real(handle, attributes, trampoline, start_address) };
    if code != 0 {
        start.give_back();
        return code;
    }
    if entered_by == EnteredBy::Parent {
        // SAFETY: a successful `pthread_create` has written the handle, and it lies in a frame of this thread that
        // is still there, as was checked: nobody can have freed it since.
        let handle = unsafe { *handle };
        thread_table::insert(number_of_handle(handle), number);
    }
    code
}

/// Bytes above a probe in which the caller's variables lie: std's is in the frame that calls.
const CALLERS: usize = 16 << 10;

/// Whether an address lies in the frames of the callers of the one that has `anchor`. The child may free a handle that lies
/// anywhere else, and with it the thread may be detached already, before the parent looks at it.
fn is_in_callers_frames(address: usize, anchor: usize) -> bool {
    let near = address.checked_sub(anchor).is_some_and(|distance| distance < CALLERS);
    near && StackWindow::above(&registers::current())
        .is_some_and(|stack| stack.holds(address as u64, size_of::<libc::pthread_t>() as u64))
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
    let birth = start.take(|birth, place| {
        thread_state::with(|local| local.thread.set(birth.number));
        thread_table::started(birth.number, sys_thread::tid());
        let handle = own_handle();
        if birth.entered_by == EnteredBy::Child {
            thread_table::insert(handle, birth.number);
        }
        let event = Event::Started {
            parent: birth.parent,
            parent_tid: birth.parent_tid,
            detached: birth.entered_by == EnteredBy::Nobody,
            handle,
        };
        state::emit(event, |entry| {
            if let Some(place) = place {
                entry.place = *place;
            }
        });
    });
    if let Some(key) = KEY.load(Ordering::Relaxed).checked_sub(1) {
        // SAFETY: the key was created; the value is a number, never followed. A failure (no memory) means
        // that the end is not seen.
        unsafe { libc::pthread_setspecific(key, core::ptr::without_provenance(birth.number as usize)) };
    }
    platform::std().thread_begins(birth.argument);
    Task { routine: birth.routine, argument: birth.argument }
}

/// Called by the C library at the end of a thread that `begin` marked.
unsafe extern "C" fn ended(_: *mut c_void) {
    if let Some(number) = thread_state::with(|local| local.thread.get()) {
        thread_table::exited(number);
    }
    state::emit(Event::Exited, |_| {});
}

/// Stands in for `pthread_join`.
pub(super) unsafe extern "C-unwind" fn join(handle: libc::pthread_t, result: *mut *mut c_void) -> c_int {
    let anchor = 0u8;
    let Some(real) = Symbol::PthreadJoin.real() else { return libc::EINVAL };
    // SAFETY: `real` is the address of the function this stands in for.
    let real = unsafe { core::mem::transmute::<usize, RealJoin>(real.get()) };
    // Looked up first: the handle may be another thread's as soon as this one is gone.
    let known_as = number_of_handle(handle);
    let number = thread_table::number_of(known_as);
    // SAFETY: forwarded as it came.
    let code = unsafe { real(handle, result) };
    if code == 0 {
        joined(known_as, number, (&raw const anchor).addr());
    }
    code
}

#[inline(never)]
fn joined(handle: u64, number: u64, anchor: usize) {
    let target = thread_table::describe(handle, number);
    tell(target, anchor, Event::Joined { target });
}

/// Stands in for `pthread_detach`.
pub(super) unsafe extern "C-unwind" fn detach(handle: libc::pthread_t) -> c_int {
    let anchor = 0u8;
    let Some(real) = Symbol::PthreadDetach.real() else { return libc::EINVAL };
    // SAFETY: `real` is the address of the function this stands in for.
    let real = unsafe { core::mem::transmute::<usize, RealDetach>(real.get()) };
    // As in `join`; what the thread has done so far is read before it may be gone.
    let known_as = number_of_handle(handle);
    let target = thread_table::describe(known_as, thread_table::number_of(known_as));
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
        // A place costs a microsecond or so, and threads that never panicked need none.
        if target.last_panic != 0 {
            entry.place.fill(|ips| short_walk(ips, anchor));
        }
    });
}
