//! Names for the places of findings, and for where threads were spawned.
//!
//! Runs on: the thread that asks. Must not: give up an address that better files may name.

use std::sync::Arc;

use super::symbolizer::{Opened, Symbolizer, name};
use crate::record::finding::{places_of_exit, places_of_hook};
use crate::record::{FindingLine, Image, Inlining, NamedFrame, Place, Report, SpawnPlace};
use crate::symbolize::program_place;

/// Processes whose images are remembered, and images of each: a process has a few dozen, of which stacks of the program run
/// through a few. About 1 KiB per process.
const MAX_PROCESSES: usize = 4096;
const MAX_IMAGES: usize = 64;

impl Symbolizer {
    /// Names where the threads were spawned from which the panicking one descends.
    pub(super) fn lineage(&mut self, report: &mut Report) -> bool {
        let instance = report.head.id.instance();
        let mut lineage = report.lineage.to_vec();
        let mut changed = false;
        for at in lineage.iter_mut().filter_map(|ancestor| ancestor.spawned_at.as_mut()) {
            let Some(frames) = self.frames_of(instance, &at.stack) else { continue };
            let Place { function, file, line, .. } = program_place(&frames);
            if function.is_none() {
                continue;
            }
            let stack = if is_known(&frames) { Vec::new() } else { at.stack.clone() };
            let named = SpawnPlace { function, file, line, stack };
            changed |= *at != named;
            *at = named;
        }
        if changed {
            report.lineage = lineage.into();
        }
        changed
    }

    /// Names the places of a finding.
    pub(super) fn finding(&mut self, finding: &mut FindingLine) -> bool {
        let Some(instance) = instance(&finding.head.id) else { return false };
        let Some(at) = finding.places.iter().find(|place| !place.stack.is_empty()).cloned() else {
            return false;
        };
        let Some(frames) = self.frames_of(instance, &at.stack) else { return false };
        let mut places = match finding.code.as_str() {
            "hook_replaced" => places_of_hook(&frames),
            "exit_while_unwinding" | "exit_in_test" => places_of_exit(&frames, at.os_thread),
            _ => vec![Place { os_thread: at.os_thread, ..program_place(&frames) }],
        };
        places.retain(|place| place.function.is_some());
        if places.is_empty() {
            return false;
        }
        if !is_known(&frames) {
            places.push(Place { os_thread: at.os_thread, stack: at.stack, ..Place::default() });
        }
        let changed = places != finding.places;
        finding.places = places;
        changed
    }

    /// The frames of a short stack of a process.
    fn frames_of(&mut self, instance: u64, stack: &[String]) -> Option<Arc<[NamedFrame]>> {
        let images = self.images.get(&instance)?;
        let opened = self.opened.get_or_insert_with(|| Opened::new(&self.directories, &self.binaries));
        opened.generation(instance);
        name(Some(opened), images, instance, stack)
    }

    /// The process had these images.
    pub(super) fn has_images(&mut self, instance: u64, images: &[Image]) {
        if self.images.len() >= MAX_PROCESSES && !self.images.contains_key(&instance) {
            self.images.clear();
        }
        let known = self.images.entry(instance).or_default();
        for image in images {
            if known.len() < MAX_IMAGES && !known.contains(image) {
                known.push(image.clone());
            }
        }
    }
}

/// The process that a line is of, by its id.
pub(super) fn instance(id: &str) -> Option<u64> {
    u64::from_str_radix(id, 16).ok()
}

/// Whether no better file can tell more.
fn is_known(frames: &[NamedFrame]) -> bool {
    frames.iter().all(|frame| frame.inlining == Inlining::Known)
}
