//! Labels that a library in the program sets with an agent that was loaded before it.
//!
//! Runs on: every thread of the program. Must not: allocate.

use super::arena::{self, Entry};
use super::{KEY_BYTES, VALUE_BYTES};
use crate::capture::nesting;
use crate::record::start_of;

/// Puts a label in force. A number for [`remove`], which is not 0.
pub(crate) fn push(key: &str, value: &str, cut: bool) -> u64 {
    nesting::forget_if_landed();
    let entry = arena::push(start_of(key, KEY_BYTES), start_of(value, VALUE_BYTES), cut);
    u64::from(entry.id) << 2 | u64::from(entry.cut) << 1 | 1
}

/// Puts it out of force.
pub(crate) fn remove(number: u64) {
    arena::remove(Entry { id: (number >> 2) as u32, cut: number & 2 != 0 });
    nesting::forget_if_landed();
}
