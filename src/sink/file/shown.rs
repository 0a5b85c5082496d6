//! Which stacks a file has.
//!
//! Runs on: the writer thread. Must not: grow beyond its bound.

use std::collections::{HashSet, VecDeque};

/// Stacks that are not shown again. A reader that keeps as many of each process finds every stack.
const MAX_SHOWN: usize = 256;

/// The stacks that were shown last.
#[derive(Debug, Default)]
pub(super) struct Shown {
    known: HashSet<u64>,
    /// Oldest first.
    order: VecDeque<u64>,
}

impl Shown {
    pub(super) fn has(&self, stack_id: u64) -> bool {
        self.known.contains(&stack_id)
    }

    pub(super) fn add(&mut self, stack_id: u64) {
        if self.known.insert(stack_id) {
            self.order.push_back(stack_id);
        }
        if self.order.len() > MAX_SHOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_shown_again() {
        let mut shown = Shown::default();
        for stack_id in 0..=MAX_SHOWN as u64 {
            assert!(!shown.has(stack_id));
            shown.add(stack_id);
            shown.add(stack_id);
        }
        assert!(!shown.has(0));
        assert!(shown.has(1) && shown.has(MAX_SHOWN as u64));
    }
}
