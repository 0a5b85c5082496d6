//! Puts lines together into stories, with bounded memory.
//!
//! A story waits for later lines until the end of the input, or until what waits is more than the bound: then the oldest
//! ones go first, with what is known of them. That this happened is counted, and so are lines that came too late for
//! their story.
//!
//! Runs on: the main thread. Must not: keep more than the bound.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use panic_agent::record::{DeathLine, FindingLine, PanicId, RepeatsLine, VerdictLine};
use panic_agent::{Line, Report};

use super::{At, Entry, Incident, Note, Process, Story, Told};

/// Processes that are remembered; of more the oldest are forgotten.
const MAX_PROCESSES: usize = 20_000;
/// What a note takes.
const NOTE_BYTES: usize = 1024;

/// Incidents that have gone and are remembered, so that what comes later is not taken for a chain without a beginning.
const MAX_GONE: usize = 8192;

/// What became of a line.
#[derive(Debug, PartialEq)]
pub(crate) enum Taken {
    /// It belongs to a story that waits.
    Kept,
    /// A verdict on a panic whose story has gone.
    Late(Arc<VerdictLine>),
}

/// Lines on their way to stories.
#[derive(Debug)]
pub(crate) struct Gather {
    max_bytes: usize,
    /// Stories that wait, by arrival, with their size and the last line that changed them.
    waiting: BTreeMap<u64, Waiting>,
    by_incident: HashMap<PanicId, u64>,
    by_panic: HashMap<PanicId, u64>,
    bytes: usize,
    arrivals: u64,
    gone: HashSet<PanicId>,
    gone_order: VecDeque<PanicId>,
    processes: HashMap<u64, Process>,
    process_order: VecDeque<u64>,
    /// Stories that went before the end because of the bound.
    pub(crate) evicted: u64,
    /// Lines that came after their story had gone.
    pub(crate) late: u64,
}

#[derive(Debug)]
struct Waiting {
    story: Story,
    bytes: usize,
    changed: std::time::Instant,
}

impl Gather {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            waiting: BTreeMap::new(),
            by_incident: HashMap::new(),
            by_panic: HashMap::new(),
            bytes: 0,
            arrivals: 0,
            gone: HashSet::new(),
            gone_order: VecDeque::new(),
            processes: HashMap::new(),
            process_order: VecDeque::new(),
            evicted: 0,
            late: 0,
        }
    }

    /// Takes the next line.
    pub(crate) fn take(&mut self, entry: Entry) -> Taken {
        let Entry { line, at, bytes } = entry;
        match line {
            Line::Process(line) => {
                let process = instance(&line.head.id);
                self.process_mut(process).line = Some(line);
            }
            Line::End(line) => {
                let process = instance(&line.head.id);
                self.process_mut(process).end = Some(line);
            }
            Line::Losses(line) => {
                let process = instance(&line.head.id);
                self.process_mut(process).losses = Some(line);
            }
            Line::Panic(report) => self.panic(report, at, bytes),
            Line::Verdict(verdict) => return self.verdict(verdict, at, bytes),
            Line::Finding(finding) => self.finding(finding, at, bytes),
            Line::Repeats(repeats) => self.repeats(repeats, at),
            Line::Death(death) => self.death(death, at, bytes),
            _ => {}
        }
        Taken::Kept
    }

    /// The oldest story, while more waits than the bound allows.
    pub(crate) fn overflow(&mut self) -> Option<Story> {
        if self.bytes <= self.max_bytes {
            return None;
        }
        self.evicted += 1;
        self.pop()
    }

    /// The oldest story, at the end.
    pub(crate) fn pop(&mut self) -> Option<Story> {
        let key = *self.waiting.keys().next()?;
        self.remove(key)
    }

    /// A story whose process is over, or that nothing has changed for a while.
    pub(crate) fn settled(&mut self, quiet: std::time::Duration) -> Option<Story> {
        let is_settled = |waiting: &Waiting| {
            let over = match &waiting.story {
                Story::Incident(incident) => {
                    self.process(incident.id.instance()).is_some_and(Process::is_over)
                }
                Story::Note(..) => true,
            };
            over || waiting.changed.elapsed() >= quiet
        };
        let key = *self.waiting.iter().find(|(_, waiting)| is_settled(waiting))?.0;
        self.remove(key)
    }

    /// Stories that wait, oldest first.
    pub(crate) fn stories(&self) -> impl Iterator<Item = &Story> {
        self.waiting.values().map(|waiting| &waiting.story)
    }

    pub(crate) fn process(&self, instance: u64) -> Option<&Process> {
        self.processes.get(&instance)
    }

    pub(crate) fn processes(&self) -> impl Iterator<Item = &Process> {
        self.process_order.iter().filter_map(|instance| self.processes.get(instance))
    }

    fn remove(&mut self, key: u64) -> Option<Story> {
        let waiting = self.waiting.remove(&key)?;
        self.bytes = self.bytes.saturating_sub(waiting.bytes);
        if let Story::Incident(incident) = &waiting.story {
            self.by_incident.remove(&incident.id);
            if self.gone.insert(incident.id) {
                self.gone_order.push_back(incident.id);
            }
            if self.gone_order.len() > MAX_GONE
                && let Some(oldest) = self.gone_order.pop_front()
            {
                self.gone.remove(&oldest);
            }
            for told in &incident.panics {
                self.by_panic.remove(&told.id);
            }
        }
        Some(waiting.story)
    }

    fn process_mut(&mut self, instance: u64) -> &mut Process {
        if !self.processes.contains_key(&instance) {
            self.process_order.push_back(instance);
            if self.process_order.len() > MAX_PROCESSES
                && let Some(oldest) = self.process_order.pop_front()
            {
                self.processes.remove(&oldest);
            }
        }
        self.processes.entry(instance).or_default()
    }

    fn panic(&mut self, report: Arc<Report>, at: At, bytes: usize) {
        self.process_mut(report.head.id.instance());
        let (id, incident) = (report.head.id, report.incident);
        if let Some(told) = self.told(id) {
            // The same line twice, as where a log and its copy are read; or the panic of an earlier verdict.
            if told.report.is_none() {
                told.head = report.head.clone();
                told.report = Some(report);
            }
            return;
        }
        self.insert(id, incident, Told::from_report(report, at), bytes);
    }

    fn verdict(&mut self, verdict: Arc<VerdictLine>, at: At, bytes: usize) -> Taken {
        let (id, incident) = (verdict.head.id, verdict.incident);
        let Some(key) = self.by_panic.get(&id).copied() else {
            if self.evicted > 0 {
                self.late += 1;
                return Taken::Late(verdict);
            }
            self.insert(id, incident, Told::from_verdict(verdict, at), bytes);
            return Taken::Kept;
        };
        self.grow(key, bytes);
        let Some(told) = self.told(id) else { return Taken::Kept };
        told.judge(verdict);
        // The link to an earlier panic may be known only now.
        if self.by_incident.get(&incident) != Some(&key) {
            self.relink(id, incident);
        }
        Taken::Kept
    }

    /// Moves a panic to the incident that it turned out to belong to.
    fn relink(&mut self, id: PanicId, incident: PanicId) {
        let Some(key) = self.by_panic.get(&id).copied() else { return };
        let Some(Waiting { story: Story::Incident(old), bytes, .. }) = self.waiting.get_mut(&key) else {
            return;
        };
        if old.id == incident {
            return;
        }
        let Some(at) = old.panics.iter().position(|told| told.id == id) else { return };
        let told = old.panics.remove(at);
        let bytes = *bytes / (old.panics.len() + 1);
        self.by_panic.remove(&id);
        if old.panics.is_empty() {
            self.remove(key);
        }
        self.insert(id, incident, told, bytes);
    }

    fn finding(&mut self, finding: Arc<FindingLine>, at: At, bytes: usize) {
        if finding.code == "process_died" {
            self.process_mut(instance(&finding.head.id)).died = true;
        }
        if let Some(id) = finding.panic
            && let Some(key) = self.by_panic.get(&id).copied()
        {
            self.grow(key, bytes);
            if let Some(told) = self.told(id) {
                told.findings.push(finding);
            }
            return;
        }
        self.wait(Story::Note(Note::Finding(finding), at), bytes);
    }

    fn death(&mut self, death: Arc<DeathLine>, at: At, bytes: usize) {
        self.process_mut(instance(&death.head.id)).died = true;
        self.wait(Story::Note(Note::Death(death), at), bytes);
    }

    fn repeats(&mut self, repeats: Arc<RepeatsLine>, at: At) {
        if let Some(key) = self.by_panic.get(&repeats.first).copied()
            && let Some(Waiting { story: Story::Incident(incident), .. }) = self.waiting.get_mut(&key)
        {
            incident.repeats = incident.repeats.saturating_add(repeats.count);
            return;
        }
        self.wait(Story::Note(Note::Repeats(repeats), at), NOTE_BYTES);
    }

    fn insert(&mut self, id: PanicId, incident: PanicId, told: Told, bytes: usize) {
        if let Some(key) = self.by_incident.get(&incident).copied()
            && let Some(Waiting { story: Story::Incident(known), .. }) = self.waiting.get_mut(&key)
        {
            known.push(told);
            self.by_panic.insert(id, key);
            self.grow(key, bytes);
            return;
        }
        let mut story = Incident::new(incident, told);
        story.continued = story.headless && self.gone.contains(&incident);
        let key = self.wait(Story::Incident(story), bytes);
        self.by_incident.insert(incident, key);
        self.by_panic.insert(id, key);
    }

    fn wait(&mut self, story: Story, bytes: usize) -> u64 {
        self.arrivals += 1;
        self.bytes += bytes;
        self.waiting.insert(self.arrivals, Waiting { story, bytes, changed: std::time::Instant::now() });
        self.arrivals
    }

    fn grow(&mut self, key: u64, bytes: usize) {
        if let Some(waiting) = self.waiting.get_mut(&key) {
            waiting.bytes += bytes;
            waiting.changed = std::time::Instant::now();
            self.bytes += bytes;
        }
    }

    fn told(&mut self, id: PanicId) -> Option<&mut Told> {
        match &mut self.waiting.get_mut(self.by_panic.get(&id)?)?.story {
            Story::Incident(incident) => incident.find(id),
            Story::Note(..) => None,
        }
    }
}

/// The process instance in the `id` of a line that concerns no panic.
fn instance(id: &str) -> u64 {
    u64::from_str_radix(id, 16).unwrap_or_default()
}
