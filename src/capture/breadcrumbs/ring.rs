//! The last breadcrumbs of one thread, in a thread-local without destructor.
//!
//! Runs on: every thread that leaves breadcrumbs, and the panicking thread. Must not: allocate; rely on anything that ends
//! before the thread does.

use core::cell::Cell;
use core::fmt;
use core::sync::atomic::{Ordering, compiler_fence};

use crate::record::{BreadcrumbLevel, CrumbBytes, RawCrumb, start_of};

/// Breadcrumbs that a thread keeps: 2.6 KiB of its memory.
pub(super) const CRUMBS: usize = 16;
/// Bytes of both texts.
const TEXT_BYTES: usize = 148;
/// Bytes of a target that are kept.
const TARGET_BYTES: usize = 48;

const _: () = assert!(size_of::<Crumb>() == 160, "a crumb is two and a half cache lines");
const _: () = assert!(TEXT_BYTES < 256, "a length is one byte");

thread_local! {
    /// Written and read by this thread alone. No destructor: destructors of other thread-locals may still panic.
    pub(super) static RING: Ring = const { Ring::new() };
}

/// One breadcrumb.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Crumb {
    mono_ns: u64,
    level: u8,
    cut: bool,
    target_len: u8,
    message_len: u8,
    text: [u8; TEXT_BYTES],
}

impl Crumb {
    pub(super) const EMPTY: Self =
        Self { mono_ns: 0, level: 0, cut: false, target_len: 0, message_len: 0, text: [0; TEXT_BYTES] };

    pub(super) fn new(mono_ns: u64, level: BreadcrumbLevel, target: &str) -> Self {
        let mut crumb = Self { mono_ns, level: level as u8, ..Self::EMPTY };
        let kept = start_of(target, TARGET_BYTES);
        crumb.cut = kept.len() < target.len();
        if let Some(room) = crumb.text.get_mut(..kept.len()) {
            room.copy_from_slice(kept.as_bytes());
        }
        crumb.target_len = kept.len() as u8;
        crumb
    }

    /// Appends as much to the message as fits, ending at a character border. Once something was cut nothing more is kept.
    pub(super) fn push(&mut self, text: &str) {
        let start = usize::from(self.target_len).saturating_add(usize::from(self.message_len));
        let room = if self.cut && self.message_len > 0 { 0 } else { TEXT_BYTES.saturating_sub(start) };
        let kept = start_of(text, room);
        if let Some(room) = self.text.get_mut(start..start.saturating_add(kept.len())) {
            room.copy_from_slice(kept.as_bytes());
        }
        self.message_len = self.message_len.saturating_add(kept.len() as u8);
        self.cut |= kept.len() < text.len();
    }

    pub(super) fn raw(&self) -> RawCrumb<'_> {
        let (target, rest) = self.text.split_at_checked(usize::from(self.target_len)).unwrap_or_default();
        RawCrumb {
            mono_ns: self.mono_ns,
            level: self.level,
            cut: self.cut,
            target,
            message: rest.get(..usize::from(self.message_len)).unwrap_or_default(),
        }
    }
}

impl fmt::Write for Crumb {
    /// Never fails: what does not fit is left out.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

/// The places of a thread's breadcrumbs. A handler of a signal may interrupt a write and panic: it passes over the place
/// that is being written, which has no number meanwhile. The fences keep the compiler from moving the stores; there is one
/// thread only.
pub(super) struct Ring {
    places: [Place; CRUMBS],
    /// Number of the newest crumb, from 1.
    newest: Cell<u32>,
}

struct Place {
    /// 0 for none.
    number: Cell<u32>,
    crumb: Cell<Crumb>,
}

impl Place {
    const fn new() -> Self {
        Self { number: Cell::new(0), crumb: Cell::new(Crumb::EMPTY) }
    }
}

impl Ring {
    const fn new() -> Self {
        Self { places: [const { Place::new() }; CRUMBS], newest: Cell::new(0) }
    }

    /// Takes the place of the oldest.
    pub(super) fn put(&self, crumb: &Crumb) {
        let number = self.newest.get().wrapping_add(1).max(1);
        // First, so that whoever interrupts takes another place.
        self.newest.set(number);
        let Some(place) = self.place(number) else { return };
        place.number.set(0);
        compiler_fence(Ordering::SeqCst);
        place.crumb.set(*crumb);
        compiler_fence(Ordering::SeqCst);
        place.number.set(number);
    }

    /// Copies the crumbs, newest first, as many as fit.
    pub(super) fn copy_into(&self, to: &mut CrumbBytes) {
        let newest = self.newest.get();
        for back in 0..CRUMBS as u32 {
            let number = newest.wrapping_sub(back);
            let Some(place) = self.place(number).filter(|place| place.number.get() == number && number != 0)
            else {
                continue;
            };
            compiler_fence(Ordering::SeqCst);
            if !to.push(place.crumb.get().raw()) {
                return;
            }
        }
    }

    fn place(&self, number: u32) -> Option<&Place> {
        self.places.get(number as usize % CRUMBS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(ring: &Ring) -> Vec<(String, String, bool)> {
        let mut bytes = CrumbBytes::new();
        ring.copy_into(&mut bytes);
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).unwrap().to_owned();
        bytes.crumbs().map(|crumb| (text(crumb.target), text(crumb.message), crumb.cut)).collect()
    }

    fn crumb(target: &str, message: &str) -> Crumb {
        let mut crumb = Crumb::new(1, BreadcrumbLevel::Info, target);
        crumb.push(message);
        crumb
    }

    #[test]
    fn the_newest_are_kept_and_come_first() {
        let ring = Ring::new();
        assert_eq!(left(&ring), []);
        for number in 0..100 {
            ring.put(&crumb("app", &number.to_string()));
        }
        let messages: Vec<String> = left(&ring).into_iter().map(|(_, message, _)| message).collect();
        let due: Vec<String> = (100 - CRUMBS..100).rev().map(|number| number.to_string()).collect();
        assert_eq!(messages, due);
    }

    #[test]
    fn long_texts_are_cut_at_a_character_border_and_say_so() {
        let ring = Ring::new();
        ring.put(&crumb(&"ä".repeat(40), &"ö".repeat(100)));
        ring.put(&crumb("", ""));
        let found = left(&ring);
        assert_eq!(found[0], (String::new(), String::new(), false));
        assert_eq!(found[1], ("ä".repeat(24), "ö".repeat(50), true));
    }

    #[test]
    fn a_crumb_that_is_being_written_is_passed_over_and_the_others_are_there() {
        let ring = Ring::new();
        for text in ["first", "second", "third"] {
            ring.put(&crumb("app", text));
        }
        // As an interrupted `put` leaves it.
        ring.newest.set(4);
        ring.place(4).unwrap().number.set(0);
        let messages: Vec<String> = left(&ring).into_iter().map(|(_, message, _)| message).collect();
        assert_eq!(messages, ["third", "second", "first"]);
    }
}
