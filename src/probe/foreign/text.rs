//! Compares two functions of which one may be another copy of the other.
//!
//! Runs on: any thread. Must not: allocate, lock, panic; read outside the segments of loaded images.

use core::ops::Range;

use super::segments;

/// Of a hundred bytes of two copies, those that must be equal: what differs are the distances to other functions
/// and data, four bytes in each instruction that has one.
const ALIKE: usize = 60;

/// Whether two functions are the same code at two places. Each is one that runs on this thread, or the agent's own: the
/// table of segments may be older than a `dlclose`, but the images of such functions are still loaded.
pub(super) fn is_like(one: &Range<u64>, other: &Range<u64>) -> bool {
    let len =
        |range: &Range<u64>| range.end.checked_sub(range.start).and_then(|len| usize::try_from(len).ok());
    let (Some(length), Some(second)) = (len(one), len(other)) else { return false };
    if length == 0 || length != second {
        return false;
    }
    let (one, other) = (one.start as usize, other.start as usize);
    if !segments::is_readable(one, length) || !segments::is_readable(other, length) {
        return false;
    }
    let byte = |start: usize, index: usize| {
        let place = core::ptr::with_exposed_provenance::<u8>(start.wrapping_add(index));
        // SAFETY: the whole function lies in a segment that was readable when the table was made, and that its image is
        // loaded is the caller's choice of functions, as above.
        unsafe { place.read_volatile() }
    };
    let equal = (0..length).filter(|index| byte(one, *index) == byte(other, *index)).count();
    equal.saturating_mul(100) >= length.saturating_mul(ALIKE)
}
