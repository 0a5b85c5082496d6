//! Numbers about what is shipped, in the text format of Prometheus.
//!
//! Runs on: the threads of the destinations (counting), any (reading). Must not: have a label whose values grow for ever.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::line::Word;
use super::record::{Event, Record};

/// What a shipper counted, for whoever asks. It stays with whoever has it, and goes on as long as the shipper does.
#[derive(Clone, Debug)]
pub struct Numbers(Arc<Metrics>);

impl Numbers {
    pub(crate) fn of(metrics: &Arc<Metrics>) -> Self {
        Self(Arc::clone(metrics))
    }

    /// Everything, in the text format of Prometheus.
    #[must_use]
    pub fn to_prometheus(&self) -> String {
        self.0.to_prometheus(jiff::Timestamp::now().as_millisecond())
    }

    /// Of each destination: its name, how many records it took, and how many are in its dead-letter file.
    pub fn by_destination(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.0.destinations.iter().map(|(name, counters)| {
            (name.as_str(), counters.delivered.load(Relaxed), counters.dead.load(Relaxed))
        })
    }
}

/// Numbers of one destination.
///
/// All accesses are relaxed: a count publishes no other memory.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
    request_ms: AtomicU64,
    delivered: AtomicU64,
    dead: AtomicU64,
    retries: AtomicU64,
    failures: AtomicU64,
    is_blocked: AtomicBool,
    is_holding: AtomicBool,
    queue: AtomicU64,
    unread: AtomicU64,
    oldest_ms: AtomicI64,
    foreign: AtomicU64,
    gaps: AtomicU64,
    unnamed: AtomicU64,
}

impl Counters {
    pub(super) fn sent(&self, took: Duration) {
        self.requests.fetch_add(1, Relaxed);
        self.request_ms.fetch_add(u64::try_from(took.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(super) fn delivered(&self, records: &[Record]) {
        self.delivered.fetch_add(records.len() as u64, Relaxed);
    }

    pub(super) fn dead(&self, records: &[Record]) {
        self.dead.fetch_add(records.len() as u64, Relaxed);
    }

    pub(super) fn retried(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Relaxed);
    }

    pub(super) fn blocked(&self, is: bool) {
        self.is_blocked.store(is, Relaxed);
    }

    pub(super) fn holding(&self, is: bool) {
        self.is_holding.store(is, Relaxed);
    }

    /// Where the destination stands. `oldest_ms`: time of the oldest record that waits, or 0.
    pub(super) fn stands(&self, queue: usize, unread: u64, oldest_ms: i64, gaps: u64) {
        self.queue.store(queue as u64, Relaxed);
        self.unread.store(unread, Relaxed);
        self.oldest_ms.store(oldest_ms, Relaxed);
        self.gaps.store(gaps, Relaxed);
    }

    pub(super) fn foreign(&self) -> bool {
        self.foreign.fetch_add(1, Relaxed) == 0
    }

    /// A verdict stays as it is, because the line of its panic was not found.
    pub(super) fn unnamed(&self) {
        self.unnamed.fetch_add(1, Relaxed);
    }

    #[cfg(test)]
    pub(super) fn all_unnamed(&self) -> u64 {
        self.unnamed.load(Relaxed)
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.is_blocked.load(Relaxed)
    }
}

/// Numbers about the panics themselves, counted for the first destination alone: all read the same log.
#[derive(Debug)]
pub(crate) struct Panics(Mutex<Tally>);

/// Words that are there from the start: a counter that begins with 1 has not grown.
const FATES: [&str; 7] =
    ["caught", "runtime_caught", "thread_died", "main_died", "aborted", "interrupted", "unknown"];
const SILENT: [&str; 3] = ["true", "false", "unknown"];
const LOSSES: [&str; 6] =
    ["pool_full", "reentered", "writer_thread", "sink_failed", "no_writer", "too_large"];
const FINDINGS: [&str; 5] =
    ["hook_replaced", "raise_without_hook", "process_died", "exit_while_unwinding", "ended_by_reaction"];
const DEATHS: [&str; 6] =
    ["signal", "abort", "stack_overflow", "allocation_failed", "out_of_memory", "immediate_exit"];

impl Default for Panics {
    fn default() -> Self {
        let words =
            FATES.iter().flat_map(|fate| SILENT.map(|silent| ((*fate).to_owned(), silent.to_owned())));
        let panics: BTreeMap<_, _> = words.map(|words| (words, 0)).collect();
        Self(Mutex::new(Tally {
            changes: panics.clone(),
            panics,
            new_fingerprints: 0,
            losses: zeros(&LOSSES),
            findings: zeros(&FINDINGS),
            deaths: zeros(&DEATHS),
        }))
    }
}

#[derive(Debug)]
struct Tally {
    /// By fate and silence.
    panics: BTreeMap<(String, String), u64>,
    changes: BTreeMap<(String, String), u64>,
    new_fingerprints: u64,
    /// By reason.
    losses: BTreeMap<String, u64>,
    /// By code.
    findings: BTreeMap<String, u64>,
    /// By cause.
    deaths: BTreeMap<String, u64>,
}

fn zeros(words: &[&str]) -> BTreeMap<String, u64> {
    words.iter().map(|word| ((*word).to_owned(), 0)).collect()
}

impl Panics {
    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, event: Event, word: &Word) {
        let silent = word.silent.map_or("unknown".to_owned(), |silent| silent.to_string());
        let key = (word.fate.clone().unwrap_or_else(|| "unknown".to_owned()), silent);
        let mut tally = self.tally();
        let counts = if event == Event::Panic { &mut tally.panics } else { &mut tally.changes };
        *counts.entry(key).or_default() += 1;
    }

    pub(super) fn finding(&self, code: &str) {
        *self.tally().findings.entry(code.to_owned()).or_default() += 1;
    }

    pub(super) fn death(&self, cause: &str) {
        *self.tally().deaths.entry(cause.to_owned()).or_default() += 1;
    }

    pub(super) fn new_fingerprint(&self) {
        self.tally().new_fingerprints += 1;
    }

    pub(super) fn lost(&self, reason: &str, more: u64) {
        *self.tally().losses.entry(reason.to_owned()).or_default() += more;
    }

    fn write(&self, text: &mut Text) {
        let tally = self.tally();
        let fates = |counts: &BTreeMap<(String, String), u64>| {
            let row = |((fate, silent), count): (&(String, String), &u64)| {
                (format!("fate=\"{}\",silent=\"{}\"", escaped(fate), escaped(silent)), *count as f64)
            };
            counts.iter().map(row).collect::<Vec<_>>()
        };
        text.family(
            "panics_total",
            "counter",
            "Panics read from the log, by the verdict that they were shipped with.",
            fates(&tally.panics),
        );
        text.family(
            "verdict_changes_total",
            "counter",
            "Verdicts that changed after the panic was shipped, by the new verdict.",
            fates(&tally.changes),
        );
        text.family(
            "new_fingerprints_total",
            "counter",
            "Fingerprints that this shipper had never seen before.",
            vec![(String::new(), tally.new_fingerprints as f64)],
        );
        let words = [
            ("losses_total", "reason", "Reports that agents counted as lost, by reason.", &tally.losses),
            ("findings_total", "code", "Findings about processes, by code.", &tally.findings),
            ("deaths_total", "cause", "Deaths of processes that are no panic, by cause.", &tally.deaths),
        ];
        for (name, label, help, counts) in words {
            let row =
                |(word, count): (&String, &u64)| (format!("{label}=\"{}\"", escaped(word)), *count as f64);
            text.family(name, "counter", help, counts.iter().map(row).collect());
        }
    }
}

/// Everything that is told.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) panics: Panics,
    pub(crate) destinations: Vec<(String, Counters)>,
}

impl Metrics {
    pub(crate) fn new(names: impl Iterator<Item = String>) -> Self {
        Self {
            panics: Panics::default(),
            destinations: names.map(|name| (name, Counters::default())).collect(),
        }
    }

    /// The text format of Prometheus.
    pub(crate) fn to_prometheus(&self, now_ms: i64) -> String {
        let mut text = Text::default();
        self.panics.write(&mut text);
        type Read = fn(&Counters, i64) -> f64;
        let age: Read = |counters, now_ms| match counters.oldest_ms.load(Relaxed) {
            0 => 0.0,
            oldest => now_ms.saturating_sub(oldest).max(0) as f64 / 1000.0,
        };
        let rows: [(&str, &str, &str, Read); 13] = [
            ("ship_requests_total", "counter", "Requests to the destination.", |c, _| {
                c.requests.load(Relaxed) as f64
            }),
            ("ship_request_seconds_total", "counter", "Time spent in requests.", |c, _| {
                c.request_ms.load(Relaxed) as f64 / 1000.0
            }),
            ("ship_delivered_total", "counter", "Records that the destination has taken.", |c, _| {
                c.delivered.load(Relaxed) as f64
            }),
            (
                "ship_dead_letters_total",
                "counter",
                "Records that the destination will never take, kept in a file.",
                |c, _| c.dead.load(Relaxed) as f64,
            ),
            ("ship_retries_total", "counter", "Requests that were repeated.", |c, _| {
                c.retries.load(Relaxed) as f64
            }),
            ("ship_failures_total", "counter", "Requests that failed.", |c, _| {
                c.failures.load(Relaxed) as f64
            }),
            (
                "ship_blocked",
                "gauge",
                "1 while the destination does not let us in (401, 403, 404).",
                |c, _| f64::from(u8::from(c.is_blocked())),
            ),
            ("ship_waiting", "gauge", "1 while a wait before the next request lasts.", |c, _| {
                f64::from(u8::from(c.is_holding.load(Relaxed)))
            }),
            ("ship_queue_records", "gauge", "Records in memory.", |c, _| c.queue.load(Relaxed) as f64),
            ("ship_unread_bytes", "gauge", "Bytes of the log that were not read yet.", |c, _| {
                c.unread.load(Relaxed) as f64
            }),
            ("ship_lag_seconds", "gauge", "Age of the oldest record that waits to be delivered.", age),
            (
                "ship_unreadable_total",
                "counter",
                "Lines that are none of an agent, and files that were gone before they were read.",
                |c, _| (c.foreign.load(Relaxed) + c.gaps.load(Relaxed)) as f64,
            ),
            (
                "ship_unnamed_verdicts_total",
                "counter",
                "Verdicts that names could not settle, because the line of their panic was not found.",
                |c, _| c.unnamed.load(Relaxed) as f64,
            ),
        ];
        for (name, kind, help, read) in rows {
            let values = self.destinations.iter().map(|(name, counters)| {
                (format!("destination=\"{}\"", escaped(name)), read(counters, now_ms))
            });
            text.family(name, kind, help, values.collect());
        }
        text.0
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str, values: Vec<(String, f64)>) {
        // A string can be written to.
        let _written = write!(self.0, "# HELP panic_agent_{name} {help}\n# TYPE panic_agent_{name} {kind}\n");
        for (labels, value) in values {
            let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
            let _written = writeln!(self.0, "panic_agent_{name}{labels} {value}");
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
