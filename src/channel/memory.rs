//! The memory of the slots: a plain run of [`Slot`]s, position independent, zeroed at the start. It may be a part
//! of a file, where it outlives the process.
//!
//! Runs on: the thread that installs the agent (mapping) and every thread (access).
//! Must not: touch a slot before it is used, so that unused slots take no memory.

use std::sync::Arc;

use super::slot::Slot;
use crate::error::{Error, ErrorKind};
use crate::sys::mmap::Region;

/// Zeroed memory in which slots may lie.
pub(crate) struct SlotRoom {
    pub(crate) region: Arc<Region>,
    /// Offset of the first slot; a multiple of 64.
    pub(crate) at: usize,
    /// Makes this many bytes of the region usable, from its start; whether that worked. `None`: all are.
    pub(crate) extend: Option<Extend>,
}

/// See [`SlotRoom::extend`].
pub(crate) type Extend = Box<dyn Fn(usize) -> bool + Send + Sync>;

/// `count` slots, one after the other.
pub(super) struct SlotMemory {
    room: SlotRoom,
    count: u32,
    /// Whether somebody else may read the slots later, and wants to know which are whole.
    lasting: bool,
}

impl SlotMemory {
    /// Maps room for this many slots, all of them free and zero.
    ///
    /// # Errors
    /// [`ErrorKind::AllocatePool`] when the system does not give the memory.
    pub(super) fn map(count: u32) -> Result<Self, Error> {
        let refused = |source| {
            let subject = format!("cannot map memory for {count} slots of {} bytes", size_of::<Slot>());
            Error::new(ErrorKind::AllocatePool, subject, "set PANIC_AGENT_SLOTS to a smaller number")
                .with_source(source)
        };
        let bytes = (count as usize).checked_mul(size_of::<Slot>());
        let bytes = bytes.ok_or_else(|| refused(std::io::ErrorKind::OutOfMemory.into()))?;
        let region = Arc::new(Region::zeroed(bytes).map_err(refused)?);
        Ok(Self { room: SlotRoom { region, at: 0, extend: None }, count, lasting: false })
    }

    /// Takes room that lasts longer than the process; `None` when it is too small.
    pub(super) fn within(room: SlotRoom, count: u32) -> Option<Self> {
        let bytes = (count as usize).checked_mul(size_of::<Slot>())?.checked_add(room.at)?;
        let fits = bytes <= room.region.len() && room.at.is_multiple_of(align_of::<Slot>());
        fits.then_some(Self { room, count, lasting: true })
    }

    /// Lets go of the memory of the slots from this number on, where it is that of a file. Slots and what is in them stay.
    pub(super) fn rest_from(&self, index: u32) {
        if self.room.extend.is_some() {
            let at = (index as usize).saturating_mul(size_of::<Slot>()).saturating_add(self.room.at);
            self.room.region.rest_from(at);
        }
    }

    /// Slots that there may be.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Makes the slots below this number usable, where they were not from the start; whether that worked.
    pub(super) fn extend(&self, count: u32) -> bool {
        let bytes =
            (count as usize).checked_mul(size_of::<Slot>()).and_then(|bytes| bytes.checked_add(self.room.at));
        let Some(bytes) = bytes.filter(|bytes| *bytes <= self.room.region.len()) else { return false };
        self.room.extend.as_ref().is_none_or(|extend| extend(bytes))
    }

    /// Whether the slots outlive the process.
    pub(super) fn is_lasting(&self) -> bool {
        self.lasting
    }

    /// The slot with this number.
    pub(super) fn get(&self, index: u32) -> Option<&Slot> {
        if index >= self.count {
            return None;
        }
        // SAFETY: `at` is within the region; that was checked when this was made.
        let slots = unsafe { self.room.region.start().add(self.room.at) }.cast::<Slot>();
        // SAFETY: `index < count`, and the region has room for `count` slots.
        let slot = unsafe { slots.add(index as usize) };
        // SAFETY: the region is aligned to a page, `at` to a slot; it lives as long as `self`, started as zeros, which is a
        // valid slot, and is reached only through shared `Slot`s, whose fields are atomics and a cell.
        Some(unsafe { slot.as_ref() })
    }
}
