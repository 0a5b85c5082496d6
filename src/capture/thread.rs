//! Which thread panics: ids, name, detach state.
//!
//! Runs on: the panicking thread ([`identify`]) and the thread that installs the agent ([`prime`]).
//! Must not: ask std for a handle of a thread that std may not know. On such a thread `thread::current`
//! allocates a new handle, and after the end of the thread-locals it panics.

use core::cell::Cell;
use core::fmt::Write as _;
use core::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Thread};

use crate::platform;
use crate::record::{FixedText, RawFlag, RawRecord, ThreadStart, WalkEnd, WalkSource};
use crate::sys::thread as os;

/// std's id of the thread that runs `main`; 0 until [`prime`] was called there. Relaxed: it publishes no
/// other memory.
static MAIN: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// std's id of this thread, once it was asked; 0 before. No destructor, so it can always be read.
    static STD_ID: Cell<u64> = const { Cell::new(0) };
}

/// Asks std about the calling thread, once, while that may allocate.
///
/// Called where the agent is installed. If that is in `main`, later panics of `main` know their thread.
pub(crate) fn prime() {
    let current = thread::current();
    let id = std_id(&current);
    // Only std's own start of `main` gives the first thread this name.
    if os::is_first_thread() && current.name() == Some("main") {
        MAIN.store(id, Ordering::Relaxed);
    }
}

/// Writes what is known of the calling thread. The walk must be in the record already.
///
/// # Cost
/// No allocation, no lock; a system call for the name where std is not asked, and two more the first time on a
/// thread.
pub(crate) fn identify(record: &mut RawRecord) {
    record.pid = os::pid();
    record.tid = os::tid();
    record.detached = os::detach_state() as u8;
    record.std_thread_id = STD_ID.get();
    if platform::std().is_foreign() {
        return identify_foreign(record);
    }
    if os::is_first_thread() {
        let main = MAIN.load(Ordering::Relaxed);
        if main != 0 || record.walk.at_main_start != 0 {
            record.std_thread_id = main;
            record.set_flag(RawFlag::MainThread);
            return record.thread_name.set("main");
        }
    } else if record.walk.thread_start() != ThreadStart::Absent {
        // std's thread start is below us on this stack, so its handle exists: no allocation, no panic.
        let current = thread::current();
        record.std_thread_id = std_id(&current);
        if let Some(name) = current.name() {
            record.thread_name.set(name);
        }
        return;
    } else if saw_the_bottom(record) {
        record.set_flag(RawFlag::ForeignThread);
    }
    let mut buffer = [0; os::OS_NAME_BYTES];
    if let Some(name) = os::os_name(&mut buffer) {
        record.thread_name.set(name);
    }
}

/// The same for a thread of a std that cannot be asked.
fn identify_foreign(record: &mut RawRecord) {
    if os::is_first_thread() {
        record.set_flag(RawFlag::MainThread);
        return record.thread_name.set("main");
    }
    if record.walk.thread_start() == ThreadStart::Absent && saw_the_bottom(record) {
        record.set_flag(RawFlag::ForeignThread);
    }
    let mut buffer = [0; os::OS_NAME_BYTES];
    platform::std().thread_name(os::os_name(&mut buffer), &mut |name| record.thread_name.set(name));
}

/// Whether the walk would have seen std's thread start if it were on the stack.
fn saw_the_bottom(record: &RawRecord) -> bool {
    record.walk.source == WalkSource::Tables as u8 && WalkEnd::from_u8(record.walk.end).is_end_of_stack()
}

/// The number in a `ThreadId`, which std shows only in its `Debug` text; 0 when that has none.
fn std_id(thread: &Thread) -> u64 {
    let known = STD_ID.get();
    if known != 0 {
        return known;
    }
    let mut text = FixedText::<40>::new();
    // Never fails: `FixedText` cuts.
    let _ = write!(text, "{:?}", thread.id());
    let id = number_in(text.as_str());
    STD_ID.set(id);
    id
}

fn number_in(text: &str) -> u64 {
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Box<RawRecord> {
        Box::new(RawRecord::new())
    }

    #[test]
    fn the_number_of_a_thread_id_is_read_from_its_text() {
        assert_eq!(number_in("ThreadId(12)"), 12);
        assert_eq!(number_in("ThreadId"), 0);
        assert_eq!(number_in("ThreadId(99999999999999999999999)"), 0);
        assert_eq!(
            format!("{:?}", thread::current().id()),
            format!("ThreadId({})", std_id(&thread::current()))
        );
    }

    #[test]
    fn a_thread_that_std_started_has_its_whole_name_and_its_id() {
        let name = "a name longer than the system keeps";
        let body = move || {
            let mut record = record();
            record.walk.at_thread_start = 1;
            identify(&mut record);
            assert_eq!(record.thread_name.as_str(), name);
            assert_eq!(record.std_thread_id, std_id(&thread::current()));
            assert_ne!((record.tid, record.pid), (0, 0));
            assert!(!record.has_flag(RawFlag::ForeignThread) && !record.has_flag(RawFlag::MainThread));
        };
        thread::Builder::new().name(name.to_owned()).spawn(body).unwrap().join().unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn only_a_walk_to_the_bottom_makes_a_thread_foreign() {
        let body = || {
            let mut record = record();
            identify(&mut record);
            assert_eq!(record.thread_name.as_str(), "short");
            assert!(!record.has_flag(RawFlag::ForeignThread));
            record.walk.source = WalkSource::Tables as u8;
            record.walk.end = WalkEnd::Bottom as u8;
            identify(&mut record);
            assert!(record.has_flag(RawFlag::ForeignThread));
        };
        thread::Builder::new().name("short".to_owned()).spawn(body).unwrap().join().unwrap();
    }
}
