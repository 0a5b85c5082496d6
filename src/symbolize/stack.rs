//! A symbolized stack: physical frames, where the program's part begins, and what is missing.
//!
//! Runs on: the writer thread. Must not: do I/O.

use std::sync::Arc;

use super::{Logical, Naming, Refused, Resolved, is_system_image};
use crate::record::{EhAction, Frame, Image, Inlining, SoftError};

/// Innermost frames among which the panic machinery is looked for: the hook's own frames, unoptimized,
/// and the fifteen or so of std.
const MACHINERY_WITHIN: usize = 64;

/// Files that were not believed, and are said.
const MAX_REFUSED: usize = 8;

/// A frame of the walk.
#[derive(Clone, Debug)]
pub(crate) struct Physical {
    /// Return address.
    pub(crate) ip: u64,
    pub(crate) action: EhAction,
    pub(crate) at: Arc<Resolved>,
}

/// Physical frames of a walk with their symbols, innermost first.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    /// Every frame of the walk, trimmed ones included.
    pub(crate) physical: Vec<Physical>,
    /// The stopper and the frames around it, as far as they lie beyond the recorded ones.
    beyond: Vec<Arc<Resolved>>,
    /// Index of the first of them.
    beyond_from: usize,
    /// Physical frames before the first that belongs to the program.
    pub(crate) trimmed: usize,
    /// Logical frames of the first kept physical frame that belong to the panic machinery.
    trimmed_logical: usize,
    /// Why not every name was looked up; `Allowed` when all were.
    pub(crate) naming: Naming,
    /// Whether a frame that may belong to the program has no name because none was looked up.
    pub(crate) misses_program: bool,
}

impl Stack {
    /// `beyond` begins at the stopper, or after the `physical` frames when it is one of these.
    pub(crate) fn new(
        physical: Vec<Physical>,
        stopper: Option<u32>,
        beyond: Vec<Arc<Resolved>>,
        search_start: usize,
        naming: Naming,
        misses_program: bool,
    ) -> Self {
        let (trimmed, trimmed_logical) = trim(&physical, search_start);
        let beyond_from = stopper.map_or(0, |stopper| stopper as usize).max(physical.len());
        Self { physical, beyond, beyond_from, trimmed, trimmed_logical, naming, misses_program }
    }

    /// Index after the outermost frame that is known without a gap from the stopper.
    pub(crate) fn end(&self) -> usize {
        self.physical.len().max(self.beyond_from + self.beyond.len())
    }

    /// Logical frames of a physical one that are not panic machinery; the stopper and its neighbours beyond
    /// the recorded frames count as recorded.
    pub(crate) fn logical(&self, index: usize) -> &[Logical] {
        let skip = if index == self.trimmed { self.trimmed_logical } else { 0 };
        self.at(index).map_or(&[], |at| &at.logical[skip..])
    }

    /// Whether debug information tells what was inlined at a physical frame.
    pub(crate) fn inlining(&self, index: usize) -> Inlining {
        self.at(index).map_or(Inlining::Unknown, |at| at.inlining)
    }

    /// Whether each physical frame from this one outward has a name, or is the system's.
    pub(crate) fn names_from(&self, index: usize) -> bool {
        let named = |at: &Resolved| at.logical.iter().all(|frame| frame.function.is_some());
        (index..self.end()).all(|index| self.at(index).is_some_and(|at| named(at) || is_of_system(at)))
    }

    /// Whether the stack runs through std's one-time initialization (`Once`, `LazyLock`, `OnceLock`); `None` when no name
    /// says so and something may have been inlined.
    pub(crate) fn in_once(&self) -> Option<bool> {
        let named = self.kept_logical().any(|frame| {
            frame.plain.starts_with("std::sys::sync::once::") || frame.plain.starts_with("std::sync::once::")
        });
        self.proven(named, self.trimmed..self.physical.len())
    }

    /// Whether a destructor runs on the stack, inside of the outermost catch that is seen; `None` when no name says so and one
    /// may have been inlined.
    pub(crate) fn in_destructor(&self) -> Option<bool> {
        if self.kept_logical().any(Logical::is_drop) {
            return Some(true);
        }
        let catches = |index: &usize| self.logical(*index).iter().any(Logical::is_catch);
        let root = (self.trimmed..self.physical.len()).rfind(catches)?;
        let known = |index: usize| {
            let is_try = self.logical(index).last().is_some_and(Logical::is_catch);
            is_try || self.inlining(index) == Inlining::Known
        };
        (self.trimmed..=root).all(known).then_some(false)
    }

    /// Whether `thread::scope` is what panics; `None` when no name tells.
    pub(crate) fn by_scope(&self) -> Option<bool> {
        self.kept_logical().next().filter(|frame| !frame.plain.is_empty())?;
        let mut std_only = self.kept_logical().take_while(|frame| frame.is_std());
        let named = std_only.any(|frame| frame.plain.starts_with("std::thread::scoped::"));
        // Its caller holds it, if anything does.
        self.proven(named, self.trimmed..self.trimmed.saturating_add(1))
    }

    /// A name proves that a function is there; that it is not there follows from knowing what was inlined.
    fn proven(&self, named: bool, among: core::ops::Range<usize>) -> Option<bool> {
        if named {
            return Some(true);
        }
        let known = |at: &Arc<Resolved>| at.inlining == Inlining::Known || is_of_system(at);
        among.into_iter().all(|index| self.at(index).is_some_and(known)).then_some(false)
    }

    fn at(&self, index: usize) -> Option<&Arc<Resolved>> {
        let beyond = || self.beyond.get(index.checked_sub(self.beyond_from)?);
        self.physical.get(index).map(|frame| &frame.at).or_else(beyond)
    }

    /// Whether std meant to call a hook for this panic; `None` when no name tells.
    pub(crate) fn wants_hook(&self) -> Option<bool> {
        let mut entries = self.physical.iter().take(MACHINERY_WITHIN).flat_map(|frame| &frame.at.logical);
        entries.find_map(|frame| match frame.plain.as_str() {
            "std::panicking::panic_with_hook" | "std::panicking::rust_panic_with_hook" => Some(true),
            "std::panicking::resume_unwind" | "std::panicking::rust_panic_without_hook" => Some(false),
            _ => None,
        })
    }

    /// Whether any kept frame has a name.
    pub(crate) fn has_names(&self) -> bool {
        self.kept().iter().any(|frame| frame.at.logical.iter().any(|frame| frame.function.is_some()))
    }

    /// Kept logical frames, innermost first.
    pub(crate) fn kept_logical(&self) -> impl Iterator<Item = &Logical> {
        (self.trimmed..self.physical.len()).flat_map(|index| self.logical(index))
    }

    /// The frames as they stand in a report; frame 0 is the first kept physical one.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        let mut frames = Vec::new();
        for (index, physical) in self.kept().iter().enumerate() {
            let logical = self.logical(self.trimmed + index);
            let image = physical.at.image.as_ref();
            for (at, one) in logical.iter().enumerate() {
                let inlined = at + 1 < logical.len();
                frames.push(Frame {
                    index: u32::try_from(index).unwrap_or(u32::MAX),
                    function: one.function.clone(),
                    file: one.file.clone(),
                    line: one.line,
                    column: one.column,
                    ip: hex(physical.ip),
                    image: image.map(|at| at.image.name.clone()),
                    address: image.map(|at| hex(at.address)),
                    inlined,
                    in_app: one.in_app,
                    action: (!inlined && physical.action != EhAction::Unknown).then_some(physical.action),
                });
            }
        }
        frames
    }

    /// The images of the kept frames, each once, in the order of their first frame.
    pub(crate) fn images(&self) -> Vec<Image> {
        let mut images: Vec<Image> = Vec::new();
        for image in self.kept().iter().filter_map(|frame| frame.at.image.as_ref()) {
            if !images.contains(&image.image) {
                images.push((*image.image).clone());
            }
        }
        images
    }

    /// At most one about names and one about lines.
    pub(crate) fn soft_errors(&self) -> Vec<SoftError> {
        let kept = self.kept();
        if kept.is_empty() {
            return Vec::new();
        }
        if let Some(error) = self.naming.soft_error() {
            return vec![error];
        }
        let unnamed: Vec<&Physical> = kept
            .iter()
            .filter(|frame| frame.at.logical.iter().all(|frame| frame.function.is_none()))
            .collect();
        if !unnamed.is_empty() {
            // Distributions strip their C library; that is no reason to look at one's own build.
            let system_only = unnamed.iter().all(|frame| is_of_system(&frame.at));
            let code = if system_only { "no_system_symbols" } else { "no_symbols" };
            return vec![SoftError::new("frames.function", code, no_symbols(&unnamed, kept.len()))];
        }
        if self.kept_logical().all(|frame| frame.file.is_none()) {
            let detail = "no frame has a source line: the program was built without debug information";
            return vec![SoftError::new("frames.line", "no_line_info", detail)];
        }
        Vec::new()
    }

    /// Files that would have names for frames of the stack, and were not believed.
    pub(crate) fn refused(&self) -> Vec<&Refused> {
        let mut all = Vec::new();
        for refused in self.kept().iter().flat_map(|frame| &frame.at.refused) {
            if !all.contains(&refused) && all.len() < MAX_REFUSED {
                all.push(refused);
            }
        }
        all
    }

    fn kept(&self) -> &[Physical] {
        &self.physical[self.trimmed..]
    }
}

/// Whether the code is the system's, into which none of the program's is inlined.
fn is_of_system(at: &Resolved) -> bool {
    at.image.as_ref().and_then(|at| at.image.path.as_deref()).is_some_and(is_system_image)
}

/// How many physical frames, and how many logical frames of the next one, belong to the agent and to the
/// panic machinery.
fn trim(physical: &[Physical], search_start: usize) -> (usize, usize) {
    // With names the call into the hook is found by them; a walk that starts elsewhere is then right too.
    let hook_caller = physical.iter().take(MACHINERY_WITHIN).enumerate().find_map(|(index, frame)| {
        Some((index, frame.at.logical.iter().rposition(Logical::is_hook_caller)? + 1))
    });
    let (start, mut skip) = hook_caller.unwrap_or((search_start, 0));
    for (index, frame) in physical.iter().enumerate().skip(start) {
        let logical = &frame.at.logical;
        skip += logical.iter().skip(skip).take_while(|frame| frame.is_panic_machinery()).count();
        if skip < logical.len() {
            return (index, skip);
        }
        skip = 0;
    }
    // Never trim everything: a stack of machinery alone is kept as it is.
    (search_start.min(physical.len().saturating_sub(1)), 0)
}

fn no_symbols(unnamed: &[&Physical], kept: usize) -> String {
    let mut images: Vec<String> = Vec::new();
    for frame in unnamed {
        let text = match &frame.at.image {
            Some(at) => match &at.image.build_id {
                Some(build_id) => format!("{} (build-id {build_id})", at.image.name),
                None => format!("{} (no build-id)", at.image.name),
            },
            None => "no known image".to_owned(),
        };
        if !images.contains(&text) && images.len() < 4 {
            images.push(text);
        }
    }
    format!("{} of {kept} frames have no name; no symbols for them in {}", unnamed.len(), images.join(", "))
}

fn hex(address: u64) -> String {
    format!("{address:#x}")
}

#[cfg(test)]
pub(crate) mod tests;
