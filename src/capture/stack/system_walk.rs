//! The walk by the system's unwinder, for stacks that the agent's own walk cannot follow.
//!
//! Runs on: the panicking thread. Takes the loader's lock for frames in images that no snapshot has.
//! Must not: allocate, panic.

use core::ops::ControlFlow;

use super::collector::{Collector, WalkedFrame};
use crate::image::{self, FrameFacts, Way, live_facts};
use crate::record::{EhAction, WalkEnd, WalkSource};
use crate::sys::system_unwinder::{SystemFrame, TraceEnd, trace};

/// Walks the whole stack again.
pub(super) fn walk_with_system(collector: &mut Collector<'_>) -> WalkEnd {
    collector.source(WalkSource::System);
    let snapshot = image::current();
    let mut end = WalkEnd::Bottom;
    let traced = trace(&mut |frame| {
        if frame.ip == 0 {
            // What lies beyond the bottom.
            end = WalkEnd::Bottom;
            return ControlFlow::Continue(());
        }
        let address = if frame.exact { frame.ip } else { frame.ip.wrapping_sub(1) };
        let mut facts = snapshot.map_or(FrameFacts::UNKNOWN, |snapshot| snapshot.facts(address));
        if facts == FrameFacts::UNKNOWN {
            facts = live_facts(address);
        }
        end = if facts.way == Way::NoFunction { WalkEnd::NoUnwindInfo } else { WalkEnd::Bottom };
        let walked = WalkedFrame { ip: frame.ip, sp: frame.sp, action: action_of(facts, frame) };
        match collector.frame(walked) {
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
            ControlFlow::Break(reason) => {
                end = reason;
                ControlFlow::Break(())
            }
        }
    });
    match traced {
        TraceEnd::Stopped | TraceEnd::EndOfStack => end,
        TraceEnd::Failed => WalkEnd::Broken,
    }
}

fn action_of(facts: FrameFacts, frame: SystemFrame) -> EhAction {
    match facts.action {
        // Generated code that was registered with the unwinder has no image; without an LSDA it does nothing.
        EhAction::Unknown if !frame.has_lsda => EhAction::None,
        action => action,
    }
}
