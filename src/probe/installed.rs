//! Installing the probes: redirect, try, believe.
//!
//! Runs on: the thread that installs the agent, and the writer (`refresh`); `note_hooked` on the panicking
//! thread. Must not: be run while the calling thread is panicking.

use core::any::Any;
use core::sync::atomic::{AtomicBool, Ordering};

use super::got::{self, Applied, Symbol};
pub(crate) use super::state::{call_witness, note_landings};
pub(in crate::probe) use super::thread_state::stamp;
use super::{
    Ability, EventQueue, PanicRef, ProbeAbilities, ProbeOff, ProbeOptions, dispose, harness_notes,
    payload_owners, self_test, state, thread_starts, thread_state, threads, vtable,
};
use crate::platform;
use crate::record::ProbeLosses;
use crate::sys::fork_lock::ForkLock;
use crate::sys::{fork, symbol};

/// Only one thread at a time redirects.
static INSTALLING: ForkLock = ForkLock::new();
/// Whether fork handlers and the library's pin are in place; stays so in forked children. Under [`INSTALLING`].
static PREPARED: AtomicBool = AtomicBool::new(false);

/// Redirects the calls, tries the probes on a private payload, and lets what works report to `queue`.
///
/// Called again it counts anew and goes on with the new queue and options. The probes stay in place when the
/// agent ends; see [`uninstall`].
///
/// # Cost
/// Below a millisecond: one look at the relocations of every loaded image, one private panic.
pub(crate) fn install(queue: &'static EventQueue, options: ProbeOptions) -> ProbeAbilities {
    if cfg!(panic = "abort") {
        return ProbeAbilities::all_off(ProbeOff::PanicAbort);
    }
    let _installing = INSTALLING.lock();
    // Events of the trial go nowhere, and other threads' panics wait for a verified layout.
    state::switch_off();
    dispose::trust(0);
    if !PREPARED.swap(true, Ordering::Relaxed) {
        watch_forks();
        pin_library();
    }
    let key = threads::prepare();
    let applied = got::apply(probes());
    let outcome = self_test::run();
    platform::std().refresh();
    let location = tried(None, platform::std().calibrate());
    let dispose = outcome.dispose();
    dispose::trust(dispose.unwrap_or(0));
    let symbols = |symbols: &[Symbol]| slots(&applied, symbols);
    let abilities = ProbeAbilities {
        raise: tried(symbols(&[Symbol::RaiseException]), outcome.raise()),
        land: tried(symbols(&[Symbol::RaiseException, Symbol::SetIp]), outcome.land()),
        dispose: tried(symbols(&[Symbol::RaiseException]), dispose.map(|_| ())),
        // Joins and detaches may not occur in the program at all: then there is nothing to miss.
        threads: match (symbols(&[Symbol::PthreadCreate]), key) {
            (Some(off), _) => Ability::Off(off),
            (None, Err(errno)) => Ability::Off(ProbeOff::NoKey(errno)),
            (None, Ok(())) => Ability::Active,
        },
        location,
        second: applied.second,
    };
    state::switch_on(queue, &options);
    abilities
}

/// Redirects the calls of images that were loaded since.
pub(crate) fn refresh() {
    let _installing = INSTALLING.lock();
    if state::queue().is_some() {
        got::apply(probes());
        platform::std().refresh();
    }
}

/// No more events, and no more records of raises: another agent observes the process. The probes only forward.
#[cfg_attr(not(feature = "preload"), allow(dead_code, reason = "only a preloaded agent does"))]
pub(crate) fn stand_down() {
    let _installing = INSTALLING.lock();
    state::switch_off();
    dispose::trust(0);
}

/// Leads the calls back to the real functions and sends no more events. Payloads that are traced already keep
/// their vtable, which then only forwards.
#[cfg(any(test, feature = "__testing"))]
pub(crate) fn uninstall() {
    let _installing = INSTALLING.lock();
    state::switch_off();
    dispose::trust(0);
    got::restore(probes());
}

/// Hook, as its very last step: the raise that follows on this thread belongs to this panic.
///
/// # Cost
/// One thread-local store.
pub(crate) fn note_hooked(sequence: u64) {
    thread_state::with(|local| local.hooked.set(sequence));
}

/// The panic of a payload that is followed.
pub(in crate::probe) fn known(payload: &(dyn Any + Send)) -> Option<PanicRef> {
    let [data, vtable] = dispose::halves(payload);
    payload_owners::peek(payload_owners::Key { copy: vtable::copy(vtable)?, payload: data })
}

/// What was left out so far.
pub(crate) fn counts() -> ProbeLosses {
    ProbeLosses {
        events_lost: state::queue().map_or(0, EventQueue::lost),
        payloads_without_bytes: state::EMPTY.load(Ordering::Relaxed),
        payload_types_full: state::UNTRACED.load(Ordering::Relaxed),
        payloads_unidentified: payload_owners::EVICTED.load(Ordering::Relaxed),
        threads_unseen: thread_starts::UNSEEN.load(Ordering::Relaxed),
    }
}

/// The probes, by [`Symbol`].
fn probes() -> [usize; Symbol::ALL.len()] {
    Symbol::ALL.map(|symbol| match (symbol, got::probe_and_entry(symbol)) {
        (Symbol::SetName, _) => platform::std().names_threads(),
        (Symbol::Write, _) if !harness_notes::is_audited() => 0,
        // A preloaded agent hands over to one of the program, which goes on through it: it bears no mark.
        (_, [probe, _]) if platform::std().is_foreign() => probe,
        (_, [_, entry]) => entry,
    })
}

/// Why the calls of one of these functions do not reach the probe.
fn slots(applied: &Applied, symbols: &[Symbol]) -> Option<ProbeOff> {
    if platform::std().is_foreign() {
        // The loader leads calls to what is exported, also those of images that come later.
        return None;
    }
    let missing = symbols.iter().find(|symbol| applied.slots.get(**symbol as usize) == Some(&0))?;
    Some(match applied.refused {
        0 if applied.second => ProbeOff::OtherAgent(missing.name().to_str().unwrap_or_default()),
        0 => ProbeOff::NoSlot(missing.name().to_str().unwrap_or_default()),
        errno => ProbeOff::Protected(errno),
    })
}

fn tried(slots: Option<ProbeOff>, outcome: Result<(), &'static str>) -> Ability {
    match (slots, outcome) {
        (Some(off), _) => Ability::Off(off),
        (None, Err(missing)) => Ability::Off(ProbeOff::SelfTest(missing)),
        (None, Ok(())) => Ability::Active,
    }
}

/// A forked child has no writer: its events would fill the queue and be lost.
fn watch_forks() {
    unsafe extern "C" fn child() {
        state::switch_off();
    }
    fork::watch();
    // SAFETY: the handler has the required signature and only stores atomics. Without memory for it the child
    // sends events that nobody reads, until the queue is full.
    unsafe { libc::pthread_atfork(None, None, Some(child)) };
}

/// Other images call into this one from now on, so it must not be unloaded when it is a plugin.
fn pin_library() {
    let Some(own) = symbol::about(pin_library as *const libc::c_void) else { return };
    // SAFETY: no preconditions.
    let headers = unsafe { libc::getauxval(libc::AT_PHDR) };
    let executable = symbol::about(core::ptr::with_exposed_provenance(headers as usize));
    let in_executable = executable.is_some_and(|executable| executable.dli_fbase == own.dli_fbase);
    if !in_executable && !own.dli_fname.is_null() {
        // SAFETY: the loader's own name of a loaded image; with NOLOAD nothing new is loaded. The handle is
        // never closed, which is the point.
        unsafe { libc::dlopen(own.dli_fname, libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE) };
    }
}
