//! Turns a raw record into a finished report.
//!
//! Runs on: the writer thread. Must not: fail; what is missing becomes `null` and a soft error.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::clock::Clock;
use super::fingerprint::PortableFile;
use super::prepared::{Prepared, Stacks};
use super::process_view::Surroundings;
use super::redact::Redact;
use super::service::Service;
use crate::config::{RedactField, Redactor};
use crate::record::{
    Ancestor, Basis, Breadcrumb, BreadcrumbLevel, DetachState, Head, Level, LineKind, Location, NamedFrame,
    PanicId, PayloadKind, Place, RawFlag, RawRecord, Report, SoftError, ThreadFacts,
};
use crate::symbolize::{Effort, Namer, Naming, is_c_library};
use crate::sys::thread;

/// Builds reports, with everything it needs for that.
pub(crate) struct Builder {
    pub(crate) service: Service,
    pub(crate) surroundings: Box<dyn Surroundings>,
    pub(crate) stacks: Stacks,
    pub(crate) redact: Redact,
    pub(crate) clock: Clock,
    pub(crate) no_ancestors: Arc<[Ancestor]>,
    pub(crate) portable: PortableFile,
}

impl Builder {
    /// One that knows nothing of earlier reports.
    pub(crate) fn new(
        service: Service,
        surroundings: Box<dyn Surroundings>,
        stacks: Stacks,
        redactor: Option<Redactor>,
    ) -> Self {
        Self {
            service,
            surroundings,
            stacks,
            redact: Redact::new(redactor),
            clock: Clock::default(),
            no_ancestors: Arc::default(),
            portable: PortableFile::default(),
        }
    }

    /// The report of a record, and the stack it took its frames from. `naming` is asked before each look-up
    /// of a name.
    pub(crate) fn report(
        &mut self,
        record: &RawRecord,
        naming: &mut dyn FnMut(Effort) -> Naming,
    ) -> (Report, Arc<Prepared>) {
        let images: &mut dyn Surroundings = &mut *self.surroundings;
        let prepared = self.stacks.prepared(record, images, &mut self.redact, naming);
        let id = PanicId::new(self.service.instance, record.sequence);
        let stamp = self.clock.stamp(record.wall_ns);
        let message = self.message(record);
        let (labels, forgotten) = self.labels(record);
        let breadcrumbs = self.breadcrumbs(record);
        let location = self.location(record);
        let thread = record.thread_name.as_str();
        let thread = (!thread.is_empty()).then(|| self.redact.text(RedactField::ThreadName, thread));
        let file = (!record.file.as_str().is_empty()).then(|| self.portable.of(record.file.as_str()));
        let line = (!prepared.has_names).then_some(record.line);
        let fingerprint = prepared.fingerprint.with(file, line, message.as_deref()).to_text();
        let mut soft_errors = prepared.soft_errors.clone();
        lacks(record, &mut soft_errors);
        soft_errors.extend(forgotten);
        if self.redact.take_failed() {
            soft_errors.push(Redact::failure("message"));
        }
        let outcome = prepared.outcome.clone();
        let report = Report {
            head: self.service.head(LineKind::Panic, id, stamp, record.pid, outcome.level),
            fingerprint,
            message_len: message.as_ref().map(|_| record.message.total_len()),
            message,
            thread,
            fate: outcome.fate,
            receipt: outcome.receipt,
            basis: Basis::Predicted,
            uncaught: outcome.uncaught,
            silent: outcome.silent,
            swallowed: outcome.swallowed,
            reason: outcome.reason,
            incident: id,
            relation: None,
            landing: None,
            received_at: None,
            hops: 0,
            evidence: None,
            lineage: self.no_ancestors.clone(),
            test: None,
            hook: (!record.has_flag(RawFlag::HookUnknown)).then(|| !record.has_flag(RawFlag::NoHook)),
            recovered: false,
            mono_ns: record.mono_ns,
            payload_type: payload_type(record),
            thread_facts: ThreadFacts {
                os_id: (thread::TELLS_ID && record.tid != 0).then_some(record.tid),
                std_id: (record.std_thread_id != 0).then_some(record.std_thread_id),
                main: record.has_flag(RawFlag::MainThread),
                foreign: record.has_flag(RawFlag::ForeignThread),
                detached: DetachState::from_u8(record.detached),
            },
            location,
            late: record.has_flag(RawFlag::Late),
            labels,
            breadcrumbs,
            prediction: prepared.prediction.clone(),
            stack: prepared.summary.clone(),
            soft_errors,
            images: prepared.images.clone(),
            frames: prepared.frames.clone(),
            stack_id: None,
        };
        (report, prepared)
    }

    /// What a line about this process begins with, when it is made now.
    pub(super) fn head(&mut self, kind: LineKind, level: Level) -> Head {
        let stamp = self.clock.now();
        let instance = PanicId::new(self.service.instance, 0).instance_text();
        self.service.head(kind, instance, stamp, thread::pid(), level)
    }

    fn message(&mut self, record: &RawRecord) -> Option<String> {
        let known = match PayloadKind::from_u8(record.payload) {
            PayloadKind::Str | PayloadKind::String => true,
            PayloadKind::Registered | PayloadKind::Unknown => {
                record.has_flag(RawFlag::ExtractedMessage) || record.message.total_len() > 0
            }
        };
        known.then(|| self.redact.text(RedactField::Message, record.message.as_str()))
    }

    /// Process labels, then the thread's from the outermost scope to the innermost: the last one wins.
    /// Says so when the process labels of that moment are not known any more.
    fn labels(&mut self, record: &RawRecord) -> (BTreeMap<String, String>, Option<SoftError>) {
        let process = self.surroundings.process_labels(Some(record.process_labels));
        let forgotten = process.is_none().then(|| {
            SoftError::new(
                "labels",
                "process_labels_forgotten",
                "the labels of the process changed too often since; those in force then are not known",
            )
        });
        let process = process.unwrap_or_default();
        let process = process.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let mut labels: BTreeMap<&str, &str> = BTreeMap::new();
        labels.extend(process.chain(record.labels.pairs()));
        let shown =
            |(key, value): (&str, &str)| (key.to_owned(), self.redact.text(RedactField::Label(key), value));
        (labels.into_iter().map(shown).collect(), forgotten)
    }

    /// Oldest first.
    fn breadcrumbs(&mut self, record: &RawRecord) -> Vec<Breadcrumb> {
        let mut shown =
            |text: &[u8]| self.redact.text(RedactField::Breadcrumb, &String::from_utf8_lossy(text));
        let mut breadcrumbs: Vec<Breadcrumb> = record
            .crumbs
            .crumbs()
            .map(|crumb| Breadcrumb {
                age_ns: record.mono_ns.saturating_sub(crumb.mono_ns),
                level: BreadcrumbLevel::from_u8(crumb.level),
                target: shown(crumb.target),
                message: shown(crumb.message),
                cut: crumb.cut,
            })
            .collect();
        breadcrumbs.reverse();
        breadcrumbs
    }

    fn location(&mut self, record: &RawRecord) -> Option<Location> {
        let file = record.file.as_str();
        (!record.has_flag(RawFlag::NoLocation) && !file.is_empty()).then(|| Location {
            file: self.redact.path(file),
            line: record.line,
            column: record.column,
        })
    }
}

fn payload_type(record: &RawRecord) -> Option<String> {
    match PayloadKind::from_u8(record.payload) {
        PayloadKind::Str => Some("&str".to_owned()),
        PayloadKind::String => Some("String".to_owned()),
        PayloadKind::Registered | PayloadKind::Unknown => {
            let name = record.type_name.as_str();
            (!name.is_empty()).then(|| name.to_owned())
        }
    }
}

/// What the panicking thread could not record.
fn lacks(record: &RawRecord, soft_errors: &mut Vec<SoftError>) {
    let mut lack =
        |field: &str, code: &str, detail: &str| soft_errors.push(SoftError::new(field, code, detail));
    if record.has_flag(RawFlag::NoLocation) || record.file.as_str().is_empty() {
        lack("location", "no_location", "the panic has no location");
    }
    if record.file.is_truncated() {
        lack("location.file", "truncated", "the path was longer than a record keeps");
    }
    if record.thread_name.is_truncated() {
        lack("thread", "truncated", "the name was longer than a record keeps");
    }
    if record.has_flag(RawFlag::LabelsTruncated) {
        lack("labels", "truncated", "some labels did not fit into the record");
    }
    if record.has_flag(RawFlag::NoLabels) {
        lack(
            "labels",
            "no_labels",
            "the thread's own labels could not be read: its thread-locals are gone or in use",
        );
    }
    if payload_type(record).is_none() {
        lack("payload_type", "unknown_payload", "the payload is neither a text nor of a registered type");
    }
}

/// Names places with the builder's symbols, as long as that is allowed.
pub(crate) struct PlaceNamer<'a> {
    pub(crate) builder: &'a mut Builder,
    pub(crate) naming: &'a mut dyn FnMut(Effort) -> Naming,
}

impl Namer for PlaceNamer<'_> {
    fn newest(&self) -> u64 {
        self.builder.surroundings.newest()
    }

    fn name(&mut self, ips: &[u64]) -> Arc<[NamedFrame]> {
        self.builder.stacks.name(ips, &mut *self.builder.surroundings, self.naming)
    }

    fn outside_of_c(&mut self, ips: &[u64]) -> Vec<u64> {
        let mut in_c = |ip: u64| {
            // The call lies before its return address.
            let image = self.builder.surroundings.image_of(ip.saturating_sub(1), None);
            image.is_some_and(|at| at.image.path.as_deref().is_some_and(is_c_library))
        };
        ips.iter().copied().filter(|ip| !in_c(*ip)).collect()
    }

    fn addresses(&mut self, ips: &[u64]) -> Vec<String> {
        let mut address = |ip: u64| match self.builder.surroundings.image_of(ip.saturating_sub(1), None) {
            Some(at) => format!("{}+{:#x}", at.image.name, at.address),
            None => format!("{ip:#x}"),
        };
        ips.iter().map(|ip| address(*ip)).collect()
    }

    fn catches_at_root_only(&mut self, ips: &[u64]) -> bool {
        self.builder.surroundings.catches_at_root_only(ips)
    }

    fn redact_place(&mut self, place: Place) -> Place {
        self.builder.redact.place(place)
    }

    fn redact_thread_name(&mut self, name: String) -> String {
        self.builder.redact.text(RedactField::ThreadName, &name)
    }
}
