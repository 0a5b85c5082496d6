//! The memory of the slots: a plain run of [`Slot`]s, position independent, zeroed at the start.
//!
//! Runs on: the thread that installs the agent (mapping) and every thread (access).
//! Must not: touch a slot before it is used, so that unused slots take no memory.

use super::slot::Slot;
use crate::error::{Error, ErrorKind};
use crate::sys::mmap::Region;

/// `count` slots, one after the other, from the first byte of the region.
pub(super) struct SlotMemory {
    region: Region,
    count: u32,
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
        Ok(Self { region: Region::zeroed(bytes).map_err(refused)?, count })
    }

    /// The slot with this number.
    pub(super) fn get(&self, index: u32) -> Option<&Slot> {
        if index >= self.count {
            return None;
        }
        let slots = self.region.start().cast::<Slot>();
        // SAFETY: `index < count`, and the region has room for `count` slots.
        let slot = unsafe { slots.add(index as usize) };
        // SAFETY: the region is aligned to a page, lives as long as `self`, started as zeros, which is a
        // valid slot, and is reached only through shared `Slot`s, whose fields are atomics and a cell.
        Some(unsafe { slot.as_ref() })
    }
}
