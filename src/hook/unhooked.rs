//! Records what the raise probe sees and no hook saw: `resume_unwind`, a replaced hook, a payload thrown again.
//!
//! Runs on: the panicking thread, inside the raise probe. Must not: allocate, lock, do I/O, panic, or wait.

use super::{HookState, abort, is_writer_thread, recent_panics};
use crate::capture;
use crate::capture::recursion_guard::RecursionGuard;
use crate::channel::Site;
use crate::platform;
use crate::probe::{LOST, Text, Witness};
use crate::record::{LossReason, PayloadKind, RawFlag, RawRecord};
use crate::sys::fork;

impl Witness for HookState {
    fn raised(&self, anchor: usize, text: Option<Text<'_>>) -> u64 {
        let place = platform::std().location(anchor);
        let site = place.as_ref().map(|place| Site::new(place.file, place.line, place.column));
        let recorded = self.record_unhooked(anchor, site, |record| {
            record.sequence = self.counters.next_sequence();
            record.set_flag(if platform::std().is_foreign() {
                RawFlag::HookUnknown
            } else {
                RawFlag::NoHook
            });
            match place {
                Some(place) => {
                    record.file.set(place.file);
                    (record.line, record.column) = (place.line, place.column);
                }
                None => record.set_flag(RawFlag::NoLocation),
            }
            let (kind, message) = match text {
                Some(Text::Str(text)) => (PayloadKind::Str, text),
                Some(Text::String(text)) => (PayloadKind::String, text),
                None => (PayloadKind::Unknown, ""),
            };
            record.payload = kind as u8;
            record.message.set(message);
        });
        let sequence = recorded.unwrap_or_else(|reason| {
            self.channel.losses.record(reason);
            LOST
        });
        // After the loss: who sees it counted sees what became of it.
        self.counters.add_panic();
        recent_panics::note_unhooked(sequence, text.map(Text::as_str));
        sequence
    }

    fn hopped(&self, anchor: usize, sequence: u64) -> bool {
        let recorded = self.record_unhooked(anchor, None, |record| {
            record.sequence = sequence;
            record.set_flag(RawFlag::Hop);
        });
        recorded.is_ok()
    }
}

impl HookState {
    /// Claims, fills and publishes a slot; gives the number that `describe` wrote.
    #[inline(never)]
    fn record_unhooked(
        &self,
        anchor: usize,
        site: Option<Site>,
        describe: impl FnOnce(&mut RawRecord),
    ) -> Result<u64, LossReason> {
        let Some(inside) = RecursionGuard::enter() else { return Err(LossReason::Reentered) };
        if is_writer_thread() {
            return Err(LossReason::WriterThread);
        }
        if fork::generation() != self.home {
            return Err(LossReason::NoWriter);
        }
        let mut slot = self.claim(site).ok_or(LossReason::PoolFull)?;
        let record = slot.record();
        describe(record);
        let sequence = record.sequence;
        if recent_panics::is_enclosed() {
            record.set_flag(RawFlag::Wrapped);
        }
        capture::capture(record, anchor, self.max_frames, &inside);
        if !record.has_flag(RawFlag::Hop) {
            self.note_raise(sequence);
        }
        // Where the hook is somebody else's nobody has waited yet.
        let wait =
            platform::std().is_foreign() && !record.has_flag(RawFlag::Hop) && abort::is_predicted(record);
        if wait {
            record.set_flag(RawFlag::Waiting);
        }
        let tid = record.tid;
        let ticket = slot.publish();
        if self.is_ending(tid) || wait {
            // Not written in time: the process ends as it would without the agent.
            let _written = self.channel.wait_written(ticket, self.flush_deadline);
        }
        Ok(sequence)
    }
}
