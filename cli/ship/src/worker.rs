//! Serves one destination: reads the log, puts lines together, sends batches, remembers how far it came.
//!
//! Nothing is read while a batch is being sent: the disk is the queue, and memory has a bound.
//!
//! Runs on: a thread of its own per destination. Must not: touch another destination's state.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::config::{Config, Route};
use super::dead_letter::DeadLetters;
use super::deliver::Delivery;
use super::fingerprints::Fingerprints;
use super::follow::{Follower, Line};
use super::line::Outline;
use super::merge::{Merge, Taken};
use super::metrics::{Counters, Metrics};
use super::names::Names;
use super::record::{Event, Record};
use super::state::{Saved, State};
use super::stop::Stop;

/// How often is asked for news.
const POLL: Duration = Duration::from_millis(200);
/// What is read at once.
const AT_ONCE: usize = 1 << 20;
/// How often positions without a delivery are written down.
const SAVE: Duration = Duration::from_secs(1);
/// Process instances whose losses are remembered.
const INSTANCES: usize = 1024;

/// What one destination needs.
pub(super) struct Worker {
    pub(super) route: Route,
    pub(super) state: State,
    pub(super) metrics: Arc<Metrics>,
    pub(super) index: usize,
    pub(super) stop: Stop,
    /// Counts what the log tells; the first destination alone has it.
    pub(super) fingerprints: Option<Fingerprints>,
}

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Everything that is there is delivered or dead.
    Complete,
    /// The end was asked for, or the time was over.
    Early,
    /// The thread panicked.
    Died,
}

impl Worker {
    /// Until the end is asked for; when draining is asked for, until everything that is there is shipped, or the time is over.
    pub(super) fn run(self, config: &Settings) -> End {
        let Self { mut route, mut state, metrics, index, stop, fingerprints } = self;
        let nothing = Counters::default();
        let counters = metrics.destinations.get(index).map_or(&nothing, |(_, counters)| counters);
        let first_start = state.saved().is_none();
        let (files, clock_ms) =
            state.saved().map_or((Vec::new(), 0), |saved| (saved.files.clone(), saved.clock_ms));
        let dead = DeadLetters::new(&config.state, &route.name);
        let (batch, batch_bytes, linger) = (route.batch, route.batch_bytes, route.linger);
        let mut reader = Reader {
            follower: Follower::new(config.log.clone(), files, clock_ms),
            merge: Merge::new(config.hold, config.memory),
            queue: Queue::default(),
            watch: Watch { clock_ms, losses: HashMap::new(), fingerprints },
            names: Names::of(config),
            skip: config.from_end && first_start,
        };
        let mut delivery = Delivery::new(&mut route, dead, counters, &stop);
        let mut saved = Instant::now();
        loop {
            let now = Instant::now();
            let once = stop.draining().is_some();
            let at_end = reader.read(now, once, &metrics, counters);
            let oldest = reader.queue.records.front().map_or(0, |record| record.ts_ms);
            let follower = &reader.follower;
            counters.stands(reader.queue.records.len(), follower.unread(), oldest, follower.gaps);
            while reader.queue.is_due(batch, batch_bytes, linger, at_end && once) {
                let records = reader.queue.take(batch, batch_bytes);
                let (follower, clock_ms) = (&mut reader.follower, reader.watch.clock_ms);
                let complete = delivery.deliver(&records, |done| {
                    done.iter().flat_map(|record| &record.lines).for_each(|line| follower.done(*line));
                    state.note(Saved::new(clock_ms, follower.positions()));
                });
                if !complete {
                    state.save(Saved::new(clock_ms, follower.positions()));
                    return End::Early;
                }
                saved = Instant::now();
            }
            let complete = at_end && reader.queue.records.is_empty() && reader.merge.is_empty();
            if saved.elapsed() >= SAVE || (complete && once) {
                state.save(Saved::new(reader.watch.clock_ms, reader.follower.positions()));
                saved = Instant::now();
            }
            if complete && once {
                return End::Complete;
            }
            if at_end && !stop.wait_for_news(POLL) || stop.is_asked() {
                state.save(Saved::new(reader.watch.clock_ms, reader.follower.positions()));
                return End::Early;
            }
        }
    }
}

/// What all workers are told.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) log: PathBuf,
    state: PathBuf,
    hold: Duration,
    memory: usize,
    from_end: bool,
    pub(super) directories: Vec<PathBuf>,
    pub(super) binaries: Vec<PathBuf>,
}

impl Settings {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            log: config.log.clone(),
            state: config.state.clone(),
            hold: config.hold,
            memory: config.memory,
            from_end: config.from_end,
            directories: config.directories.clone(),
            binaries: config.binaries.clone(),
        }
    }
}

struct Reader {
    follower: Follower,
    merge: Merge,
    queue: Queue,
    watch: Watch,
    names: Names,
    skip: bool,
}

/// Counts what lines tell besides panics.
struct Watch {
    clock_ms: i64,
    /// Totals of each process.
    losses: HashMap<String, BTreeMap<String, u64>>,
    /// `None`: another destination counts.
    fingerprints: Option<Fingerprints>,
}

impl Reader {
    /// Reads what came since into the queue. Whether that is all.
    fn read(&mut self, now: Instant, once: bool, metrics: &Metrics, counters: &Counters) -> bool {
        let mut lines = Vec::new();
        let at_end = self.follower.read(&mut lines, AT_ONCE, now);
        for line in lines {
            let number = line.number;
            if self.skip {
                self.follower.done(number);
                continue;
            }
            let line = Line { bytes: self.names.of_line(line.bytes, counters), ..line };
            let watch = &mut self.watch;
            match self.merge.take(line, now, |outline| watch.look(outline, metrics)) {
                Taken::Kept => {}
                Taken::Done => self.follower.done(number),
                Taken::Foreign => {
                    if counters.foreign() {
                        eprintln!(
                            "panic-agent: the log has lines that no agent wrote; they are counted and not shipped"
                        );
                    }
                    self.follower.done(number);
                }
            }
        }
        if at_end {
            self.skip = false;
        }
        self.merge.release(at_end, once && at_end, now);
        while let Some(record) = self.merge.next() {
            if self.watch.fingerprints.is_some() && record.event.is_of_panic() {
                metrics.panics.count(record.event, &record.word);
            }
            self.queue.put(record, now);
        }
        at_end
    }
}

impl Watch {
    fn look(&mut self, outline: &Outline<'_>, metrics: &Metrics) {
        self.clock_ms = self.clock_ms.max(outline.ts_ms);
        let Some(fingerprints) = &mut self.fingerprints else { return };
        if let Some(fingerprint) = outline.fingerprint.as_deref().filter(|_| &*outline.kind == "panic")
            && fingerprints.note_new(fingerprint)
        {
            metrics.panics.new_fingerprint();
        }
        match (&*outline.kind, outline.code.as_deref(), outline.cause.as_deref()) {
            ("finding", Some(code), _) => metrics.panics.finding(code),
            ("death", _, Some(cause)) => metrics.panics.death(cause),
            _ => {}
        }
        let losses = outline.losses();
        if !losses.is_empty() {
            if self.losses.len() >= INSTANCES {
                self.losses.clear();
            }
            let before = self.losses.entry(outline.instance().to_owned()).or_default();
            for (reason, total) in losses.into_iter().filter(|(reason, _)| reason != "folded") {
                let more = total.saturating_sub(before.insert(reason.clone(), total).unwrap_or(0));
                if more > 0 {
                    metrics.panics.lost(&reason, more);
                }
            }
        }
    }
}

/// Records that wait for their batch.
#[derive(Default)]
struct Queue {
    records: VecDeque<Record>,
    bytes: usize,
    since: Option<Instant>,
}

impl Queue {
    fn put(&mut self, record: Record, now: Instant) {
        self.bytes += record.line.len();
        self.since.get_or_insert(now);
        self.records.push_back(record);
    }

    /// Whether a batch is full, or has waited long enough.
    fn is_due(&self, batch: usize, bytes: usize, linger: Duration, now: bool) -> bool {
        let waited = self.since.is_some_and(|since| since.elapsed() >= linger);
        !self.records.is_empty() && (now || waited || self.records.len() >= batch || self.bytes >= bytes)
    }

    fn take(&mut self, batch: usize, bytes: usize) -> Vec<Record> {
        let mut taken = Vec::new();
        let mut size = 0;
        while taken.len() < batch {
            let Some(record) = self.records.front() else { break };
            size += record.line.len();
            if !taken.is_empty() && size > bytes {
                break;
            }
            self.bytes = self.bytes.saturating_sub(record.line.len());
            taken.extend(self.records.pop_front());
        }
        self.since = (!self.records.is_empty()).then(Instant::now);
        // A word on a panic never goes before the panic.
        taken.sort_by_key(|record| record.event == Event::Verdict);
        taken
    }
}
