//! Reads a record out of bytes that may be anything.
//!
//! Runs on: whoever reads a spool. Must not: panic; take a number at its word.

use core::mem::offset_of;

use super::{CRUMB_BYTES, CrumbBytes, FixedText, LANDING_FRAMES, LabelBytes, MAX_FRAMES, RawRecord, RawWalk};

/// Bytes of one record.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..)?.first_chunk::<N>().copied()
    }

    fn u8(&self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_ne_bytes)
    }

    fn u64(&self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_ne_bytes)
    }

    fn u64s<const N: usize>(&self, at: usize) -> Option<[u64; N]> {
        let mut words = [0; N];
        for (number, word) in words.iter_mut().enumerate() {
            *word = self.u64(at + 8 * number)?;
        }
        Some(words)
    }

    /// See [`FixedText`] for the layout.
    fn text<const N: usize>(&self, at: usize) -> Option<FixedText<N>> {
        FixedText::from_parts(self.u32(at)?, self.u32(at + 4)?, self.array(at + 8)?)
    }

    fn labels(&self, at: usize) -> Option<LabelBytes> {
        LabelBytes::from_parts(self.u32(at)?, self.array(at + 4)?)
    }

    /// None in a record of a build without breadcrumbs.
    fn crumbs(&self, at: usize) -> Option<CrumbBytes> {
        CrumbBytes::from_bytes(self.0.get(at..)?)
    }

    fn walk(&self, at: usize) -> Option<RawWalk> {
        let walk = RawWalk {
            len: self.u32(at + offset_of!(RawWalk, len))?,
            walked: self.u32(at + offset_of!(RawWalk, walked))?,
            stopper: self.u32(at + offset_of!(RawWalk, stopper))?,
            outermost_catch: self.u32(at + offset_of!(RawWalk, outermost_catch))?,
            search_start: self.u32(at + offset_of!(RawWalk, search_start))?,
            stop_action: self.u8(at + offset_of!(RawWalk, stop_action))?,
            end: self.u8(at + offset_of!(RawWalk, end))?,
            source: self.u8(at + offset_of!(RawWalk, source))?,
            at_thread_start: self.u8(at + offset_of!(RawWalk, at_thread_start))?,
            at_main_start: self.u8(at + offset_of!(RawWalk, at_main_start))?,
            landing_len: self.u8(at + offset_of!(RawWalk, landing_len))?,
            _reserved: [0; 2],
            landing: self.u64s(at + offset_of!(RawWalk, landing))?,
            ips: self.u64s(at + offset_of!(RawWalk, ips))?,
            actions: self.array(at + offset_of!(RawWalk, actions))?,
        };
        let fits = walk.len as usize <= MAX_FRAMES && usize::from(walk.landing_len) <= LANDING_FRAMES;
        fits.then_some(walk)
    }
}

impl RawRecord {
    /// Bytes of a record of a build without breadcrumbs.
    pub(crate) const WITHOUT_CRUMBS: usize = size_of::<Self>() - CRUMB_BYTES;

    /// The record that these bytes are, as the same build of the agent laid it out in memory, or one without breadcrumbs.
    /// `None` when they are too few or their numbers are impossible. Whether they are whole is for the checksum to say.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Box<Self>> {
        let bytes = Bytes(bytes.get(..size_of::<Self>()).or_else(|| bytes.get(..Self::WITHOUT_CRUMBS))?);
        Some(Box::new(Self {
            sequence: bytes.u64(offset_of!(Self, sequence))?,
            wall_ns: bytes.u64(offset_of!(Self, wall_ns))?,
            mono_ns: bytes.u64(offset_of!(Self, mono_ns))?,
            std_thread_id: bytes.u64(offset_of!(Self, std_thread_id))?,
            pid: bytes.u32(offset_of!(Self, pid))?,
            tid: bytes.u32(offset_of!(Self, tid))?,
            line: bytes.u32(offset_of!(Self, line))?,
            column: bytes.u32(offset_of!(Self, column))?,
            flags: bytes.u32(offset_of!(Self, flags))?,
            process_labels: bytes.u32(offset_of!(Self, process_labels))?,
            images: bytes.u32(offset_of!(Self, images))?,
            nested_in: bytes.u32(offset_of!(Self, nested_in))?,
            payload: bytes.u8(offset_of!(Self, payload))?,
            detached: bytes.u8(offset_of!(Self, detached))?,
            _reserved: [0; 6],
            type_name: bytes.text(offset_of!(Self, type_name))?,
            thread_name: bytes.text(offset_of!(Self, thread_name))?,
            file: bytes.text(offset_of!(Self, file))?,
            message: bytes.text(offset_of!(Self, message))?,
            labels: bytes.labels(offset_of!(Self, labels))?,
            walk: bytes.walk(offset_of!(Self, walk))?,
            crumbs: bytes.crumbs(offset_of!(Self, crumbs))?,
        }))
    }
}
