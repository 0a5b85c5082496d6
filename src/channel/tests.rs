//! The channel with real threads; `tests/loom` goes through all interleavings of small cases.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

/// Long enough that only a lost wake-up reaches it.
const LONG: Duration = Duration::from_secs(60);

fn publish(channel: &Channel, sequence: u64) -> Option<Ticket> {
    let mut slot = channel.claim()?;
    slot.record().sequence = sequence;
    slot.record().message.set("text");
    Some(slot.publish())
}

/// Writer: takes so many publications, and sleeps in between.
fn receive(channel: &Channel, count: u64, seen: impl Fn(&RawRecord)) {
    let mut received = 0;
    while received < count {
        match channel.try_receive() {
            Some(slot) => {
                seen(slot.record());
                received += 1;
            }
            None => channel.park(None),
        }
    }
}

#[test]
fn a_record_arrives_as_it_was_written_and_its_slot_comes_back_clear() {
    let channel = Channel::new(1, 0, 0).unwrap();
    publish(&channel, 7).unwrap();
    assert!(channel.claim().is_none());
    assert_eq!(channel.pending(), 1);
    let slot = channel.try_receive().unwrap();
    assert_eq!((slot.record().sequence, slot.record().message.as_str()), (7, "text"));
    assert!(channel.try_receive().is_none());
    assert_eq!(channel.pending(), 1);
    drop(slot);
    assert_eq!(channel.pending(), 0);
    assert!(channel.pool.slot(0).unwrap().is_free());
    let mut again = channel.claim().unwrap();
    assert_eq!((again.record().sequence, again.record().message.as_str()), (0, ""));
}

#[test]
fn a_claim_that_is_given_up_is_never_received() {
    let channel = Channel::new(1, 0, 0).unwrap();
    drop(channel.claim().unwrap());
    assert!(channel.try_receive().is_none());
    assert!(publish(&channel, 1).is_some());
}

#[test]
fn no_slots_at_all_are_refused_by_name() {
    assert_eq!(Channel::new(0, 0, 0).err().unwrap().kind(), ErrorKind::InvalidValue);
}

/// The invariant of the whole stage: every claim is received exactly once or was refused.
#[test]
fn nothing_is_lost_or_doubled_under_many_threads() {
    let (threads, each) = if cfg!(miri) { (3, 20) } else { (8, 20_000) };
    let channel = Channel::new(5, 0, 0).unwrap();
    let refused = AtomicU64::new(0);
    let done = AtomicBool::new(false);
    let received = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut seen = HashSet::new();
            loop {
                let finished = done.load(Ordering::Acquire);
                while let Some(slot) = channel.try_receive() {
                    assert_eq!(slot.record().message.as_str(), "text");
                    assert_eq!(slot.record().wall_ns, slot.record().sequence ^ 0xAAAA);
                    assert!(seen.insert(slot.record().sequence));
                }
                if finished {
                    return seen.len() as u64;
                }
                channel.park(None);
            }
        });
        let mut senders = Vec::new();
        for thread in 0..threads {
            let (channel, refused) = (&channel, &refused);
            senders.push(scope.spawn(move || {
                for number in 0..each {
                    let Some(mut slot) = channel.claim() else {
                        refused.fetch_add(1, Ordering::Relaxed);
                        continue;
                    };
                    let sequence = thread * each + number;
                    slot.record().sequence = sequence;
                    slot.record().wall_ns = sequence ^ 0xAAAA;
                    slot.record().message.set("text");
                    slot.publish();
                }
            }));
        }
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        done.store(true, Ordering::Release);
        channel.wake();
        writer.join().unwrap()
    });
    assert_eq!(received + refused.load(Ordering::Relaxed), threads * each);
    assert_eq!(channel.pending(), 0);
}

#[test]
fn a_waiting_hook_returns_when_its_own_report_is_written_even_while_it_holds_a_lock() {
    let channel = Channel::new(2, 0, 0).unwrap();
    let user_lock = Mutex::new(());
    thread::scope(|scope| {
        scope.spawn(|| receive(&channel, 20, |_| ()));
        for sequence in 0..20 {
            let _held = user_lock.lock().unwrap();
            let ticket = publish(&channel, sequence).unwrap();
            assert!(channel.wait_written(ticket, LONG));
            assert!(channel.wait_written(ticket, Duration::ZERO), "a ticket stays written");
        }
    });
}

#[test]
fn a_wait_without_a_writer_ends_at_its_deadline() {
    let channel = Channel::new(2, 0, 0).unwrap();
    let ticket = publish(&channel, 1).unwrap();
    assert!(!channel.wait_written(ticket, Duration::from_millis(3)));
    publish(&channel, 2).unwrap();
    assert!(channel.claim_within(Duration::from_millis(3)).is_none());
}

#[test]
fn a_blocked_claim_gets_the_next_slot_that_comes_back() {
    let channel = Channel::new(1, 0, 0).unwrap();
    publish(&channel, 1).unwrap();
    thread::scope(|scope| {
        let claim = scope.spawn(|| channel.claim_within(LONG).is_some());
        channel.park(None);
        drop(channel.try_receive());
        assert!(claim.join().unwrap());
    });
    let held = channel.claim().unwrap();
    thread::scope(|scope| {
        let claim = scope.spawn(|| channel.claim_within(LONG).is_some());
        drop(held);
        assert!(claim.join().unwrap(), "a claim that is given up counts too");
    });
}

#[test]
fn a_wake_before_the_park_is_not_forgotten() {
    let channel = Channel::new(1, 0, 0).unwrap();
    channel.wake();
    let start = Instant::now();
    channel.park(Some(LONG));
    assert!(start.elapsed() < LONG);
    channel.park(Some(Duration::from_millis(1)));
}

/// A sleeping writer is woken by the first publication and by a pool that is half full; a polling one is
/// left alone by a single publication, and finds it soon by itself.
#[test]
fn the_writer_gets_every_publication_whether_it_sleeps_or_polls() {
    let channel = Channel::new(8, 0, 0).unwrap();
    let (report, reports) = mpsc::channel();
    thread::scope(|scope| {
        let send = move |record: &RawRecord| report.send(record.sequence).unwrap();
        scope.spawn(|| receive(&channel, 300, send));
        for sequence in 0..300 {
            while publish(&channel, sequence).is_none() {
                thread::yield_now();
            }
            if sequence % 3 == 0 {
                assert_eq!(reports.recv_timeout(LONG).unwrap(), sequence);
            } else if sequence % 3 == 2 {
                assert_eq!(reports.recv_timeout(LONG).unwrap(), sequence - 1);
                assert_eq!(reports.recv_timeout(LONG).unwrap(), sequence);
            }
        }
    });
}

#[test]
fn a_place_that_panics_rarely_has_a_slot_of_the_reserve_each_time() {
    let channel = Channel::new(1, 1, 0).unwrap();
    let (storm, rare) = (Site::new("storm.rs", 1, 1), Site::new("rare.rs", 1, 1));
    // Both have had a report, long ago.
    drop(channel.claim_for(storm));
    drop(channel.claim_for(rare));
    let taken = channel.claim_for(storm).unwrap();
    assert!(channel.claim_for(rare).is_none(), "the control: it is known");
    channel.forget_places();
    drop(taken);
    let _taken = channel.claim_for(storm).unwrap();
    assert!(channel.claim_for(storm).is_none(), "the storm is no news");
    assert!(channel.claim_for(rare).is_some());
}
