//! The addresses of a line, and the images that they lie in.
//!
//! Runs on: the thread that asks. Must not: believe an address that its image does not explain.

use std::collections::HashMap;
use std::sync::Arc;

use crate::record::{EhAction, Image, RawWalk, Report, WalkEnd, WalkSource};
use crate::symbolize::{ImageAt, Images};

/// What a `panic` line says of its stack, as the writer has it of a walk.
pub(super) struct Recorded {
    /// By the address of the call.
    calls: HashMap<u64, ImageAt>,
    images: Vec<Arc<Image>>,
}

impl Recorded {
    pub(super) fn of(report: &Report) -> Self {
        let images: Vec<Arc<Image>> = report.images.iter().cloned().map(Arc::new).collect();
        let mut calls = HashMap::new();
        for frame in report.frames.iter() {
            let (Some(ip), Some(address)) = (hex(&frame.ip), frame.address.as_deref().and_then(hex)) else {
                continue;
            };
            let call = ip.saturating_sub(1);
            let holds = |image: &&Arc<Image>| {
                Some(&image.name) == frame.image.as_ref() && call.wrapping_sub(address) == bias(image)
            };
            if let Some(image) = images.iter().find(holds) {
                calls.insert(call, ImageAt { image: image.clone(), address });
            }
        }
        Self { calls, images }
    }

    /// Of images alone.
    pub(super) fn of_images(images: &[Image]) -> Self {
        Self { calls: HashMap::new(), images: images.iter().cloned().map(Arc::new).collect() }
    }

    /// The return address of a text `image+0x…`, which names a call.
    pub(super) fn return_address(&mut self, text: &str) -> Option<u64> {
        let (name, address) = text.rsplit_once('+')?;
        let address = hex(address)?;
        // Of two images with one name it may be either.
        let mut alike = self.images.iter().filter(|image| image.name == name);
        let (Some(image), None) = (alike.next(), alike.next()) else { return None };
        let call = bias(image).wrapping_add(address);
        self.calls.insert(call, ImageAt { image: image.clone(), address });
        Some(call.wrapping_add(1))
    }
}

impl Images for Recorded {
    fn image_of(&mut self, call: u64, _: Option<u32>) -> Option<ImageAt> {
        self.calls.get(&call).cloned()
    }
}

/// Puts the recorded frames into a walk, the first of them at its beginning.
///
/// False: there are none, or not all of them can be put there.
pub(super) fn walk_of(report: &Report, walk: &mut RawWalk) -> bool {
    walk.clear();
    let physical = || report.frames.iter().filter(|frame| !frame.inlined);
    let mut len = 0_u32;
    for (frame, (ip, action)) in physical().zip(walk.ips.iter_mut().zip(&mut walk.actions)) {
        let Some(address) = hex(&frame.ip) else { break };
        *ip = address;
        *action = frame.action.unwrap_or(EhAction::Unknown) as u8;
        if frame.action == Some(EhAction::Catch) {
            walk.outermost_catch = len;
        }
        len += 1;
    }
    let stack = &report.stack;
    walk.len = len;
    walk.walked = stack.physical.saturating_sub(stack.trimmed_inner).max(len);
    walk.end = WalkEnd::from_word(&stack.end) as u8;
    walk.source = if stack.source == "tables" { WalkSource::Tables } else { WalkSource::System } as u8;
    if walk.walked > len {
        // Further out there may be another one.
        walk.outermost_catch = crate::record::NO_FRAME;
    }
    if let Some(stopper) = report.prediction.frame.filter(|stopper| *stopper < len) {
        walk.stopper = stopper;
        walk.stop_action = report.prediction.action.unwrap_or(EhAction::Unknown) as u8;
        let landing = walk.ips.iter().take(len as usize).skip(stopper as usize).take(walk.landing.len());
        let landing: Vec<u64> = landing.copied().collect();
        landing.into_iter().for_each(|ip| walk.push_landing(ip));
    }
    len > 0 && physical().count() == len as usize
}

fn bias(image: &Image) -> u64 {
    image.bias.as_deref().and_then(hex).unwrap_or_default()
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Frame, MAX_FRAMES};
    use crate::testing::samples::report;

    #[test]
    fn an_address_in_one_of_two_images_with_its_name_is_in_neither() {
        let mut report = report();
        let name = report.images[0].name.clone();
        let text = format!("{name}+0x10");
        assert!(Recorded::of_images(&report.images).return_address(&text).is_some());
        let other = Image { bias: Some("0x7f0000000000".to_owned()), ..report.images[0].clone() };
        report.images = report.images.iter().cloned().chain([other]).collect();
        assert_eq!(Recorded::of_images(&report.images).return_address(&text), None);
    }

    #[test]
    fn a_stack_is_taken_as_a_whole_or_not_at_all() {
        let mut report = report();
        let mut walk = Box::new(RawWalk::new());
        let frame = Frame { inlined: false, ..report.frames[0].clone() };
        report.frames = vec![frame.clone(); MAX_FRAMES].into();
        assert!(walk_of(&report, &mut walk));
        assert_eq!(walk.len as usize, MAX_FRAMES);
        report.frames = vec![frame.clone(); MAX_FRAMES + 1].into();
        assert!(!walk_of(&report, &mut walk));
        let without = Frame { ip: "nowhere".to_owned(), ..frame.clone() };
        report.frames = vec![frame, without].into();
        assert!(!walk_of(&report, &mut walk));
    }
}
