//! What later stages ask of names.
//!
//! Runs on: the writer thread. Must not: look anything up itself.

use std::sync::Arc;

use crate::record::{Inlining, NamedFrame, Place};

/// Most addresses of a place that are kept for a later look at its names.
const KEPT_ADDRESSES: usize = 16;

/// Turns what the probes saw into words.
pub(crate) trait Namer {
    /// Number of the newest panic of the process, whose record may still be on its way.
    fn newest(&self) -> u64;

    /// Logical frames of a short stack, innermost first.
    fn name(&mut self, ips: &[u64]) -> Arc<[NamedFrame]>;

    /// The addresses that are not in the C library, whose debug information, where it is installed, takes several times
    /// as long to read as that of a program.
    fn outside_of_c(&mut self, ips: &[u64]) -> Vec<u64>;

    /// Addresses in their images, `image+0x…`, moved back into the call.
    fn addresses(&mut self, ips: &[u64]) -> Vec<String>;

    /// Whether nothing on a short stack catches but the root of its thread or of `main`; `false` also when that cannot be
    /// told.
    fn catches_at_root_only(&mut self, ips: &[u64]) -> bool;

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

/// The addresses of a short stack up to the nearest frame of the program, if it is not known of each what was inlined there.
/// What lies further out tells nothing of the place.
pub(crate) fn unnamed(ips: &[u64], frames: &[NamedFrame], namer: &mut dyn Namer) -> Vec<String> {
    let program = frames.iter().find(|frame| frame.in_app == Some(true));
    let ips = program.and_then(|frame| ips.get(..=frame.call)).unwrap_or(ips);
    // What starts a program was not compiled with it.
    let is_start = |frame: &NamedFrame| matches!(frame.path.as_str(), "_start" | "main");
    let lacks_names = |frame: &NamedFrame| frame.inlining == Inlining::Unknown && !is_start(frame);
    let unknown = |call: usize| frames.iter().any(|frame| frame.call == call && lacks_names(frame));
    // Nothing of the program is inlined into the C library.
    let mut outside = namer.outside_of_c(ips);
    outside.truncate(KEPT_ADDRESSES);
    let lacks = ips.iter().enumerate().any(|(call, ip)| outside.contains(ip) && unknown(call));
    if lacks { namer.addresses(&outside) } else { Vec::new() }
}
