//! Whether the process will die of a panic, as far as it can be told before the unwinding.
//!
//! Runs on: the panicking thread. Must not: allocate, panic; wait.

use crate::capture::stack;
use crate::record::{EhAction, RawFlag, RawRecord, RawWalk, WalkEnd, WalkSource};

/// Whether this panic is predicted to abort the process. A panic of `main` is not: the process exits in
/// order then, and the exit drains the queue.
pub(super) fn is_predicted(record: &RawRecord) -> bool {
    cfg!(panic = "abort")
        || record.has_flag(RawFlag::CannotUnwind)
        || record.has_flag(RawFlag::InCleanup)
        || stops_at_abort(&record.walk)
        || has_no_handler(&record.walk)
        || stack::lacks_root(&record.walk)
}

fn stops_at_abort(walk: &RawWalk) -> bool {
    walk.stopper().is_some()
        && matches!(EhAction::from_u8(walk.stop_action), EhAction::Filter | EhAction::Terminate)
}

/// The walk saw every frame the unwinder will see, and none of them stops a panic.
fn has_no_handler(walk: &RawWalk) -> bool {
    walk.stopper().is_none()
        && walk.source == WalkSource::Tables as u8
        && matches!(WalkEnd::from_u8(walk.end), WalkEnd::Bottom | WalkEnd::NoUnwindInfo)
        && !walk.actions().contains(&(EhAction::Unknown as u8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::NO_FRAME;

    fn with(change: impl FnOnce(&mut RawRecord)) -> bool {
        let mut record = Box::new(RawRecord::new());
        record.walk.source = WalkSource::Tables as u8;
        record.walk.end = WalkEnd::Bottom as u8;
        record.walk.len = 1;
        record.walk.stopper = 0;
        record.walk.stop_action = EhAction::Catch as u8;
        change(&mut record);
        is_predicted(&record)
    }

    #[test]
    #[cfg(panic = "unwind")]
    fn a_catch_is_no_abort_and_a_frame_that_must_not_unwind_is_one() {
        assert!(!with(|_| ()));
        assert!(with(|record| record.walk.stop_action = EhAction::Filter as u8));
        assert!(with(|record| record.walk.stop_action = EhAction::Terminate as u8));
        assert!(with(|record| record.set_flag(RawFlag::CannotUnwind)));
        assert!(with(|record| record.set_flag(RawFlag::InCleanup)));
    }

    #[test]
    #[cfg(panic = "unwind")]
    fn no_stopper_is_an_abort_only_when_every_frame_was_read() {
        let without_stopper = |change: &dyn Fn(&mut RawRecord)| {
            with(|record| {
                record.walk.stopper = NO_FRAME;
                change(record);
            })
        };
        assert!(without_stopper(&|_| ()));
        assert!(!without_stopper(&|record| record.walk.actions[0] = EhAction::Unknown as u8));
        assert!(!without_stopper(&|record| record.walk.source = WalkSource::System as u8));
        for end in [WalkEnd::Broken, WalkEnd::TooDeep, WalkEnd::UnknownImage, WalkEnd::NotWalked] {
            assert!(!without_stopper(&|record| record.walk.end = end as u8));
        }
    }
}
