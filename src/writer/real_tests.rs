//! Owners of catches on real stacks of this test program, in whatever way it was compiled.

use super::*;
use crate::record::*;
use crate::symbolize::{Logical, Symbolizer};
use crate::testing::samples::*;

/// The stack of the calling function, with `stopper` at the nearest frame that holds a catch.
#[inline(never)]
fn here() -> Box<RawRecord> {
    let mut record = raw_record();
    let walk = &mut record.walk;
    walk.clear();
    backtrace::trace(|frame| {
        walk.ips[walk.len as usize] = frame.ip() as usize as u64;
        walk.len += 1;
        (walk.len as usize) < walk.ips.len()
    });
    walk.walked = walk.len;
    walk.end = WalkEnd::Bottom as u8;
    walk.source = WalkSource::Tables as u8;
    walk.stop_action = EhAction::Catch as u8;
    let stack = Symbolizer::new(Box::new(Native)).stack(walk, 0, &mut FakeSurroundings, &mut always);
    let holds_catch = |index: &usize| stack.logical(*index).iter().any(Logical::is_catch);
    let stopper = (0..stack.physical.len()).find(holds_catch).expect("every thread has a catch");
    walk.stopper = stopper as u32;
    walk.push_landing(walk.ips[stopper]);
    record
}

fn handler_of(record: &RawRecord) -> Handler {
    let mut builder = builder(None);
    builder.stacks = Stacks::new(Box::new(Native), Strategy::Unwind);
    let report = builder.report(record, &mut always).0;
    assert_ne!(report.fate, Fate::Unknown, "{:#?}", report.prediction);
    report.prediction.handler.unwrap()
}

#[test]
fn a_catch_of_the_program_is_named_with_the_place_of_its_call() {
    let record = std::panic::catch_unwind(here).unwrap();
    let line = line!() - 1;
    let handler = handler_of(&record);
    assert_eq!(handler.kind, HandlerKind::User, "{handler:?}");
    assert!(handler.file.as_deref().unwrap().ends_with("src/writer/real_tests.rs"), "{handler:?}");
    assert_eq!(handler.line, Some(line), "{handler:?}");
}

#[test]
fn the_inner_one_of_two_catches_is_named() {
    let mut line = 0;
    let record = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
        line = line!() + 1;
        std::panic::catch_unwind(here).unwrap()
    }))
    .unwrap();
    assert_eq!(handler_of(&record).line, Some(line));
}

#[test]
fn the_root_of_a_thread_and_the_test_harness_are_named() {
    let record = thread::spawn(here).join().unwrap();
    assert_eq!(handler_of(&record).kind, HandlerKind::ThreadRoot);
    // libtest runs a test on a thread of its own unless there is only one; its catch is the nearer one.
    assert_eq!(handler_of(&here()).kind, HandlerKind::TestHarness);
}
