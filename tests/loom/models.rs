//! All interleavings of small cases, and all values that the memory model lets a load return: `tests/loom` runs them. A lost
//! wake-up shows as a deadlock, a slot with two owners as a causality violation.

use loom::sync::Arc;
use loom::thread;

use super::*;

/// Every model with its name.
pub const ALL: [(&str, fn()); 9] = [
    ("two_threads_never_own_one_slot", two_threads_never_own_one_slot),
    ("a_sleeping_writer_gets_every_record", a_sleeping_writer_gets_every_record),
    ("a_slot_goes_round_through_the_writer", a_slot_goes_round_through_the_writer),
    ("a_hook_that_waits_for_its_report_is_woken", a_hook_that_waits_for_its_report_is_woken),
    (
        "a_blocked_claim_is_woken_by_the_slot_that_comes_back",
        a_blocked_claim_is_woken_by_the_slot_that_comes_back,
    ),
    ("a_wake_is_never_lost", a_wake_is_never_lost),
    (
        "a_kill_at_any_instant_leaves_each_acknowledged_record_somewhere",
        a_kill_at_any_instant_leaves_each_acknowledged_record_somewhere,
    ),
    ("a_slot_that_says_published_holds_a_whole_record", a_slot_that_says_published_holds_a_whole_record),
    (
        "the_first_panic_of_a_place_gets_a_slot_of_the_reserve",
        the_first_panic_of_a_place_gets_a_slot_of_the_reserve,
    ),
];

fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

fn publish(channel: &Channel, sequence: u64) -> Option<Ticket> {
    let mut slot = channel.claim()?;
    slot.record().sequence = sequence;
    Some(slot.publish())
}

fn two_threads_never_own_one_slot() {
    explore(4, || {
        let channel = Arc::new(Channel::new(2, 0, 0).unwrap());
        // Both slots have been used, so that the stack is in play and not only the unused slots.
        let first = channel.claim();
        drop(channel.claim());
        drop(first);
        let other = Arc::clone(&channel);
        let thread = thread::spawn(move || {
            let mut first = other.claim();
            let mut second = other.claim();
            first.iter_mut().chain(&mut second).for_each(|slot| slot.record().sequence = 1);
        });
        // Gives the first slot back while it holds the second: the other thread, held up in between,
        // sees the same slot on top again, but with another one below it.
        let first = channel.claim();
        let mut second = channel.claim();
        drop(first);
        second.iter_mut().for_each(|slot| slot.record().sequence = 2);
        drop(second);
        thread.join().unwrap();
        assert!(channel.claim().is_some());
    });
}

fn a_sleeping_writer_gets_every_record() {
    explore(3, || {
        let channel = Arc::new(Channel::new(2, 0, 0).unwrap());
        let senders: Vec<_> = (1..=2)
            .map(|sequence| {
                let channel = Arc::clone(&channel);
                thread::spawn(move || publish(&channel, sequence).unwrap())
            })
            .collect();
        let (mut sum, mut count) = (0, 0);
        while count < 2 {
            match channel.try_receive() {
                Some(slot) => {
                    sum += slot.record().sequence;
                    count += 1;
                }
                None => channel.park(None),
            }
        }
        assert_eq!(sum, 3);
        senders.into_iter().for_each(|sender| {
            let _ticket = sender.join().unwrap();
        });
        assert_eq!(channel.pending(), 0);
    });
}

fn a_slot_goes_round_through_the_writer() {
    explore(3, || {
        let channel = Arc::new(Channel::new(1, 0, 0).unwrap());
        publish(&channel, 1).unwrap();
        let other = Arc::clone(&channel);
        let sender = thread::spawn(move || publish(&other, 2).is_some());
        let first = channel.try_receive().unwrap();
        assert_eq!(first.record().sequence, 1);
        drop(first);
        let sent = sender.join().unwrap();
        assert_eq!(channel.try_receive().map(|slot| slot.record().sequence), sent.then_some(2));
    });
}

fn a_hook_that_waits_for_its_report_is_woken() {
    explore(3, || {
        let channel = Arc::new(Channel::new(1, 0, 0).unwrap());
        let line = Arc::new(AtomicU64::new(0));
        let (other, its_line) = (Arc::clone(&channel), Arc::clone(&line));
        let hook = thread::spawn(move || {
            let ticket = publish(&other, 1).unwrap();
            assert!(other.wait_ticket(ticket, None));
            assert_eq!(its_line.load(Ordering::Relaxed), 1, "what the writer did happened before");
        });
        loop {
            match channel.try_receive() {
                Some(slot) => {
                    line.store(slot.record().sequence, Ordering::Relaxed);
                    break drop(slot);
                }
                None => channel.park(None),
            }
        }
        hook.join().unwrap();
    });
}

fn a_blocked_claim_is_woken_by_the_slot_that_comes_back() {
    explore(3, || {
        let channel = Arc::new(Channel::new(1, 0, 0).unwrap());
        publish(&channel, 1).unwrap();
        let other = Arc::clone(&channel);
        let blocked = thread::spawn(move || {
            let mut slot = other.returned.wait_for_event(None, || other.claim()).unwrap();
            slot.record().sequence = 2;
        });
        drop(channel.try_receive().unwrap());
        blocked.join().unwrap();
    });
}

fn a_wake_is_never_lost() {
    explore(4, || {
        let channel = Arc::new(Channel::new(1, 0, 0).unwrap());
        let other = Arc::clone(&channel);
        let waker = thread::spawn(move || other.wake());
        channel.park(None);
        waker.join().unwrap();
    });
}

/// Who comes after the process was killed at any instant finds each acknowledged record in the slot or in the log.
fn a_kill_at_any_instant_leaves_each_acknowledged_record_somewhere() {
    explore(3, || {
        let channel = Arc::new(Channel::new(1, 0, 0).unwrap());
        let (log, acknowledged) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (other, its_log) = (Arc::clone(&channel), Arc::clone(&log));
        let writer = thread::spawn(move || {
            if let Some(slot) = other.try_receive() {
                its_log.store(slot.record().sequence, Ordering::Relaxed);
            }
        });
        let (other, its_word) = (Arc::clone(&channel), Arc::clone(&acknowledged));
        let hook = thread::spawn(move || {
            publish(&other, 1).unwrap();
            its_word.store(1, Ordering::Release);
        });
        // The instant of the death, as seen by whoever reads the memory after it.
        if acknowledged.load(Ordering::Acquire) == 1 {
            let in_slot = channel.pool.slot(0).unwrap().holds_a_record();
            // In this order: a recovery reads the spool before the log.
            assert!(in_slot || log.load(Ordering::Relaxed) == 1, "lost");
        }
        writer.join().unwrap();
        hook.join().unwrap();
    });
}

/// What a published slot holds is whole.
fn a_slot_that_says_published_holds_a_whole_record() {
    explore(3, || {
        let channel = Arc::new(Channel::new(1, 0, 0).unwrap());
        let other = Arc::clone(&channel);
        let hook = thread::spawn(move || publish(&other, 7).is_some());
        let slot = channel.pool.slot(0).unwrap();
        if slot.holds_a_record() {
            // Nobody consumes here, so the record stays as it is; loom objects if it is still being written.
            let record = slot.record.read();
            // SAFETY: the slot was published, and nobody takes it in this model.
            assert_eq!(unsafe { &*record }.sequence, 7);
        }
        assert!(hook.join().unwrap());
    });
}

/// However a storm and two first panics of one place meet, one of these gets a slot, and no slot gets two owners.
fn the_first_panic_of_a_place_gets_a_slot_of_the_reserve() {
    explore(3, || {
        let channel = Arc::new(Channel::new(1, 1, 0).unwrap());
        let site = Site::new("src/lib.rs", 1, 1);
        // The storm has the only other slot, and gives it back at any time.
        let storm = channel.claim_for(Site::new("src/lib.rs", 2, 1)).unwrap();
        let other = Arc::clone(&channel);
        let first = thread::spawn(move || {
            let mut slot = other.claim_for(site);
            slot.iter_mut().for_each(|slot| slot.record().sequence = 1);
            slot.is_some()
        });
        drop(storm);
        let mut second = channel.claim_for(site);
        second.iter_mut().for_each(|slot| slot.record().sequence = 2);
        let got = second.is_some();
        drop(second);
        assert!(first.join().unwrap() || got);
        // Both lists have their slot again.
        let _common = channel.claim().unwrap();
        assert!(channel.pool.take_reserved().is_some());
    });
}
