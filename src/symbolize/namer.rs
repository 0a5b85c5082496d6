//! What later stages ask of names.
//!
//! Runs on: the writer thread. Must not: look anything up itself.

use std::sync::Arc;

use crate::record::{NamedFrame, Place};

/// Turns what the probes saw into words.
pub(crate) trait Namer {
    /// Number of the newest panic of the process, whose record may still be on its way.
    fn newest(&self) -> u64;

    /// Logical frames of a short stack, innermost first.
    fn name(&mut self, ips: &[u64]) -> Arc<[NamedFrame]>;

    /// The addresses that are not in the C library, whose debug information, where it is installed, takes several times
    /// as long to read as that of a program.
    fn outside_of_c(&mut self, ips: &[u64]) -> Vec<u64>;

    /// The place as it may be written.
    fn redact_place(&mut self, place: Place) -> Place;

    /// The name of a thread as it may be written.
    fn redact_thread_name(&mut self, name: String) -> String;
}

/// The place that a short stack stands for: the nearest frame of the program, else the nearest that is not std's.
pub(crate) fn program_place(frames: &[NamedFrame]) -> Place {
    let program = frames.iter().find(|frame| frame.in_app == Some(true));
    let outside_std = || frames.iter().find(|frame| frame.path.contains("::") && !is_of_std(frame));
    program.or_else(outside_std).map_or_else(Place::default, |frame| Place {
        function: frame.function.clone(),
        file: frame.file.clone(),
        line: frame.line,
        ..Place::default()
    })
}

/// Whether a function belongs to std.
pub(crate) fn is_of_std(frame: &NamedFrame) -> bool {
    ["core::", "alloc::", "std::", "test::"].iter().any(|prefix| frame.path.starts_with(prefix))
}
