//! Where reports wait for the wrappers that caught their panics.
//!
//! Runs on: the writer thread (`put`), and threads of the program outside of a hook (the rest). Must not: hold
//! more reports that nobody has asked for than [`UNCLAIMED`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::record::Report;

/// Reports kept for wrappers that have not caught their panic yet. A landing follows its hook within
/// microseconds, so a few are enough.
const UNCLAIMED: usize = 64;

/// What became of a report.
#[derive(Clone, Debug, Default)]
pub(crate) enum Delivery {
    /// Not yet.
    #[default]
    Awaited,
    /// It is here.
    Report(Arc<Report>),
    /// It has no line, and never will.
    None,
}

/// A place for one report, which its owner keeps.
#[derive(Debug, Default)]
pub(crate) struct Pigeonhole {
    delivery: Mutex<Delivery>,
    delivered: Condvar,
}

impl Pigeonhole {
    fn put(&self, delivery: Delivery) {
        *self.delivery.lock() = delivery;
        self.delivered.notify_all();
    }

    /// What is here, after at most this long.
    pub(crate) fn wait(&self, deadline: Duration) -> Delivery {
        let mut delivery = self.delivery.lock();
        let is_awaited = |delivery: &mut Delivery| matches!(delivery, Delivery::Awaited);
        // What is here says whether it came in time.
        let _in_time = self.delivered.wait_while_for(&mut delivery, is_awaited, deadline);
        delivery.clone()
    }
}

/// Reports and places for them, by the number of the panic.
#[derive(Debug, Default)]
pub(crate) struct Board {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    awaited: BTreeMap<u64, Arc<Pigeonhole>>,
    unclaimed: VecDeque<(u64, Delivery)>,
}

impl Board {
    /// Writer: what became of the report of a panic that a wrapper encloses.
    pub(crate) fn put(&self, sequence: u64, delivery: Delivery) {
        let mut state = self.state.lock();
        if let Some(place) = state.awaited.remove(&sequence) {
            return place.put(delivery);
        }
        if state.unclaimed.len() == UNCLAIMED {
            // Caught by somebody else, most likely.
            state.unclaimed.pop_front();
        }
        state.unclaimed.push_back((sequence, delivery));
    }

    /// A place for the report of this panic, which may be there already.
    pub(crate) fn await_report(&self, sequence: u64) -> Arc<Pigeonhole> {
        let mut state = self.state.lock();
        let place = state.awaited.get(&sequence).cloned().unwrap_or_default();
        let known = state.unclaimed.iter().position(|(known, _)| *known == sequence);
        match known.and_then(|at| state.unclaimed.remove(at)) {
            Some((_, delivery)) => place.put(delivery),
            None => _ = state.awaited.insert(sequence, place.clone()),
        }
        place
    }

    /// Nobody asks for this report any more.
    pub(crate) fn forget(&self, sequence: u64, place: &Arc<Pigeonhole>) {
        if !matches!(*place.delivery.lock(), Delivery::Awaited) {
            return;
        }
        let mut state = self.state.lock();
        if state.awaited.get(&sequence).is_some_and(|known| Arc::ptr_eq(known, place)) {
            state.awaited.remove(&sequence);
        }
    }

    /// The panic goes on: another wrapper may ask for this report.
    pub(crate) fn give_back(&self, sequence: u64, place: &Arc<Pigeonhole>) {
        self.forget(sequence, place);
        let delivery = place.delivery.lock().clone();
        if !matches!(delivery, Delivery::Awaited) {
            self.put(sequence, delivery);
        }
    }

    #[cfg(test)]
    fn sizes(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.awaited.len(), state.unclaimed.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_none(delivery: &Delivery) -> bool {
        matches!(delivery, Delivery::None)
    }

    #[test]
    fn a_report_finds_its_owner_whoever_comes_first() {
        let board = Board::default();
        let early = board.await_report(1);
        board.put(1, Delivery::None);
        board.put(2, Delivery::None);
        let late = board.await_report(2);
        assert!(is_none(&early.wait(Duration::ZERO)) && is_none(&late.wait(Duration::ZERO)));
        assert_eq!(board.sizes(), (0, 0));
        assert!(matches!(board.await_report(3).wait(Duration::ZERO), Delivery::Awaited));
    }

    #[test]
    fn nothing_is_kept_for_owners_that_are_gone_or_never_come() {
        let board = Board::default();
        let place = board.await_report(1);
        board.forget(1, &place);
        for sequence in 2..1000 {
            board.put(sequence, Delivery::None);
        }
        assert_eq!(board.sizes(), (0, UNCLAIMED));
    }

    #[test]
    fn an_owner_that_waits_is_woken() {
        let board = Board::default();
        let place = board.await_report(1);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| is_none(&place.wait(Duration::from_secs(60))));
            board.put(1, Delivery::None);
            assert!(waiter.join().unwrap());
        });
    }
}
