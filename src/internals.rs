//! Access to internals for this package's own tests, fuzz targets and benches. Not an interface.
//!
//! Runs on: every thread. Must not: be relied upon by programs.

/// The stack walk.
#[cfg(panic_agent_tables)]
pub mod stack {
    use core::ops::ControlFlow;

    use crate::capture::stack;
    use crate::record::{EhAction, RawWalk, WalkEnd, WalkSource};
    use crate::sys::system_unwinder;

    /// A walk, and what was concluded from it.
    #[derive(Clone)]
    pub struct Walk(RawWalk);

    impl Default for Walk {
        fn default() -> Self {
            Self::new()
        }
    }

    impl Walk {
        /// An empty walk.
        pub const fn new() -> Self {
            Self(RawWalk::new())
        }

        /// Walks this stack; `anchor` is the address of the hook's argument, or 0.
        pub fn take(&mut self, anchor: usize, max_frames: usize) {
            stack::walk(&mut self.0, anchor, max_frames);
        }

        /// Kept addresses.
        pub fn ips(&self) -> &[u64] {
            self.0.ips()
        }

        /// Actions of the kept frames.
        pub fn actions(&self) -> impl Iterator<Item = EhAction> + '_ {
            self.0.actions().iter().map(|action| EhAction::from_u8(*action))
        }

        /// The frame at which the search began.
        pub fn search_start(&self) -> u32 {
            self.0.search_start
        }

        /// Frames that were walked.
        pub fn walked(&self) -> u32 {
            self.0.walked
        }

        /// The stopper's index and action.
        pub fn stopper(&self) -> Option<(u32, EhAction)> {
            Some((self.0.stopper()?, EhAction::from_u8(self.0.stop_action)))
        }

        /// Address of the stopper.
        pub fn stopper_ip(&self) -> u64 {
            self.0.stopper_ip()
        }

        /// Whether the stopper is the outermost catch that was seen.
        pub fn stops_at_outermost_catch(&self) -> bool {
            self.0.stopper().is_some() && self.0.stopper == self.0.outermost_catch
        }

        /// Whether the stopper is the root of a std thread.
        pub fn at_thread_start(&self) -> bool {
            self.0.at_thread_start == 1 && self.stops_at_outermost_catch()
        }

        /// Whether the stopper is the root of `main`.
        pub fn at_main_start(&self) -> bool {
            self.0.at_main_start == 1
        }

        /// Why the walk ended.
        pub fn end(&self) -> &'static str {
            match WalkEnd::from_u8(self.0.end) {
                WalkEnd::NotWalked => "not_walked",
                WalkEnd::Bottom => "bottom",
                WalkEnd::StopperFound => "stopper_found",
                WalkEnd::NoUnwindInfo => "no_unwind_info",
                WalkEnd::Broken => "broken",
                WalkEnd::TooDeep => "too_deep",
                WalkEnd::UnknownImage => "unknown_image",
            }
        }

        /// Whether the agent's own walk did it.
        pub fn by_tables(&self) -> bool {
            self.0.source == WalkSource::Tables as u8
        }
    }

    /// See [`stack::prepare`].
    pub fn prepare() {
        stack::prepare();
    }

    /// See `image::refresh`.
    pub fn refresh() -> bool {
        crate::image::refresh()
    }

    /// See [`stack::learn_thread_start`].
    pub fn learn_thread_start() -> bool {
        stack::learn_thread_start()
    }

    /// See [`stack::learn_main_start`].
    pub fn learn_main_start() -> bool {
        stack::learn_main_start()
    }

    /// Frames of this stack that the system's unwinder counts, for comparison.
    pub fn count_with_system() -> usize {
        let mut frames = 0;
        system_unwinder::trace(&mut |frame| {
            frames += usize::from(frame.ip != 0);
            ControlFlow::Continue(())
        });
        frames
    }
}

/// The table readers over bytes: one function per fuzz target. Each must return for any input.
#[cfg(panic_agent_tables)]
pub mod tables {
    use crate::unwind::{EhFrameHdr, Entry, Fde, Personality, Section, extent, find_action, rule_at};

    /// Address that the bytes are taken to begin at; offsets in the input are counted from it.
    const ADDRESS: u64 = 0x10_0000;

    /// `.eh_frame_hdr`: the first eight bytes are the address that is looked up.
    pub fn eh_frame_hdr(input: &[u8]) {
        let Some((address, bytes)) = input.split_first_chunk::<8>() else { return };
        if let Ok(hdr) = EhFrameHdr::parse(Section::new(ADDRESS, bytes)) {
            let candidate = hdr.fde_candidate(u64::from_le_bytes(*address));
            assert!(candidate.is_none_or(|fde| hdr.entries().any(|(_, entry)| entry == fde)));
        }
    }

    /// `.eh_frame`: every entry in order, and the rule at the ends of each function.
    pub fn eh_frame(input: &[u8]) {
        let section = Section::new(ADDRESS, input);
        let mut address = ADDRESS;
        while let Ok(Some(entry)) = Entry::at(section, address) {
            if let Ok(fde) = Fde::parse(section, &entry) {
                let _either = rule_at(&fde, fde.start);
                let _either = rule_at(&fde, fde.end.saturating_sub(1));
            }
            assert!(entry.next > address, "every entry has a length");
            address = entry.next;
        }
    }

    /// An LSDA: the first byte is the personality, the second the offset of the call in the function.
    pub fn lsda(input: &[u8]) {
        let [personality, offset, bytes @ ..] = input else { return };
        let personality = match personality % 4 {
            0 => Personality::Rust,
            1 => Personality::Cxx,
            2 => Personality::C,
            _ => Personality::Other,
        };
        let function = 0x2000;
        let section = Section::new(ADDRESS, bytes);
        let action = find_action(section, ADDRESS, function, function + u64::from(*offset), personality);
        assert!(personality != Personality::C || !action.is_ok_and(|action| action.stops()));
        let _either = extent(section, ADDRESS, function);
    }
}

/// The spool reader, for its fuzz target.
#[cfg(panic_agent_spool)]
pub mod spool {
    /// Reads a spool in its compact form (see `src/spool/fuzzing.rs`), and writes the lines of everything in it.
    /// Returns for any bytes.
    pub fn read_and_write(input: &[u8]) {
        crate::spool::fuzzing::read_and_write(input);
    }
}
