//! Answers about an address from tables in place, for images that no snapshot has yet.
//!
//! Runs on: a panicking thread whose stack passes through an image that was loaded since the last refresh.
//! Takes the loader's lock, as the unwinder of older C libraries does for each frame. Must not: allocate.

use core::ops::ControlFlow;

use super::FrameFacts;
use super::scan::live_tables;
use crate::sys::phdr::for_each_image;
use crate::unwind::Section;

/// Places of LSDAs that are looked at in one image.
const PLACES: usize = 6;

/// The facts of an address as [`super::Snapshot::facts`] gives them; [`FrameFacts::UNKNOWN`] when no image
/// has code there.
pub(crate) fn live_facts(address: u64) -> FrameFacts {
    let mut facts = FrameFacts::UNKNOWN;
    for_each_image(&mut |view| {
        if !view.code_ranges().any(|(start, end)| (start..end).contains(&address)) {
            return ControlFlow::Continue(());
        }
        if let Some(tables) = live_tables(view) {
            let mut lsdas = [Section::new(0, &[]); PLACES];
            for (place, (start, _)) in lsdas.iter_mut().zip(view.constant_ranges()) {
                *place = Section::new(start, view.constant_bytes(start).unwrap_or_default());
            }
            facts = tables.with_lsdas(&lsdas).facts_at(address);
        }
        ControlFlow::Break(())
    });
    facts
}
