//! Names for the lines of programs that were shipped without, and the verdicts that names settle.
//!
//! Runs on: the thread that asks (2 MiB stack). Must not: change a line of which it learns nothing.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::places::instance;
use super::recorded::{Recorded, walk_of};
use super::settle_again::{Flat, Named};
use crate::error::{Error, ErrorKind};
use crate::record::{
    DetachState, Fate, Frame, HandlerKind, Image, Line, NamedFrame, PanicId, Prediction, RawFlag, RawRecord,
    Report, StopKind, ThreadStart, VerdictLine,
};
use crate::report::fingerprint::PortableFile;
use crate::report::prepared::{Prepared, Stacks};
use crate::report::redact::Redact;
use crate::symbolize::{FileSymbols, Naming};
use crate::verdict::{Strategy, fate_of_handler};

/// Panics whose verdicts are still to come. About 2 KiB each.
const MAX_PANICS: usize = 65_536;

/// Names the frames of lines, and settles again what was unknown for want of names.
///
/// Files are believed only if their build-id is that of the image that the line names. Give it lines in the order of the
/// log: `verdict` lines need the `panic` line before them.
///
/// # Examples
/// ```
/// use panic_agent::record::{LineContent, LineReader};
/// use panic_agent::recovery::Symbolizer;
///
/// let mut symbolizer = Symbolizer::new().debug_directory("/usr/lib/debug");
/// for read in LineReader::new(&b""[..]).map_while(Result::ok) {
///     if let LineContent::Line(mut line) = read.content
///         && symbolizer.amend(&mut line)
///     {
///         println!("{line:?}");
///     }
/// }
/// ```
#[derive(Default)]
pub struct Symbolizer {
    pub(super) directories: Vec<PathBuf>,
    pub(super) binaries: Vec<(String, PathBuf)>,
    pub(super) opened: Option<Opened>,
    /// Panics of one incident, with whether each is an `unwrap` of an error: first its number.
    incidents: HashMap<PanicId, BTreeMap<u64, bool>>,
    known: HashMap<PanicId, (Named, Vec<Image>)>,
    order: VecDeque<PanicId>,
    /// Images of processes, by their instances.
    pub(super) images: HashMap<u64, Vec<Image>>,
}

pub(super) struct Opened {
    stacks: Stacks,
    redact: Redact,
    record: Box<RawRecord>,
    portable: PortableFile,
    /// Each process has addresses of its own.
    generations: HashMap<u64, u32>,
}

impl core::fmt::Debug for Symbolizer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { directories, binaries, .. } = self;
        f.debug_struct("Symbolizer")
            .field("directories", directories)
            .field("binaries", binaries)
            .finish_non_exhaustive()
    }
}

impl Symbolizer {
    /// One that looks where the images of the lines lay.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that looks in these directories, too, and takes names from these files: [`debug_directory`](Self::debug_directory) and
    /// [`binary`](Self::binary) for each.
    ///
    /// # Errors
    /// [`ErrorKind::Recover`] if one of the directories is none, or a file is none of those that `binary` takes.
    pub fn of(directories: &[PathBuf], binaries: &[PathBuf]) -> Result<Self, Error> {
        if let Some(none) = directories.iter().find(|directory| !directory.is_dir()) {
            let subject = format!("`{}` is not a directory with debug files", none.display());
            return Err(Error::new(ErrorKind::Recover, subject, ""));
        }
        let symbolizer = Self { directories: directories.to_vec(), ..Self::default() };
        binaries.iter().try_fold(symbolizer, Self::binary)
    }

    /// Looks in a directory, too: by build-id (`.build-id/ab/cdef….debug`, and `ab/cdef…/debuginfo` of a debuginfod cache), and
    /// by the name of the image.
    pub fn debug_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directories.push(directory.into());
        self
    }

    /// Takes names from a program, a library or a debug file, for images with its build-id.
    ///
    /// # Errors
    /// [`ErrorKind::Recover`] if the file cannot be read, is no object file, or has no build-id.
    pub fn binary(mut self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let subject = |what: &str| format!("cannot take names from `{}`{what}", path.display());
        let build_id = panic_agent_symbols::build_id_of(path).map_err(|source| {
            Error::new(ErrorKind::Recover, subject(""), "name a program, a library or its debug file")
                .with_source(source)
        })?;
        let build_id = build_id.ok_or_else(|| {
            let advice =
                "link it with `-C link-arg=-Wl,--build-id`, so that it can be told from other builds";
            Error::new(ErrorKind::Recover, subject(": it has no build-id"), advice)
        })?;
        self.binaries.push((build_id, path.to_owned()));
        Ok(self)
    }

    /// Learns which panics carry others on, which may stand further on in the log. Without it such panics keep an open
    /// `silent` and `swallowed` where names settle the receipt.
    pub fn learn(&mut self, line: &Line) {
        let Some(verdict) = line.verdict() else { return };
        let incident = match line {
            Line::Panic(report) => report.incident,
            Line::Verdict(verdict) => verdict.incident,
            _ => return,
        };
        if incident != verdict.head.id {
            let unwraps = verdict.relation == Some("unwrap");
            self.incidents.entry(incident).or_default().insert(verdict.head.id.sequence(), unwraps);
        }
    }

    /// Names what can be named in a line, and settles what that settles; whether anything changed.
    pub fn amend(&mut self, line: &mut Line) -> bool {
        match line {
            Line::Panic(report) => self.report(Arc::make_mut(report)),
            Line::Verdict(verdict) => self.verdict(Arc::make_mut(verdict)),
            Line::Finding(finding) => self.finding(Arc::make_mut(finding)),
            Line::Process(process) => {
                if let Some(instance) = instance(&process.head.id) {
                    self.has_images(instance, process.image.as_slice());
                }
                false
            }
            _ => false,
        }
    }

    fn report(&mut self, report: &mut Report) -> bool {
        self.has_images(report.head.id.instance(), &report.images);
        let spawned = self.lineage(report);
        self.stack(report) || spawned
    }

    fn stack(&mut self, report: &mut Report) -> bool {
        let opened = self.opened.get_or_insert_with(|| Opened::new(&self.directories, &self.binaries));
        let Some(prepared) = opened.prepared(report) else { return false };
        if !is_better(&prepared.frames, &report.frames) {
            return false;
        }
        let mut named = Named {
            before: report.prediction.clone(),
            prediction: prediction(&report.prediction, &prepared),
            outcome: prepared.outcome.clone(),
            holder: prepared.of_stack.stop.holder,
            fingerprint: String::new(),
        };
        if opened.record.walk.stopper_ip() == 0 {
            // Its frame was cut, or nothing is said to stop it.
            named.outcome.fate = Fate::Unknown;
            named.prediction = moved(&report.prediction, &prepared);
        }
        if let Some(handler) = &named.prediction.handler
            && handler.kind != HandlerKind::Unknown
        {
            named.outcome.fate = fate_of_handler(handler.kind);
        }
        let images = report.images.to_vec();
        let file = report.location.as_ref().map(|at| opened.portable.of(&at.file));
        let line = report.location.as_ref().filter(|_| !prepared.has_names).map(|at| at.line);
        report.fingerprint = prepared.fingerprint.with(file, line, report.message.as_deref()).to_text();
        named.fingerprint.clone_from(&report.fingerprint);
        report.prediction = named.prediction.clone();
        report.stack.trimmed_inner =
            report.stack.trimmed_inner.saturating_add(prepared.summary.trimmed_inner);
        report.soft_errors.retain(|error| !error.field.starts_with("frames."));
        report.soft_errors.extend(prepared.soft_errors.iter().cloned());
        report.frames = prepared.frames.clone();
        report.images = prepared.images.clone();
        let id = report.head.id;
        let carried = self.carried(id, report.incident);
        let mut names = self.opened.as_mut();
        let mut frames = |stack: &[String]| name(names.as_deref_mut(), &images, id.instance(), stack);
        Flat::from(&mut *report).settle(&named, &mut frames, carried);
        self.remember(id, named, images);
        true
    }

    fn verdict(&mut self, verdict: &mut VerdictLine) -> bool {
        let id = verdict.head.id;
        let Some((named, images)) = self.known.get(&id).cloned() else { return false };
        let before = verdict.clone();
        verdict.fingerprint.clone_from(&named.fingerprint);
        let carried = self.carried(id, verdict.incident);
        let mut names = self.opened.as_mut();
        let mut frames = |stack: &[String]| name(names.as_deref_mut(), &images, id.instance(), stack);
        Flat::from(&mut *verdict).settle(&named, &mut frames, carried);
        *verdict != before
    }

    /// Whether a later panic carried this one on; `None` where the log does not tell which of several it was.
    fn carried(&self, id: PanicId, incident: PanicId) -> Option<bool> {
        let Some(others) = self.incidents.get(&incident) else { return Some(false) };
        let later = || others.range(id.sequence().saturating_add(1)..).map(|(_, unwraps)| *unwraps);
        match () {
            () if !later().any(|unwraps| unwraps) => Some(false),
            () if later().all(|unwraps| unwraps) => Some(true),
            () => None,
        }
    }

    fn remember(&mut self, id: PanicId, named: Named, images: Vec<Image>) {
        if self.known.insert(id, (named, images)).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > MAX_PANICS
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

impl Opened {
    pub(super) fn new(directories: &[PathBuf], binaries: &[(String, PathBuf)]) -> Self {
        let resolver = FileSymbols::of_the_dead(directories.to_vec(), binaries.to_vec());
        Self {
            stacks: Stacks::new(Box::new(resolver), Strategy::Unwind),
            redact: Redact::new(None),
            record: Box::new(RawRecord::new()),
            portable: PortableFile::default(),
            generations: HashMap::new(),
        }
    }

    /// The number of a process.
    pub(super) fn generation(&mut self, instance: u64) -> u32 {
        let next = u32::try_from(self.generations.len()).unwrap_or(u32::MAX).saturating_add(1);
        *self.generations.entry(instance).or_insert(next)
    }

    /// The stack of a line, with the names that are found now; `None` for a line without one.
    fn prepared(&mut self, report: &Report) -> Option<Arc<Prepared>> {
        let generation = self.generation(report.head.id.instance());
        let record = &mut *self.record;
        if !walk_of(report, &mut record.walk) {
            return None;
        }
        record.images = generation;
        // Whether a wrapper was last on its thread is not in the line.
        record.flags = RawFlag::Wrapped as u32;
        if report.relation.as_deref() == Some("while_unwinding") {
            record.flags |= RawFlag::Nested as u32;
        }
        (record.walk.at_main_start, record.walk.at_thread_start) = (0, ThreadStart::Absent as u8);
        record.detached = DetachState::Unknown as u8;
        match report.prediction.handler.as_ref().map(|handler| handler.kind) {
            Some(HandlerKind::MainRoot) => record.walk.at_main_start = 1,
            Some(HandlerKind::ThreadRoot) if !is_wrapper(report) => {
                record.walk.at_thread_start = ThreadStart::CallsCatch as u8;
                // What proved it is not in the line.
                record.detached = DetachState::Joinable as u8;
                record.walk.outermost_catch = record.walk.stopper;
            }
            _ => {}
        }
        let mut recorded = Recorded::of(report);
        let all = &mut |_| Naming::Allowed;
        Some(self.stacks.prepared(record, &mut recorded, &mut self.redact, all))
    }
}

/// Whether the root of the thread is one of this crate's wrappers, which its function tells.
fn is_wrapper(report: &Report) -> bool {
    let handler = report.prediction.handler.as_ref();
    handler.and_then(|handler| handler.function.as_deref()).is_some_and(|name| name.contains("panic_agent::"))
}

/// The frames of a place, if its images are known.
pub(super) fn name(
    opened: Option<&mut Opened>,
    images: &[Image],
    instance: u64,
    stack: &[String],
) -> Option<Arc<[NamedFrame]>> {
    let opened = opened?;
    let mut recorded = Recorded::of_images(images);
    let ips: Vec<u64> = stack.iter().map_while(|text| recorded.return_address(text)).collect();
    let generation = *opened.generations.get(&instance)?;
    let names = &mut opened.stacks.symbolizer;
    (!ips.is_empty()).then(|| names.name(&ips, generation, &mut recorded, &mut |_| Naming::Allowed))
}

/// What stops the panic: names tell whose a catch is, and never take back what the tables told.
fn prediction(before: &Prediction, prepared: &Prepared) -> Prediction {
    let found = &prepared.prediction;
    let known =
        |of: &Prediction| of.handler.as_ref().is_some_and(|handler| handler.kind != HandlerKind::Unknown);
    let settles = match before.stop {
        StopKind::Catch => {
            found.stop == StopKind::Abort
                || (found.stop == StopKind::Catch && (known(found) || !known(before)))
        }
        StopKind::Abort => {
            found.abort_reason.is_some()
                && before.abort_reason.is_none_or(|known| found.abort_reason == Some(known))
        }
        _ => false,
    };
    if settles {
        return found.clone();
    }
    moved(before, prepared)
}

/// The same, with its frame counted from the first one that is kept now.
fn moved(before: &Prediction, prepared: &Prepared) -> Prediction {
    let frame = before.frame.map(|frame| frame.saturating_sub(prepared.summary.trimmed_inner));
    Prediction { frame, ..before.clone() }
}

/// Whether more of a stack has names now, or as much of it has names and more has lines.
fn is_better(now: &[Frame], before: &[Frame]) -> bool {
    let unnamed = |frames: &[Frame]| frames.iter().filter(|frame| frame.function.is_none()).count();
    let lines = |frames: &[Frame]| frames.iter().filter(|frame| frame.line.is_some()).count();
    let (left, were) = (unnamed(now), unnamed(before));
    left < were || (left == were && lines(now) > lines(before))
}
