//! What the probes see: one small value per moment in the life of a panic or of a thread.
//!
//! Runs on: the thread where it happens (write) and the writer (read). Must not: allocate; hold a pointer
//! that anybody follows later (addresses are names here, never dereferenced).

use super::place::Place;
use crate::record::{EhAction, FixedText, Notice};

/// Bytes kept of the text of a payload that no hook saw.
pub(crate) const TEXT_BYTES: usize = 256;

/// One event with everything that travels beside it. All zeroes are a valid value, which the pool relies on.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// When and on which thread.
    pub(crate) stamp: Stamp,
    /// What happened.
    pub(crate) event: Event,
    /// Where; empty for events that take no stack.
    pub(crate) place: Place,
    /// The payload's text: only for a first [`Event::Raised`] without a hook call whose payload is a text.
    pub(crate) text: FixedText<TEXT_BYTES>,
}

/// When and on which thread an event happened.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Nanoseconds of the monotonic clock.
    pub(crate) mono_ns: u64,
    /// Number of the thread among the threads that the probes saw start, from 1; 0 for `main`, for threads
    /// older than the agent and for threads started by code that the probes do not reach.
    pub(crate) thread: u64,
    /// OS thread id.
    pub(crate) tid: u32,
}

/// Names a panic from its first raise to the end of its payload.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PanicRef {
    /// The probes' own number, from 1; a re-raise keeps it. 0: not known.
    pub(crate) serial: u64,
    /// The hook's number (`RawRecord::sequence`); 0 when no hook ran for it (`resume_unwind`) or the hook
    /// of the agent was not called.
    pub(crate) hooked: u64,
}

impl PanicRef {
    /// Not known.
    pub(crate) const NONE: Self = Self { serial: 0, hooked: 0 };
}

/// What happened. On one thread the order of the events is the order in which they happened.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// An unwinding begins.
    ///
    /// When: `_Unwind_RaiseException` is called with a Rust exception, after the hook, before any frame is
    /// searched. Thread: the panicking one. Proves: this panic unwinds (under `panic = "abort"` and in a
    /// panic inside a hook it does not come). Exceptions of other languages give no such event, see
    /// [`Event::Landed`] and [`Event::Unraised`].
    Raised {
        /// The panic. A hop keeps the serial of the first raise.
        panic: PanicRef,
        /// Address of the exception object. Reused by the allocator: a name only until it landed.
        exception: u64,
        /// Address of the payload's value: its name until it is dropped. Meaningless for size 0.
        payload: u64,
        /// Address of the payload's vtable as the compiler made it; symbols may name the type.
        vtable: u64,
        /// Whether the rest of the payload's life will be seen.
        trace: Trace,
        /// 0 for a first raise; otherwise how often the same payload was raised before.
        hops: u32,
        /// Whether a record with [`RawFlag::Hop`](crate::record::RawFlag::Hop) goes with it.
        walked: bool,
    },
    /// The unwinder gave up: nobody catches.
    ///
    /// When: `_Unwind_RaiseException` returns, which it does only on failure. Thread: the panicking one.
    /// Proves: std aborts the process next ("failed to initiate panic"); for another language its runtime
    /// terminates.
    Unraised {
        /// The panic; [`PanicRef::NONE`] for a foreign exception.
        panic: PanicRef,
        /// Address of the exception object.
        exception: u64,
        /// `_Unwind_Reason_Code`: 5 is the end of the stack, 3 a frame that must not unwind.
        code: i32,
        /// Whose exception it is.
        class: Language,
    },
    /// The unwinding ends: the handler frame is entered.
    ///
    /// When: `_Unwind_SetIP` for the frame that the search phase chose. Thread: the panicking one. Proves:
    /// every frame inside the handler's is gone, and the unwinder's work is done. With [`EhAction::Catch`] the
    /// program goes on after that frame's `catch_unwind`, unless destructors that were inlined into the
    /// frame, and so run between this event and that, abort: a function inlined into the `catch_unwind`'s has
    /// no landing of its own. With [`EhAction::Filter`] the process aborts there; with
    /// [`Language::Foreign`] a C++ `catch (...)` has it, which must rethrow, or the process aborts (a rethrow
    /// lands once more). A foreign exception gives this event only when a *Rust* frame catches it, which
    /// aborts.
    Landed {
        /// The panic; [`PanicRef::NONE`] for a foreign exception.
        panic: PanicRef,
        /// Address of the exception object.
        exception: u64,
        /// Return address inside the handler frame: the same address the hook's walk has for that frame.
        ip: u64,
        /// Address of the landing pad.
        pad: u64,
        /// Start of the handler's function.
        function: u64,
        /// Stack pointer of the handler frame at the call: orders catches of one stack (higher is further
        /// out).
        frame: u64,
        /// Landing pads entered for this exception before this one.
        cleanups: u32,
        /// What the handler's table says: `Catch` or `Filter`; `Unknown` for [`Language::Foreign`].
        action: EhAction,
        /// Whose frame the handler is.
        handler: Language,
        /// Whose exception it is.
        class: Language,
    },
    /// Somebody asked the payload for its type: `downcast`, `downcast_ref`, `is`, `Display` of a `JoinError`.
    ///
    /// When: `Any::type_id` is called on a payload that was raised, after the raise (what hooks read before
    /// it does not count). Thread: the reader. Proves: the payload was examined by the code at `place`,
    /// which may still be a runtime's. Only the first [`MAX_READS`] of a raise are sent. A `downcast` by
    /// value that succeeds frees the box without [`Event::Dropped`]: a read may be the last event.
    ///
    /// [`MAX_READS`]: super::MAX_READS
    Read {
        /// The panic.
        panic: PanicRef,
        /// Address of the payload's value, which is another than at the raise when it was moved.
        payload: u64,
        /// Which read this is, from 1.
        nth: u32,
    },
    /// The payload ends.
    ///
    /// When: the drop glue of the box runs, before the value's own destructor. Thread: the one that drops.
    /// Proves: nobody can read the payload any more. Whether somebody *could* have is told by `place`:
    /// inside a runtime's cell it was discarded, in program code it was received there.
    Dropped {
        /// The panic.
        panic: PanicRef,
        /// Address of the payload's value, which is another than at the raise when it was moved.
        payload: u64,
        /// Reads before the drop.
        reads: u32,
    },
    /// A payload was read, dropped or thrown again at an address that belongs to none.
    ///
    /// When: as [`Event::Read`], [`Event::Dropped`] and [`Event::Raised`]. Thread: the one that does so. Proves: of the
    /// payloads with this vtable that are followed by their address ([`Trace::AtItsAddress`]) one was moved out of
    /// its box, as `Arc::from` does, or its identity had to make room (counted). Which one is not known.
    Strayed {
        /// Address of the payload's value.
        payload: u64,
        /// Its vtable as the compiler made it.
        vtable: u64,
    },
    /// A thread begins.
    ///
    /// When: before the start routine. Thread: the new one (`stamp`). Proves: who its parent is. `place` is where
    /// the parent called `pthread_create`, with [`spawn_places`](super::ProbeOptions::spawn_places).
    Started {
        /// Number of the parent thread, as in [`Stamp::thread`].
        parent: u64,
        /// OS thread id of the parent.
        parent_tid: u32,
        /// Whether it was created detached (std never does).
        detached: bool,
        /// Its `pthread_t`.
        handle: u64,
    },
    /// A thread ends.
    ///
    /// When: in a `pthread_key` destructor, after the destructors of Rust's thread-locals. Thread: the
    /// ending one. Proves: no Rust code of the program runs on it any more. Does not come for the main
    /// thread, nor for threads that the end of the process cuts short.
    Exited,
    /// A thread was joined.
    ///
    /// When: after `pthread_join` succeeded. Thread: the joiner. Proves: the thread is gone and its result is
    /// in the joiner's hands (what it does with it, [`Event::Read`] and [`Event::Dropped`] tell). `place` is
    /// where, if a panic was raised on that thread.
    Joined {
        /// The joined thread.
        target: ThreadRef,
    },
    /// A thread was detached: its `JoinHandle` was dropped.
    ///
    /// When: after `pthread_detach` succeeded. Thread: the one that drops the handle. Proves: nobody can join
    /// the thread any more. `place` as for [`Event::Joined`].
    Detached {
        /// The detached thread.
        target: ThreadRef,
    },
    /// A wrapper of this crate has caught a panic.
    ///
    /// When: after the landing, before the wrapper hands the error on. Thread: the panicking one. Proves: who
    /// stopped it, also without symbols and without probes. The text of the entry is the file of the call that
    /// set the wrapper up.
    Wrapped {
        /// The panic.
        panic: PanicRef,
        /// Which wrapper.
        by: Catcher,
        /// Line of that call, 0 when not known.
        line: u32,
    },
    /// The error of a wrapper was handed to the program. Thread: the receiver. Proves: from now on the program
    /// has it.
    Handed {
        /// The panic.
        panic: PanicRef,
    },
    /// The error of a wrapper ends. Thread: the one that drops it. Proves: as [`Event::Dropped`], and also whose
    /// it was.
    Disposed {
        /// The panic.
        panic: PanicRef,
        /// Who had it.
        by: Keeper,
    },
    /// A wrapper has something to say that is no panic. `text` and `place` say what and where.
    Noticed {
        /// What.
        what: Notice,
        /// The panic concerned, if one is.
        panic: PanicRef,
        /// What `what` counts.
        number: u32,
    },
}

/// A wrapper of this crate.
#[cfg_attr(
    not(all(feature = "tokio", feature = "tower")),
    allow(dead_code, reason = "some belong to optional wrappers")
)]
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Catcher {
    /// `catch`.
    Catch = 0,
    /// The root of a thread that was started by `spawn`.
    Thread,
    /// A worker that is started again.
    Supervisor,
    /// A task group.
    Group,
    /// The border to another language.
    Ffi,
    /// `catch_panic` of a future.
    Future,
    /// A tokio task.
    Task,
    /// A blocking task of tokio.
    Blocking,
    /// The tower layer.
    Tower,
}

/// Who had the error of a wrapper when it was dropped.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// The wrapper: it was never handed out.
    Wrapper = 0,
    /// The program.
    Program,
}

/// A thread that another thread acts upon.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadRef {
    /// Its `pthread_t`.
    pub(crate) handle: u64,
    /// Its number as in [`Stamp::thread`], 0 when not known.
    pub(crate) thread: u64,
    /// Serial of the last panic raised on it so far, 0 when none.
    pub(crate) last_panic: u64,
    /// Its OS thread id, 0 when it is not known or has not begun.
    pub(crate) tid: u32,
    /// Whether [`Event::Exited`] came before.
    pub(crate) exited: bool,
}

/// Whose exception it is, or whose personality routine handles a frame.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// Rust: its exceptions are panics, and its personality routine sets the selector to 0 at every landing.
    Rust = 0,
    /// Any other, such as C++: its handlers have a selector that is not 0.
    Foreign = 1,
}

/// Whether the payload will be followed.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trace {
    /// Reads and the drop will be seen, wherever the value is moved: the payload has a traced vtable of its own.
    Traced,
    /// The tracer is off; [`ProbeAbilities`](super::ProbeAbilities) say why.
    Off,
    /// The payload has no bytes, so no address tells it from others.
    ZeroSized,
    /// More payload types than the table holds (counted).
    TableFull,
    /// The exception was made by another copy of std, whose layout nobody has verified.
    OtherRuntime,
    /// Reads and the drop will be seen as long as the value stays in its box; after that [`Event::Strayed`] says that
    /// it was one of its kind.
    AtItsAddress = 5,
}
