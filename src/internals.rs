//! Access to internals for this package's own tests, fuzz targets and benches. Not an interface.
//!
//! Runs on: every thread. Must not: be relied upon by programs.

/// The stack walk.
#[cfg(panic_agent_tables)]
pub mod stack {
    use core::ops::ControlFlow;

    use crate::capture::stack;
    use crate::record::{EhAction, RawWalk, ThreadStart, WalkEnd, WalkSource};
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

        /// Whether the stopper is the outermost catch of a std thread.
        pub fn at_thread_start(&self) -> bool {
            self.0.thread_start() != ThreadStart::Absent && self.stops_at_outermost_catch()
        }

        /// Whether that is the root of the thread, and not the catch around its result.
        pub fn at_thread_root(&self) -> bool {
            let call = self.stopper_ip().wrapping_sub(1);
            let is_closure = || crate::image::current()?.is_called_through_vtable(call);
            let is_root = match self.0.thread_start() {
                ThreadStart::CallsCatch => is_closure() == Some(true),
                start => start == ThreadStart::LikeOwn,
            };
            is_root && self.stops_at_outermost_catch()
        }

        /// Whether the stopper is the root of `main`.
        pub fn at_main_start(&self) -> bool {
            self.0.at_main_start == 1
        }

        /// Why the walk ended.
        pub fn end(&self) -> &'static str {
            WalkEnd::from_u8(self.0.end).word()
        }

        /// Whether the agent's own walk did it.
        pub fn by_tables(&self) -> bool {
            self.0.source == WalkSource::Tables as u8
        }
    }

    /// See `stack::prepare`.
    pub fn prepare() {
        stack::prepare();
    }

    /// See `image::refresh`.
    pub fn refresh() -> bool {
        crate::image::refresh()
    }

    /// See `stack::learn_thread_start`.
    pub fn learn_thread_start() -> bool {
        stack::learn_thread_start()
    }

    /// See `stack::learn_main_start`.
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
        let action = find_action(&section, ADDRESS, function, function + u64::from(*offset), personality);
        assert!(personality != Personality::C || !action.is_ok_and(|action| action.stops()));
        let _either = extent(&section, ADDRESS);
    }
}

/// The probes by themselves.
pub use crate::probe::testing as probes;

/// Makes the process one whose panics are attributed to the tests of its harness, as an audit does.
pub fn audited(builder: crate::AgentBuilder) -> crate::AgentBuilder {
    builder.harness(crate::config::Harness::Audited)
}

/// Labels in force on this thread as `key=value`, outermost first.
pub fn labels_in_force() -> Vec<String> {
    crate::capture::labels::in_force()
}

/// The spool reader, for its fuzz target.
#[cfg(panic_agent_spool)]
pub mod spool {
    /// Reads a spool in its compact form (see `src/recovery/fuzzing.rs`), and writes the lines of everything in it.
    /// Returns for any bytes.
    pub fn read_and_write(input: &[u8]) {
        crate::recovery::fuzzing::read_and_write(input);
    }
}

/// Failures of system calls on demand, for the whole process.
pub mod faults {
    use crate::sys::faults::{Call, Fault, Plan, calls as plan_calls, fired as plan_fired, on_process};

    /// Kinds of calls, and how [`fail`] spells them.
    const KINDS: [(&str, Call); 12] = [
        ("open", Call::Open),
        ("write", Call::Write),
        ("read", Call::Read),
        ("stat", Call::Stat),
        ("rename", Call::Rename),
        ("unlink", Call::Unlink),
        ("lock", Call::Lock),
        ("list", Call::List),
        ("ftruncate", Call::Ftruncate),
        ("mmap", Call::Mmap),
        ("link", Call::Link),
        ("sync", Call::Sync),
    ];

    /// The spellings of all kinds.
    pub fn kinds() -> [&'static str; 12] {
        KINDS.map(|(name, _)| name)
    }

    /// From the `nth` call of this kind on: that one fails with `errno`, and with `for_ever` all later ones, too. With
    /// `half`, a write takes half of its bytes first. `false` for a kind that is not known.
    pub fn fail(call: &str, nth: u32, errno: i32, half: bool, for_ever: bool) -> bool {
        let Some((_, call)) = KINDS.into_iter().find(|(name, _)| *name == call) else { return false };
        let fault = if half { Fault::HalfThen(errno) } else { Fault::Errno(errno) };
        on_process(Plan { call, nth, fault, for_ever });
        true
    }

    /// Calls that failed so far.
    pub fn fired() -> u64 {
        plan_fired()
    }

    /// Calls of the kind so far.
    pub fn calls() -> u32 {
        plan_calls()
    }
}

/// The reader of lines over bytes. Must return for any input.
pub mod lines {
    use std::io::BufReader;

    use crate::record::{LineContent, LineReader};

    /// The first byte is the size of the reader's buffer, the second the longest line in units of 16 bytes.
    pub fn read(input: &[u8]) {
        let [buffer, longest, bytes @ ..] = input else { return };
        let input = BufReader::with_capacity(usize::from(*buffer).max(1), bytes);
        let most = (usize::from(*longest) * 16).max(1);
        let mut end = 0;
        for line in LineReader::new(input).max_bytes(most) {
            let Ok(line) = line else { unreachable!("memory can be read") };
            let (from, to) = (line.offset as usize, (line.offset + line.len) as usize);
            assert!(from >= end && line.len > 0, "in order, and nothing twice");
            let between = bytes.get(end..from).unwrap_or_default();
            assert!(between.iter().all(|byte| *byte == b'\n'), "only newlines are left out");
            let text = bytes.get(from..to).unwrap_or_default();
            assert!(text.len() as u64 == line.len && !text.contains(&b'\n'));
            let is_json = serde_json::from_slice::<serde_json::Value>(text).is_ok();
            // What stands before a line that was found behind it is damaged, whatever it is by itself.
            let ended = bytes.get(to).is_none_or(|byte| *byte == b'\n');
            match line.content {
                LineContent::Damaged(_) => {
                    assert!(!is_json || !ended || text.len() > most, "a whole line is read")
                }
                _ => assert!(is_json),
            }
            end = to;
        }
        assert!(
            bytes.get(end..).unwrap_or_default().iter().all(|byte| *byte == b'\n'),
            "nothing is left over"
        );
    }
}
