//! Everything about a report that depends on its stack alone, done once per distinct stack.
//!
//! Runs on: the writer thread. Must not: grow beyond its bound.

use std::sync::{Arc, OnceLock};

use super::fingerprint::Fingerprint;
use super::redact::Redact;
use super::stack_json::StackJson;
use crate::record::{
    DetachState, Fate, Fnv, Frame, Image, NamedFrame, Prediction, RawFlag, RawRecord, RawWalk, SoftError,
    StackSummary, ThreadStart, WalkEnd, WalkSource,
};
use crate::symbolize::ready::Wanted;
use crate::symbolize::{Effort, Images, Naming, Recent, Resolve, Symbolizer, hash};
use crate::verdict::{OfStack, Outcome, Stop, Strategy, predict, settle};

/// Distinct stacks that are kept. About 40 KiB each with 36 frames: 10 MiB; five times that with the
/// deepest stacks.
const MAX_STACKS: usize = 256;
/// Flags that change a prediction.
const PREDICTING: u32 = RawFlag::CannotUnwind as u32
    | RawFlag::InCleanup as u32
    | RawFlag::Nested as u32
    | RawFlag::NothingElseUnwinds as u32
    | RawFlag::Wrapped as u32;

/// A stack, symbolized, judged, redacted and serialized.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) frames: Arc<[Frame]>,
    pub(crate) images: Arc<[Image]>,
    /// What a line says of the stack, as JSON.
    pub(crate) json: StackJson,
    pub(crate) prediction: Prediction,
    pub(crate) outcome: Outcome,
    /// What the stack tells the life of a panic that stops as predicted.
    pub(crate) of_stack: OfStack,
    /// Whether the stack runs through std's entry for panics that call the hook.
    pub(crate) wants_hook: Option<bool>,
    pub(crate) summary: StackSummary,
    pub(crate) soft_errors: Vec<SoftError>,
    pub(crate) fingerprint: Fingerprint,
    /// Whether the fingerprint rests on names.
    pub(crate) has_names: bool,
    stack_id: OnceLock<u64>,
}

impl Prepared {
    /// What the stack is called in files that have it once: the hash of what a line says of it.
    pub(crate) fn stack_id(&self) -> u64 {
        *self.stack_id.get_or_init(|| {
            let mut hash = Fnv::new();
            hash.add(self.json.whole().iter().copied());
            hash.get()
        })
    }

    /// What the stack of a panic with this fate tells its life.
    pub(crate) fn of_stack(&self, record: &RawRecord, fate: Fate) -> OfStack {
        OfStack { stop: self.stop(record, fate), ..self.of_stack.clone() }
    }

    /// Where a panic with this stack stops, and what follows from that.
    pub(crate) fn stop(&self, record: &RawRecord, fate: Fate) -> Stop {
        Stop { ip: record.walk.stopper_ip(), fate, ..self.of_stack.stop.clone() }
    }
}

/// Prepared stacks by their walk.
pub(crate) struct Stacks {
    pub(crate) symbolizer: Symbolizer,
    strategy: Strategy,
    known: Recent<u64, Arc<Known>>,
    /// Generation of the images for which symbols are kept.
    generation: Option<u32>,
    /// Reused for each lookup.
    key: Vec<u64>,
}

struct Known {
    key: Box<[u64]>,
    prepared: Arc<Prepared>,
    /// Why it lacks names that it might get another time, if so.
    naming: Naming,
}

impl Known {
    /// Whether nothing better can be had now.
    fn is_good(&self, naming: &mut dyn FnMut(Effort) -> Naming) -> bool {
        let effort = match self.naming {
            Naming::Allowed | Naming::Off => return true,
            Naming::Unopened => Effort::FirstOfImage,
            Naming::NotReady | Naming::OutOfTime => Effort::Known,
        };
        naming(effort) != Naming::Allowed
    }
}

impl Stacks {
    pub(crate) fn new(resolver: Box<dyn Resolve>, strategy: Strategy) -> Self {
        Self {
            symbolizer: Symbolizer::new(resolver),
            strategy,
            known: Recent::new(MAX_STACKS),
            generation: None,
            key: Vec::new(),
        }
    }

    /// See [`Symbolizer::unread`]: of a record.
    pub(crate) fn unread_of(&mut self, record: &RawRecord, images: &mut dyn Images) -> Vec<Wanted> {
        let walk = &record.walk;
        let mut ips = walk.ips().iter().chain(walk.landing()).copied();
        self.symbolizer.unread(&mut ips, record.images, images)
    }

    /// The same of a short stack.
    pub(crate) fn unread(&mut self, ips: &[u64], images: &mut dyn Images) -> Vec<Wanted> {
        self.symbolizer.unread(&mut ips.iter().copied(), self.generation.unwrap_or(0), images)
    }

    /// The logical frames of a short stack, innermost first.
    pub(crate) fn name(
        &mut self,
        ips: &[u64],
        images: &mut dyn Images,
        naming: &mut dyn FnMut(Effort) -> Naming,
    ) -> Arc<[NamedFrame]> {
        self.symbolizer.name(ips, self.generation.unwrap_or(0), images, naming)
    }

    /// The prepared stack of a record: a lookup when the same stack panicked before.
    pub(crate) fn prepared(
        &mut self,
        record: &RawRecord,
        images: &mut dyn Images,
        redact: &mut Redact,
        naming: &mut dyn FnMut(Effort) -> Naming,
    ) -> Arc<Prepared> {
        self.follow_images(record.images);
        write_key(&mut self.key, record);
        let hash = hash(self.key.iter().copied());
        if let Some(known) = self.known.get(hash)
            && *known.key == *self.key
            && known.is_good(naming)
        {
            return known.prepared.clone();
        }
        let (prepared, naming) = self.prepare(record, images, redact, naming);
        let prepared = Arc::new(prepared);
        let known = Known { key: self.key.as_slice().into(), prepared: prepared.clone(), naming };
        self.known.insert(hash, Arc::new(known));
        prepared
    }

    /// An address may mean something else after images were loaded or unloaded.
    fn follow_images(&mut self, generation: u32) {
        match self.generation {
            Some(known) if generation > known => {
                self.symbolizer.forget();
                self.known.clear();
                self.generation = Some(generation);
            }
            Some(_) => {}
            None => self.generation = Some(generation),
        }
    }

    /// The stack, and why not every name was looked up, if so.
    fn prepare(
        &mut self,
        record: &RawRecord,
        images: &mut dyn Images,
        redact: &mut Redact,
        naming: &mut dyn FnMut(Effort) -> Naming,
    ) -> (Prepared, Naming) {
        let stack = self.symbolizer.stack(&record.walk, record.images, images, naming);
        let walk = &with_root(record, images);
        let predicted = predict(walk, &stack, self.strategy, record.flags);
        let outcome = settle(&predicted);
        let (inside_root, holder) = (predicted.inside_root, predicted.holder);
        let cleans = images.catch_cleans(record.walk.stopper_ip(), record.images);
        let mut prediction = predicted.prediction;
        redact.handler(prediction.handler.as_mut());
        let mut frames = stack.frames();
        redact.frames(&mut frames);
        let mut images = stack.images();
        redact.images(&mut images);
        let naming = stack.naming;
        let rests_on_names = stack.has_names() && !stack.misses_program;
        let summary = summary(&record.walk, stack.trimmed);
        let mut soft_errors = stack.soft_errors();
        soft_errors.extend(stack.refused().into_iter().map(|refused| {
            let detail = format!("{} {}", redact.path(&refused.path), refused.why);
            SoftError::new("frames.function", refused.code, detail)
        }));
        let of_stack = OfStack {
            stop: Stop {
                ip: record.walk.stopper_ip(),
                fate: outcome.fate,
                handler: prediction.handler.clone().map(Arc::new),
                inside_root,
                holder,
                cleans,
            },
            in_once: stack.in_once(),
            in_destructor: stack.in_destructor(),
            by_scope: stack.by_scope(),
        };
        let prepared = Prepared {
            json: StackJson::new(&prediction, &summary, &soft_errors, &images, &frames),
            frames: frames.into(),
            images: images.into(),
            of_stack,
            wants_hook: stack.wants_hook(),
            prediction,
            outcome,
            summary,
            soft_errors,
            // Some names would make a fingerprint that no other report of this cause has.
            fingerprint: if rests_on_names {
                Fingerprint::of_stack(&stack)
            } else {
                Fingerprint::without_stack()
            },
            has_names: rests_on_names,
            stack_id: OnceLock::new(),
        };
        (prepared, naming)
    }
}

/// The walk, with what the process knows of the root of its thread.
///
/// The closure of a thread may end by a jump into the function that drops the result of the thread, which std's start of the
/// thread calls then by all that the stack shows. But whoever can join a thread shares its result, so that the thread does
/// not drop it; and only the closure is called through a vtable.
fn with_root(record: &RawRecord, images: &mut dyn Images) -> RawWalk {
    let mut walk = record.walk;
    if walk.stopper != walk.outermost_catch {
        return walk;
    }
    let as_known = images.thread_start(&walk);
    let mut is_closure =
        || images.is_called_through_vtable(walk.stopper_ip(), record.images).unwrap_or_default();
    let start = match as_known {
        ThreadStart::Absent => ThreadStart::Absent,
        _ if is_joinable(record) => ThreadStart::CallsCatch,
        ThreadStart::CallsCatch if !is_closure() => ThreadStart::Beyond,
        as_known => as_known,
    };
    walk.at_thread_start = start as u8;
    walk
}

fn is_joinable(record: &RawRecord) -> bool {
    DetachState::from_u8(record.detached) == DetachState::Joinable
}

fn summary(walk: &RawWalk, trimmed: usize) -> StackSummary {
    StackSummary {
        source: match WalkSource::from_u8(walk.source) {
            WalkSource::None => "none",
            WalkSource::Tables => "tables",
            WalkSource::System => "system",
        }
        .to_owned(),
        end: WalkEnd::from_u8(walk.end).word().to_owned(),
        physical: walk.walked.max(walk.len),
        trimmed_inner: u32::try_from(trimmed).unwrap_or(u32::MAX),
        not_recorded: walk.walked.saturating_sub(walk.len),
        cut_for_size: 0,
    }
}

/// Every word that the prepared stack depends on.
fn write_key(key: &mut Vec<u64>, record: &RawRecord) {
    let walk = &record.walk;
    let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    key.clear();
    key.extend_from_slice(&[
        pair(record.images, record.flags & PREDICTING),
        pair(walk.len, walk.walked),
        pair(walk.stopper, walk.outermost_catch),
        u64::from(walk.search_start),
        walk.bytes_as_word([u8::from(is_joinable(record)), 0]),
    ]);
    key.extend_from_slice(walk.landing());
    key.extend_from_slice(walk.ips());
    for eight in walk.actions().chunks(8) {
        let mut word = [0; 8];
        word[..eight.len()].copy_from_slice(eight);
        key.push(u64::from_le_bytes(word));
    }
}
