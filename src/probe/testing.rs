//! The probes by themselves, for tests and measurements. Not part of the public interface: it may change in
//! any version.
//!
//! Runs on: the test's threads. Must not: be used in a program that runs the agent.

use std::sync::OnceLock;

use super::{DEFAULT_EVENTS, Entry, Event, EventQueue, ProbeAbilities, ProbeOff, ProbeOptions, ThreadRef};

static QUEUE: OnceLock<EventQueue> = OnceLock::new();

/// How to install.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup {
    /// Take the place of every spawn.
    pub spawn_places: bool,
    /// The run-time switch.
    pub off: bool,
    /// Entries of the queue; 0 for the default. The first installation decides.
    pub events: usize,
}

/// One ability: its word, and why it is off (code and sentence).
pub type NamedAbility = (&'static str, Option<(&'static str, String)>);

/// An event as plain values; what its kind does not have is 0 or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // named as the fields of the events they come from
pub struct Seen {
    pub kind: &'static str,
    pub mono_ns: u64,
    pub thread: u64,
    pub tid: u32,
    pub serial: u64,
    pub hooked: u64,
    pub exception: u64,
    pub payload: u64,
    pub vtable: u64,
    pub trace: String,
    pub hops: u32,
    pub code: i32,
    pub class: String,
    pub ip: u64,
    pub pad: u64,
    pub function: u64,
    pub frame: u64,
    pub cleanups: u32,
    pub action: String,
    pub handler: String,
    /// `nth` of a read, `reads` of a drop.
    pub reads: u32,
    pub parent: u64,
    pub parent_tid: u32,
    pub detached: bool,
    pub handle: u64,
    pub target: u64,
    pub target_tid: u32,
    pub target_panic: u64,
    pub target_exited: bool,
    pub place: Vec<u64>,
    pub text: String,
    pub text_len: u32,
}

/// Installs the probes with a queue of their own.
pub fn install(setup: Setup) -> Vec<NamedAbility> {
    let events = if setup.events == 0 { DEFAULT_EVENTS } else { setup.events };
    let queue = QUEUE.get_or_init(|| EventQueue::new(events, None));
    let options = ProbeOptions { spawn_places: setup.spawn_places, inherit_labels: false };
    crate::capture::stack::prepare();
    let abilities = if setup.off {
        ProbeAbilities::all_off(ProbeOff::SwitchedOff)
    } else {
        super::install(queue, options)
    };
    let off = |ability: &super::Ability| match ability {
        super::Ability::Active => None,
        super::Ability::Off(off) => Some(off.said()),
    };
    abilities.named().map(|(name, ability)| (name, off(ability))).to_vec()
}

/// Leads the calls back.
pub fn uninstall() {
    super::uninstall();
}

/// As the hook does.
pub fn note_hooked(sequence: u64) {
    super::note_hooked(sequence);
}

/// Lost events, untraced panics, unidentified payloads.
pub fn counts() -> [u64; 3] {
    let counts = super::counts();
    [counts.events_lost, counts.payload_types_full, counts.payloads_unidentified]
}

/// The next event.
pub fn next() -> Option<Seen> {
    Some(seen(&*QUEUE.get()?.try_receive()?))
}

/// Throws away one event without looking at it; whether there was one. For measurements.
pub fn skip() -> bool {
    QUEUE.get().is_some_and(|queue| queue.try_receive().is_some())
}

fn seen(entry: &Entry) -> Seen {
    let mut seen = Seen {
        mono_ns: entry.stamp.mono_ns,
        thread: entry.stamp.thread,
        tid: entry.stamp.tid,
        place: entry.place.ips().to_vec(),
        text: entry.text.as_str().to_owned(),
        text_len: entry.text.total_len(),
        ..Seen::default()
    };
    let named = |seen: &mut Seen, panic: super::PanicRef| {
        seen.serial = panic.serial;
        seen.hooked = panic.hooked;
    };
    match entry.event {
        Event::Raised { panic, exception, payload, vtable, trace, hops, .. } => {
            named(&mut seen, panic);
            (seen.kind, seen.exception, seen.payload) = ("raised", exception, payload);
            (seen.vtable, seen.trace, seen.hops) = (vtable, format!("{trace:?}"), hops);
        }
        Event::Unraised { panic, exception, code, class } => {
            named(&mut seen, panic);
            (seen.kind, seen.exception) = ("unraised", exception);
            (seen.code, seen.class) = (code, format!("{class:?}"));
        }
        Event::Landed { panic, exception, ip, pad, function, frame, cleanups, action, handler, class } => {
            named(&mut seen, panic);
            (seen.kind, seen.exception, seen.ip, seen.pad) = ("landed", exception, ip, pad);
            (seen.function, seen.frame, seen.cleanups) = (function, frame, cleanups);
            (seen.action, seen.handler) = (format!("{action:?}"), format!("{handler:?}"));
            seen.class = format!("{class:?}");
        }
        Event::Read { panic, payload, nth } => {
            named(&mut seen, panic);
            (seen.kind, seen.payload, seen.reads) = ("read", payload, nth);
        }
        Event::Dropped { panic, payload, reads } => {
            named(&mut seen, panic);
            (seen.kind, seen.payload, seen.reads) = ("dropped", payload, reads);
        }
        Event::Strayed { payload, vtable } => {
            (seen.kind, seen.payload, seen.vtable) = ("strayed", payload, vtable);
        }
        Event::Started { parent, parent_tid, detached, handle } => {
            (seen.kind, seen.parent, seen.parent_tid) = ("started", parent, parent_tid);
            (seen.detached, seen.handle) = (detached, handle);
        }
        Event::Exited => seen.kind = "exited",
        Event::Joined { target } => acted_upon(&mut seen, "joined", target),
        Event::Detached { target } => acted_upon(&mut seen, "detached", target),
        Event::Wrapped { panic, .. } => (seen.kind, seen.hooked) = ("wrapped", panic.hooked),
        Event::Handed { panic } => (seen.kind, seen.hooked) = ("handed", panic.hooked),
        Event::Disposed { panic, .. } => (seen.kind, seen.hooked) = ("disposed", panic.hooked),
        Event::Noticed { .. } => seen.kind = "noticed",
    }
    seen
}

fn acted_upon(seen: &mut Seen, kind: &'static str, target: ThreadRef) {
    (seen.kind, seen.handle, seen.target) = (kind, target.handle, target.thread);
    (seen.target_tid, seen.target_panic) = (target.tid, target.last_panic);
    seen.target_exited = target.exited;
}
