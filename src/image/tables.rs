//! Answers about an address from the unwind tables of one image.
//!
//! Runs on: every thread. Must not: allocate, panic, keep large locals.

use core::ops::{ControlFlow, Range};

use super::scan::live_tables;
use super::{FrameFacts, Way};
use crate::record::EhAction;
use crate::sys::phdr::for_each_image;
use crate::unwind::{
    EhFrameHdr, Fde, FrameRule, Personality, Pointer, ReadError, Section, catch_cleans, find_action, rule_at,
};

/// Places of LSDAs that are looked at in one image.
const PLACES: usize = 6;

/// The unwind sections of an image, borrowed or copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImageTables<'a> {
    pub(crate) hdr: EhFrameHdr<'a>,
    /// The whole of `.eh_frame_hdr`, which tells one version of a library from another.
    pub(crate) hdr_bytes: &'a [u8],
    pub(crate) eh_frame: Section<'a>,
    /// Where LSDAs may lie.
    pub(crate) lsdas: &'a [Section<'a>],
    /// Personality pointers as CIEs state them, and whose they are.
    pub(crate) personalities: &'a [(u64, Personality)],
}

impl<'a> ImageTables<'a> {
    /// The facts of the instruction at `address`: an exact instruction pointer or a return address minus one.
    ///
    /// # Cost
    /// No allocation; a binary search, one FDE and its CIE, one LSDA: some hundred nanoseconds.
    pub(crate) fn facts_at(&self, address: u64) -> FrameFacts {
        let fde = match self.fde_at(address) {
            Ok(Some(fde)) => fde,
            Ok(None) => return FrameFacts { action: EhAction::None, way: Way::NoFunction },
            Err(_) => return FrameFacts::UNKNOWN,
        };
        let action = self.action_of(&fde, address).unwrap_or(EhAction::Unknown);
        let way = match rule_at(&fde, address) {
            Ok(FrameRule::Step(step)) => Way::Step(step),
            Ok(FrameRule::Bottom) => Way::Bottom,
            Ok(FrameRule::Unsupported) | Err(_) => Way::AskSystem,
        };
        FrameFacts { action, way }
    }

    /// Addresses of the function that an address lies in.
    pub(crate) fn function_at(&self, address: u64) -> Option<Range<u64>> {
        self.fde_at(address).ok().flatten().map(|fde| fde.start..fde.end)
    }

    /// The FDE that covers an address; `None` when there is none.
    pub(crate) fn fde_at(&self, address: u64) -> Result<Option<Fde<'a>>, ReadError> {
        let Some(candidate) = self.hdr.fde_candidate(address) else { return Ok(None) };
        let fde = Fde::at(self.eh_frame, candidate)?;
        Ok(fde.contains(address).then_some(fde))
    }

    /// Whether the catch that stops a panic at this address runs destructors before it catches; `None` when there is no
    /// such catch, or it cannot be read.
    pub(crate) fn catch_cleans(&self, address: u64) -> Option<bool> {
        let fde = self.fde_at(address).ok()??;
        let Pointer::Direct(lsda) = fde.lsda? else { return None };
        catch_cleans(&self.lsda_section(lsda).ok()?, lsda, fde.start, address).ok()
    }

    fn action_of(&self, fde: &Fde<'_>, address: u64) -> Result<EhAction, ReadError> {
        // A frame without a personality or without an LSDA is transparent.
        let (Some(personality), Some(lsda)) = (fde.cie.personality, fde.lsda) else {
            return Ok(EhAction::None);
        };
        let Pointer::Direct(lsda) = lsda else { return Err(ReadError::Encoding { encoding: 0x80 }) };
        let stated = personality.stated();
        let known = self.personalities.iter().find(|(pointer, _)| *pointer == stated);
        let personality = known.map_or(Personality::Other, |(_, personality)| *personality);
        find_action(&self.lsda_section(lsda)?, lsda, fde.start, address, personality)
    }

    fn lsda_section(&self, lsda: u64) -> Result<Section<'a>, ReadError> {
        let section = self.lsdas.iter().find(|section| section.at(lsda).is_ok());
        section.copied().ok_or(ReadError::OutOfSection { address: lsda })
    }
}

/// The facts of an address as [`super::Snapshot::facts`] gives them, from tables in place, for images that no snapshot has
/// yet; [`FrameFacts::UNKNOWN`] when no image has code there. Takes the loader's lock, as the unwinder of older C libraries
/// does for each frame.
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
