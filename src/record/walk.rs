//! A stack walk as the panicking thread leaves it: addresses, unwind actions, and where the search for
//! a handler stopped.
//!
//! Runs on: the panicking thread (write) and the writer (read). Must not: allocate, panic.

use super::EhAction;

/// Frames a record can hold; `Options::max_frames` may ask for less.
pub(crate) const MAX_FRAMES: usize = 192;

/// Frames kept of the place where the unwinding stops: the stopper and those around it. The call of a
/// `catch_unwind` that nothing is inlined into lies three frames further out than its landing site.
pub(crate) const LANDING_FRAMES: usize = 8;

/// Index that stands for "no such frame".
pub(crate) const NO_FRAME: u32 = u32::MAX;

/// The physical frames of the panicking thread, innermost first.
///
/// The first frame is the caller of `std::panicking::panic_with_hook`'s hook call as far as the walk
/// can tell; frames of the agent and of the panic machinery before the panicking call are included and
/// trimmed by the writer. Indices count physical frames of the whole walk, so a stopper may lie beyond
/// `len`: its address and those around it are kept separately.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct RawWalk {
    /// Frames kept in `ips` and `actions`, `<= MAX_FRAMES`.
    pub(crate) len: u32,
    /// Frames walked; when larger than `len` the outer ones were not kept. A lower bound when the walk
    /// stopped early (`end`).
    pub(crate) walked: u32,
    /// Index of the frame that stops the unwinding, or [`NO_FRAME`].
    pub(crate) stopper: u32,
    /// Index of the outermost frame with a catch that the walk saw, or [`NO_FRAME`].
    pub(crate) outermost_catch: u32,
    /// Index at which the search for a stopper began: the caller of std's function that calls hooks.
    /// Frames before it belong to that function, to the agent, and to hooks around the agent's.
    pub(crate) search_start: u32,
    /// What the stopper does: [`EhAction`] as `u8`; `None` when there is no stopper.
    pub(crate) stop_action: u8,
    /// [`WalkEnd`] as `u8`.
    pub(crate) end: u8,
    /// [`WalkSource`] as `u8`.
    pub(crate) source: u8,
    /// [`ThreadStart`] as `u8`.
    pub(crate) at_thread_start: u8,
    /// 1 when the stopper is the catch of `lang_start` around `main`.
    pub(crate) at_main_start: u8,
    /// Frames kept in `landing`, `<= LANDING_FRAMES`; 0 when there is no stopper.
    pub(crate) landing_len: u8,
    pub(crate) _reserved: [u8; 2],
    /// Return addresses of the stopper and of the frames outward of it.
    pub(crate) landing: [u64; LANDING_FRAMES],
    /// Return addresses, innermost first. `ips[0]` may be an exact instruction pointer.
    pub(crate) ips: [u64; MAX_FRAMES],
    /// [`EhAction`] of each frame as `u8`.
    pub(crate) actions: [u8; MAX_FRAMES],
}

impl RawWalk {
    pub(crate) const fn new() -> Self {
        Self {
            len: 0,
            walked: 0,
            stopper: NO_FRAME,
            outermost_catch: NO_FRAME,
            search_start: 0,
            stop_action: EhAction::None as u8,
            end: WalkEnd::NotWalked as u8,
            source: WalkSource::None as u8,
            at_thread_start: ThreadStart::Absent as u8,
            at_main_start: 0,
            landing_len: 0,
            _reserved: [0; 2],
            landing: [0; LANDING_FRAMES],
            ips: [0; MAX_FRAMES],
            actions: [0; MAX_FRAMES],
        }
    }

    /// Forgets the walk; addresses beyond `len` are left as they are.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.walked = 0;
        self.stopper = NO_FRAME;
        self.outermost_catch = NO_FRAME;
        self.search_start = 0;
        self.stop_action = EhAction::None as u8;
        self.end = WalkEnd::NotWalked as u8;
        self.source = WalkSource::None as u8;
        self.at_thread_start = ThreadStart::Absent as u8;
        self.at_main_start = 0;
        self.landing_len = 0;
    }

    /// The kept instruction pointers, innermost first.
    pub(crate) fn ips(&self) -> &[u64] {
        self.ips.get(..(self.len as usize).min(MAX_FRAMES)).unwrap_or_default()
    }

    /// The unwind action of each kept frame, as `u8`.
    pub(crate) fn actions(&self) -> &[u8] {
        self.actions.get(..(self.len as usize).min(MAX_FRAMES)).unwrap_or_default()
    }

    /// Return addresses of the stopper and of the frames outward of it; empty when there is no stopper.
    pub(crate) fn landing(&self) -> &[u64] {
        self.landing.get(..usize::from(self.landing_len).min(LANDING_FRAMES)).unwrap_or_default()
    }

    /// Return address of the stopper; 0 when there is none.
    pub(crate) fn stopper_ip(&self) -> u64 {
        self.landing().first().copied().unwrap_or_default()
    }

    /// Keeps one more frame of the landing site, unless there is no room.
    pub(crate) fn push_landing(&mut self, ip: u64) {
        if let Some(place) = self.landing.get_mut(usize::from(self.landing_len)) {
            *place = ip;
            self.landing_len = self.landing_len.saturating_add(1);
        }
    }

    /// The fields of one byte, behind two others.
    pub(crate) fn bytes_as_word(&self, [first, second]: [u8; 2]) -> u64 {
        u64::from_le_bytes([
            first,
            second,
            self.stop_action,
            self.end,
            self.source,
            self.at_thread_start,
            self.at_main_start,
            self.landing_len,
        ])
    }

    /// Where std's thread start function stands.
    pub(crate) fn thread_start(&self) -> ThreadStart {
        ThreadStart::from_u8(self.at_thread_start)
    }

    /// Index of the frame that stops the unwinding.
    pub(crate) fn stopper(&self) -> Option<u32> {
        (self.stopper != NO_FRAME).then_some(self.stopper)
    }
}

/// Where std's thread start function stands on a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ThreadStart {
    /// Nowhere further out than every catch, or the walk did not get there.
    Absent = 0,
    /// Beyond every catch, with other functions in between. The outermost catch is the root of the thread, or the catch
    /// around the result that the thread drops at its end.
    Beyond = 1,
    /// By all that the stack shows it calls the function of the outermost catch, which is the root of the thread then: the
    /// result is dropped further in, by a function that is never inlined (`Arc::drop_slow`).
    CallsCatch = 2,
    /// As many functions lie between it and the outermost catch as on the agent's own threads, and there are some: nothing is
    /// inlined in this program, and the result is dropped many functions further in.
    LikeOwn = 3,
}

super::read_back!(ThreadStart: Absent, CallsCatch, LikeOwn; otherwise Beyond);

/// Why a walk ended.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WalkEnd {
    /// No walk was made.
    NotWalked = 0,
    /// The bottom of the stack was reached.
    Bottom = 1,
    /// The stopper was found and the bottom is too far away to matter.
    StopperFound = 2,
    /// A frame has no unwind information, so the unwinder itself cannot go on: end of stack.
    NoUnwindInfo = 3,
    /// The next frame could not be computed.
    Broken = 4,
    /// More frames than the walk is willing to follow.
    TooDeep = 5,
    /// An address lies in an image that the agent has not seen yet and the fallback failed too.
    UnknownImage = 6,
}

super::read_back!(
    WalkEnd: Bottom, StopperFound, NoUnwindInfo, Broken, TooDeep, UnknownImage; otherwise NotWalked
);

impl WalkEnd {
    /// Whether the unwinder, too, finds nothing further out.
    pub(crate) fn is_end_of_stack(self) -> bool {
        matches!(self, Self::Bottom | Self::NoUnwindInfo)
    }

    /// The word in a report.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::NotWalked => "not_walked",
            Self::Bottom => "bottom",
            Self::StopperFound => "stopper_found",
            Self::NoUnwindInfo => "no_unwind_info",
            Self::Broken => "broken",
            Self::TooDeep => "too_deep",
            Self::UnknownImage => "unknown_image",
        }
    }

    /// Reads back the word in a report; an unknown one is `NotWalked`.
    pub(crate) fn from_word(word: &str) -> Self {
        (1..=6).map(Self::from_u8).find(|end| end.word() == word).unwrap_or(Self::NotWalked)
    }
}

/// What walked the stack.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WalkSource {
    /// Nothing did.
    None = 0,
    /// The agent's own walk over the unwind tables.
    Tables = 1,
    /// The platform's unwinder (`_Unwind_Backtrace`).
    System = 2,
}

super::read_back!(WalkSource: Tables, System; otherwise None);
