//! What the panicking thread writes into its slot: fixed size, plain bytes, no pointers that must stay
//! valid.
//!
//! Runs on: the panicking thread (write) and the writer (read). Must not: allocate, panic.

use super::{CRUMB_BYTES, CrumbBytes, FixedText, RawWalk};

/// Bytes of the message that are kept. 2 KiB hold 99 % of `assert_eq!` texts.
pub(crate) const MESSAGE_BYTES: usize = 2048;
/// Bytes of `file` in a location.
pub(crate) const FILE_BYTES: usize = 256;
/// Bytes of the std thread name.
pub(crate) const THREAD_NAME_BYTES: usize = 128;
/// Bytes for all labels of a thread together, keys and values with their length prefixes.
pub(crate) const LABEL_BYTES: usize = 1024;
/// Bytes of the length prefixes of a pair.
const PREFIX_BYTES: usize = 3;
/// Bytes of the payload's type name, when it is known.
pub(crate) const TYPE_NAME_BYTES: usize = 64;

/// One panic as the hook saw it.
#[repr(C)]
pub(crate) struct RawRecord {
    /// Number of the panic in this process, from 1.
    pub(crate) sequence: u64,
    /// Nanoseconds since the Unix epoch.
    pub(crate) wall_ns: u64,
    /// Nanoseconds of the monotonic clock.
    pub(crate) mono_ns: u64,
    /// `ThreadId` of std as a number, 0 when it is not known.
    pub(crate) std_thread_id: u64,
    pub(crate) pid: u32,
    /// OS thread id.
    pub(crate) tid: u32,
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// Set of [`RawFlag`].
    pub(crate) flags: u32,
    /// Generation of the process-wide labels in force; the writer keeps the texts.
    pub(crate) process_labels: u32,
    /// Generation of the image snapshot the walk used.
    pub(crate) images: u32,
    /// Panics of this thread that were still unwinding when this one began; the innermost open one.
    /// 0 when there is none or it cannot be told.
    pub(crate) nested_in: u32,
    pub(crate) payload: u8,
    /// [`super::DetachState`] as `u8`.
    pub(crate) detached: u8,
    pub(crate) _reserved: [u8; 6],
    pub(crate) type_name: FixedText<TYPE_NAME_BYTES>,
    pub(crate) thread_name: FixedText<THREAD_NAME_BYTES>,
    pub(crate) file: FixedText<FILE_BYTES>,
    pub(crate) message: FixedText<MESSAGE_BYTES>,
    pub(crate) labels: LabelBytes,
    pub(crate) walk: RawWalk,
    pub(crate) crumbs: CrumbBytes,
}

const _: () =
    assert!(size_of::<RawRecord>() <= 6 * 1024 + CRUMB_BYTES, "a slot stays within 6 KiB and the crumbs");

impl RawRecord {
    /// A record of nothing. Large: not for the stack of a panicking thread.
    pub(crate) const fn new() -> Self {
        Self {
            sequence: 0,
            wall_ns: 0,
            mono_ns: 0,
            std_thread_id: 0,
            pid: 0,
            tid: 0,
            line: 0,
            column: 0,
            flags: 0,
            process_labels: 0,
            images: 0,
            nested_in: 0,
            payload: PayloadKind::Unknown as u8,
            detached: 0,
            _reserved: [0; 6],
            type_name: FixedText::new(),
            thread_name: FixedText::new(),
            file: FixedText::new(),
            message: FixedText::new(),
            labels: LabelBytes::new(),
            walk: RawWalk::new(),
            crumbs: CrumbBytes::new(),
        }
    }

    /// An empty record on the heap, made there.
    pub(crate) fn boxed() -> Box<Self> {
        const EMPTY: RawRecord = RawRecord::new();
        Box::new(EMPTY)
    }

    /// Forgets everything without touching the large arrays.
    ///
    /// # Cost
    /// A few dozen stores.
    pub(crate) fn clear(&mut self) {
        self.sequence = 0;
        self.wall_ns = 0;
        self.mono_ns = 0;
        self.std_thread_id = 0;
        self.pid = 0;
        self.tid = 0;
        self.line = 0;
        self.column = 0;
        self.flags = 0;
        self.process_labels = 0;
        self.images = 0;
        self.nested_in = 0;
        self.payload = PayloadKind::Unknown as u8;
        self.detached = 0;
        self.type_name.clear();
        self.thread_name.clear();
        self.file.clear();
        self.message.clear();
        self.labels.clear();
        self.walk.clear();
        self.crumbs.clear();
    }

    /// Sets one flag.
    pub(crate) fn set_flag(&mut self, flag: RawFlag) {
        self.flags |= flag as u32;
    }

    /// Whether a flag is set.
    pub(crate) fn has_flag(&self, flag: RawFlag) -> bool {
        self.flags & flag as u32 != 0
    }
}

/// Facts about a record that are either true or not.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawFlag {
    /// The thread is the one that runs Rust's `main`.
    MainThread = 1,
    /// The thread has no Rust handle (created by C), or its thread-locals are gone.
    ForeignThread = 1 << 1,
    /// Some labels did not fit.
    LabelsTruncated = 1 << 2,
    /// `PanicHookInfo::location` gave nothing.
    NoLocation = 1 << 3,
    /// core's "panic in a function that cannot unwind".
    CannotUnwind = 1 << 4,
    /// core's "panic in a destructor during cleanup".
    InCleanup = 1 << 5,
    /// The hook will wait until this report is on disk, because the process is predicted to die.
    Waiting = 1 << 6,
    /// The thread's own labels could not be read.
    NoLabels = 1 << 8,
    /// The payload's message came from a registered payload type.
    ExtractedMessage = 1 << 9,
    /// The thread was already unwinding another panic when this one was raised.
    Nested = 1 << 11,
    /// No hook was called: the raise probe made this record (`resume_unwind`, or the hook was replaced).
    NoHook = 1 << 12,
    /// Not a panic of its own: the payload of panic `sequence` is thrown once more, from this stack.
    Hop = 1 << 13,
    /// A wrapper of this crate encloses the panic on its thread.
    Wrapped = 1 << 14,
    /// The program asked for no console output of this panic.
    Silent = 1 << 15,
    /// The request that the thread works for is over.
    Late = 1 << 16,
    /// The raise probe made this record, and hooks are the business of a std that the agent does not know.
    HookUnknown = 1 << 20,
    /// The stack shows that of the earlier panics of this thread none is unwinding on it but `nested_in` and those around
    /// that.
    NothingElseUnwinds = 1 << 21,
}

/// What kind of payload the panic carries.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PayloadKind {
    /// Neither a text nor a registered type.
    Unknown = 0,
    /// `&'static str`.
    Str = 1,
    /// `String`.
    String = 2,
    /// A type that the user registered; its name is in `type_name`.
    Registered = 3,
}

super::read_back!(PayloadKind: Str, String, Registered; otherwise Unknown);

/// Labels as length-prefixed pairs: `key_len: u8, value_len: u16 (little endian), key, value`, outermost
/// scope first. Later pairs shadow earlier ones with the same key.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct LabelBytes {
    len: u32,
    bytes: [u8; LABEL_BYTES],
}

impl LabelBytes {
    pub(crate) const fn new() -> Self {
        Self { len: 0, bytes: [0; LABEL_BYTES] }
    }

    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Bytes in use.
    pub(crate) fn len(&self) -> usize {
        (self.len as usize).min(LABEL_BYTES)
    }

    /// The encoded pairs.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }

    /// Exchanges the pairs of two, touching no more bytes than they have.
    pub(crate) fn exchange(&mut self, other: &mut Self) {
        let used = self.len().max(other.len());
        if let (Some(these), Some(those)) = (self.bytes.get_mut(..used), other.bytes.get_mut(..used)) {
            these.swap_with_slice(those);
        }
        core::mem::swap(&mut self.len, &mut other.len);
    }

    /// What lies in memory; `None` when the length is beyond the bytes.
    pub(crate) fn from_parts(len: u32, bytes: [u8; LABEL_BYTES]) -> Option<Self> {
        (len as usize <= LABEL_BYTES).then_some(Self { len, bytes })
    }

    /// Copies pairs that are already encoded; `false` when they do not fit (then nothing is copied).
    pub(crate) fn extend_encoded(&mut self, encoded: &[u8]) -> bool {
        let start = self.len();
        match self.bytes.get_mut(start..start.saturating_add(encoded.len())) {
            Some(room) => {
                room.copy_from_slice(encoded);
                self.len = self.len.saturating_add(encoded.len() as u32);
                true
            }
            None => false,
        }
    }

    /// Appends one pair; `false` when it does not fit or a part is too long (then nothing is kept).
    pub(crate) fn push(&mut self, key: &str, value: &str) -> bool {
        let (Ok(key_len), Ok(value_len)) = (u8::try_from(key.len()), u16::try_from(value.len())) else {
            return false;
        };
        let before = self.len;
        let [low, high] = value_len.to_le_bytes();
        let whole = self.extend_encoded(&[key_len, low, high])
            && self.extend_encoded(key.as_bytes())
            && self.extend_encoded(value.as_bytes());
        if !whole {
            self.len = before;
        }
        whole
    }

    /// Bytes that a value may have for a pair with this key to fit; `None` when not even the key fits.
    pub(crate) fn room_for_value(&self, key: &str) -> Option<usize> {
        LABEL_BYTES.checked_sub(self.len())?.checked_sub(PREFIX_BYTES)?.checked_sub(key.len())
    }

    /// Takes out the pair with this number, counted from the outermost.
    pub(crate) fn remove(&mut self, index: usize) {
        let len = self.len();
        let Some(start) = (0..index).try_fold(0, |at, _| self.end_of_pair(at)) else { return };
        let Some(end) = self.end_of_pair(start) else { return };
        self.bytes.copy_within(end..len, start);
        self.len = self.len.saturating_sub(end.saturating_sub(start) as u32);
    }

    /// Where the pair that begins here ends; `None` when no whole pair does.
    fn end_of_pair(&self, start: usize) -> Option<usize> {
        let (&[key_len, low, high], tail) = self.as_bytes().get(start..)?.split_first_chunk::<3>()?;
        let pair = usize::from(key_len).saturating_add(usize::from(u16::from_le_bytes([low, high])));
        (pair <= tail.len()).then(|| start.saturating_add(PREFIX_BYTES).saturating_add(pair))
    }

    /// The pairs, outermost first. A damaged tail ends the iteration.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = self.as_bytes();
        core::iter::from_fn(move || {
            let (&[key_len, low, high], tail) = rest.split_first_chunk::<3>()?;
            let (key, tail) = tail.split_at_checked(usize::from(key_len))?;
            let (value, tail) = tail.split_at_checked(usize::from(u16::from_le_bytes([low, high])))?;
            rest = tail;
            Some((core::str::from_utf8(key).ok()?, core::str::from_utf8(value).ok()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_pairs_come_back_in_order_and_a_pair_too_long_leaves_nothing() {
        let mut labels = LabelBytes::new();
        assert!(labels.push("task", "sync"));
        assert!(labels.push("empty", ""));
        let long = "x".repeat(LABEL_BYTES);
        assert!(!labels.push("long", &long));
        let pairs: Vec<_> = labels.pairs().collect();
        assert_eq!(pairs, [("task", "sync"), ("empty", "")]);
    }
}
