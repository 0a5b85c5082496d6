//! What fails in tests, by a plan of the process or of one thread.
//!
//! Runs on: every thread that works on files. Must not: allocate or lock, so that a call may stand anywhere.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::io;
use std::sync::OnceLock;

use super::Call;

/// What a call that fails says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This `errno`.
    Errno(i32),
    /// A write takes half of the bytes, and the one after it fails with this `errno`. Other calls fail at once.
    HalfThen(i32),
}

/// Which calls fail, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) call: Call,
    /// Counted from 1.
    pub(crate) nth: u32,
    pub(crate) fault: Fault,
    /// Whether all later calls fail, too.
    pub(crate) for_ever: bool,
}

thread_local! {
    /// The plan of this thread, with the calls so far and those that failed. No destructor.
    static THREAD: Cell<Option<(Plan, u32, u32)>> = const { Cell::new(None) };
}

/// The plan of the process. Set by [`on_process`] before the calls it is about.
static PROCESS: OnceLock<Plan> = OnceLock::new();
/// Calls of its kind so far.
static CALLS: AtomicU32 = AtomicU32::new(0);
/// Those that failed.
static FIRED: AtomicU64 = AtomicU64::new(0);

/// For tests of this crate. Sets the plan of this thread; gives how many calls failed under the one before.
#[cfg(test)]
pub(crate) fn on_thread(plan: Option<Plan>) -> u32 {
    let before = THREAD.replace(plan.map(|plan| (plan, 0, 0)));
    before.map_or(0, |(_, _, fired)| fired)
}

/// Sets the plan of the process, once.
pub(crate) fn on_process(plan: Plan) {
    PROCESS.get_or_init(|| plan);
}

/// Calls that failed under the plan of the process.
pub(crate) fn fired() -> u64 {
    FIRED.load(Ordering::SeqCst)
}

/// Calls of the plan's kind so far, failed ones included.
pub(crate) fn calls() -> u32 {
    CALLS.load(Ordering::SeqCst)
}

/// Fails when a plan says so. Stands before the call that it is about.
///
/// # Errors
/// What the plan asks for.
pub(crate) fn check(call: Call) -> io::Result<()> {
    match next(call) {
        None => Ok(()),
        Some(Fault::Errno(errno) | Fault::HalfThen(errno)) => Err(io::Error::from_raw_os_error(errno)),
    }
}

/// How many of `len` bytes the next write may take.
///
/// # Errors
/// What the plan asks for.
pub(crate) fn write_limit(len: usize) -> io::Result<usize> {
    match next(Call::Write) {
        None => Ok(len),
        Some(Fault::Errno(errno)) => Err(io::Error::from_raw_os_error(errno)),
        Some(Fault::HalfThen(_)) => Ok(len.div_ceil(2)),
    }
}

fn next(call: Call) -> Option<Fault> {
    of_thread(call).or_else(|| of_process(call))
}

fn of_thread(call: Call) -> Option<Fault> {
    let (plan, calls, fired) = THREAD.get().filter(|(plan, ..)| plan.call == call)?;
    let calls = calls.saturating_add(1);
    let fault = verdict(plan, calls);
    THREAD.set(Some((plan, calls, fired.saturating_add(u32::from(fault.is_some())))));
    fault
}

fn of_process(call: Call) -> Option<Fault> {
    let plan = *PROCESS.get().filter(|plan| plan.call == call)?;
    let fault = verdict(plan, CALLS.fetch_add(1, Ordering::SeqCst).saturating_add(1));
    if fault.is_some() {
        FIRED.fetch_add(1, Ordering::SeqCst);
    }
    fault
}

/// What becomes of the call with this number.
fn verdict(plan: Plan, number: u32) -> Option<Fault> {
    let after = number.checked_sub(plan.nth)?;
    match plan.fault {
        Fault::HalfThen(errno) if after == 1 => Some(Fault::Errno(errno)),
        fault if after == 0 => Some(fault),
        Fault::Errno(errno) | Fault::HalfThen(errno) if plan.for_ever => Some(Fault::Errno(errno)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_that_was_named_fails_and_no_other() {
        let plan = Plan { call: Call::Rename, nth: 2, fault: Fault::Errno(5), for_ever: false };
        on_thread(Some(plan));
        let said: Vec<bool> = (0..4).map(|_| check(Call::Rename).is_ok()).collect();
        assert_eq!(said, [true, false, true, true]);
        assert!(check(Call::Open).is_ok());
        assert_eq!(on_thread(Some(Plan { for_ever: true, ..plan })), 1);
        let said: Vec<bool> = (0..4).map(|_| check(Call::Rename).is_ok()).collect();
        assert_eq!(said, [true, false, false, false]);
        on_thread(None);
    }

    #[test]
    fn a_write_is_halved_and_then_fails() {
        on_thread(Some(Plan { call: Call::Write, nth: 1, fault: Fault::HalfThen(28), for_ever: false }));
        assert_eq!(write_limit(9).unwrap(), 5);
        assert_eq!(write_limit(4).unwrap_err().raw_os_error(), Some(28));
        assert_eq!(write_limit(4).unwrap(), 4);
        assert_eq!(on_thread(None), 2);
    }
}
