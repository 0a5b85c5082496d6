//! Labels of the whole process, which can change while it runs.
//!
//! Runs on: any thread outside of a panic (`set`, `remove`), the panicking thread (`generation`: one load),
//! and the writer (`at`). Must not: make the panicking thread take the lock.

use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::sys::fork_lock::ForkCell;

/// Label texts by key.
pub(crate) type Labels = Arc<BTreeMap<String, String>>;

/// Generations that are remembered. Only reports that are on their way need an older one than the last,
/// and these are at most as many as there are slots.
const REMEMBERED: usize = 1024;

/// Generation in force. Written under the lock of [`HISTORY`], read by everyone; generation 0 is no labels.
/// Release when written, Acquire when read: whoever has a generation finds it in the history.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// The last generations, oldest first. Written by `change`, read by `at`. A forked child goes on with a copy.
static HISTORY: ForkCell<VecDeque<(u32, Labels)>> = ForkCell::new();

/// Puts a label on every panic of the process from now on, on all threads, in place of an earlier value.
///
/// A thread's own label with the same key shadows it.
///
/// # Examples
/// ```
/// panic_agent::labels::set_process_label("region", "eu-1");
/// panic_agent::labels::remove_process_label("region");
/// ```
///
/// # Cost
/// Takes a lock and copies the process labels if the value is new; meant for facts that change rarely.
pub fn set_process_label(key: impl Into<String>, value: impl fmt::Display) {
    let (key, value) = (key.into(), value.to_string());
    change(
        |labels| labels.get(&key) != Some(&value),
        |labels| drop(labels.insert(key.clone(), value.clone())),
    );
}

/// Removes a label of the process, if it is set. See [`set_process_label`].
pub fn remove_process_label(key: &str) {
    change(|labels| labels.contains_key(key), |labels| drop(labels.remove(key)));
}

fn change(needed: impl Fn(&BTreeMap<String, String>) -> bool, apply: impl Fn(&mut BTreeMap<String, String>)) {
    let mut history = HISTORY.inherit();
    let history = history.get_or_insert_default();
    let (_, labels) = history.back().cloned().unwrap_or_default();
    if !needed(&labels) {
        return;
    }
    let mut changed = BTreeMap::clone(&labels);
    apply(&mut changed);
    let generation = GENERATION.load(Ordering::Relaxed).wrapping_add(1).max(1);
    if history.len() == REMEMBERED {
        history.pop_front();
    }
    history.push_back((generation, Arc::new(changed)));
    GENERATION.store(generation, Ordering::Release);
}

/// The generation in force.
///
/// # Cost
/// One load.
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Acquire)
}

/// The labels of a generation; `None` when it is forgotten, because more than a thousand changes have come
/// since, or because this process was forked while they were changed or read.
pub(crate) fn at(generation: u32) -> Option<Labels> {
    if generation == 0 {
        return Some(Labels::default());
    }
    find(HISTORY.inherit().as_ref()?, generation)
}

fn find(history: &VecDeque<(u32, Labels)>, generation: u32) -> Option<Labels> {
    // The newest is asked for most.
    history.iter().rev().find(|(known, _)| *known == generation).map(|(_, labels)| Arc::clone(labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, because the labels belong to the process.
    #[test]
    fn a_generation_keeps_its_labels_and_equal_values_make_no_new_one() {
        assert_eq!(at(0).unwrap().len(), 0);
        set_process_label("region", "eu-1");
        let first = generation();
        set_process_label("region", "eu-1");
        assert_eq!(generation(), first);
        set_process_label("region", 2);
        remove_process_label("never set");
        let second = generation();
        remove_process_label("region");
        assert_eq!(at(first).unwrap()["region"], "eu-1");
        assert_eq!(at(second).unwrap()["region"], "2");
        assert!(!at(generation()).unwrap().contains_key("region"));
        for number in 0..REMEMBERED {
            set_process_label("count", number);
        }
        assert_eq!(at(first), None);
        assert_eq!(at(generation()).unwrap()["count"], (REMEMBERED - 1).to_string());
    }
}
