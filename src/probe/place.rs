//! A short stack in an event.
//!
//! Runs on: the thread where it happens (write) and the writer (read). Must not: allocate.

/// Return addresses of a [`Place`]. 24 frames reach past std's, tokio's or rayon's own frames into the
/// program in every case that was tried.
const PLACE_FRAMES: usize = 24;

/// A short stack: return addresses, innermost first, without the frames of the probes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    len: u32,
    ips: [u64; PLACE_FRAMES],
}

impl Place {
    /// No stack.
    pub(crate) const fn new() -> Self {
        Self { len: 0, ips: [0; PLACE_FRAMES] }
    }

    /// Forgets the addresses.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Lets `fill` write addresses and tell how many it wrote.
    pub(crate) fn fill(&mut self, fill: impl FnOnce(&mut [u64]) -> usize) {
        let written = fill(&mut self.ips).min(PLACE_FRAMES);
        self.len = written as u32;
    }

    /// The addresses, innermost first; empty when no stack was taken.
    pub(crate) fn ips(&self) -> &[u64] {
        self.ips.get(..(self.len as usize).min(PLACE_FRAMES)).unwrap_or_default()
    }
}
