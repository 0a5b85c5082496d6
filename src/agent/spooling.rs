//! Decides where the spool of this process lies, makes it, and empties those that dead processes left there.
//!
//! Runs on: the thread that installs the agent; the emptying on a thread of its own. Must not: delay or fail the
//! start of the program.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

use crate::config::{Filter, Options, RedactField, Redactor, Spool};
use crate::files::FileTrust;
use crate::hook;
use crate::recovery::report::Treatment;
use crate::recovery::{Recovery, find};
use crate::report::Abilities;
use crate::spool::{LiveSpool, Place, create};
use crate::writer::without_signals;

/// Name of the thread that empties spools.
const THREAD_NAME: &str = "panic-agent-recovery";
/// Reading debug information needs room, whatever `RUST_MIN_STACK` says.
const STACK_BYTES: usize = 2 * 1024 * 1024;

/// Where the spool goes; why there is none otherwise: a word and a sentence.
pub(super) fn place(
    spool: &Spool,
    log: Option<PathBuf>,
    trust: FileTrust,
) -> Result<Place, (&'static str, &'static str)> {
    match (spool, log) {
        (Spool::Off, _) => {
            Err(("switched_off", "reports under way are lost with the process: the spool is off"))
        }
        (Spool::Directory(directory), log) => Ok(Place { directory: directory.clone(), log, trust }),
        (Spool::BesideLog, Some(log)) => {
            let directory = log.parent().map_or_else(|| PathBuf::from("."), ToOwned::to_owned);
            Ok(Place { directory, log: Some(log), trust })
        }
        (Spool::BesideLog, None) => {
            Err(("no_log_file", "lines go to no file, and no directory for the spool is configured"))
        }
    }
}

/// Makes the spool, for so many slots at first and so many at most, and says in the `process` line what came of it.
pub(super) fn make(
    place: Result<&Place, (&'static str, &'static str)>,
    slots: [usize; 2],
    instance: u64,
    abilities: &mut Abilities,
) -> Option<&'static LiveSpool> {
    let created = match place {
        Ok(place) => create(place, slots, instance),
        Err((code, detail)) => {
            abilities.cannot("spool", code, detail);
            return None;
        }
    };
    match created.problem {
        None => abilities.can("spool"),
        Some(problem) => abilities.cannot("spool", "no_spool_file", &problem),
    }
    created.live.map(|live| &*Box::leak(Box::new(live)))
}

/// Texts and filters for two threads.
pub(super) struct Shared {
    redactor: Option<Arc<Mutex<Redactor>>>,
    filter: Option<Arc<Mutex<Filter>>>,
}

impl Shared {
    /// Shares the user's functions between the writer and the recovery; one of them at a time calls.
    pub(super) fn of(options: &mut Options) -> Self {
        let redactor = options.redactor.take().map(|redactor| Arc::new(Mutex::new(redactor)));
        let filter = options.before_write.take().map(|filter| Arc::new(Mutex::new(filter)));
        let shared = Self { redactor, filter };
        options.redactor = shared.redactor();
        options.before_write = shared.filter();
        shared
    }

    fn redactor(&self) -> Option<Redactor> {
        let redactor = self.redactor.clone()?;
        Some(Box::new(move |field: RedactField<'_>, text: &str| redactor.lock()(field, text)))
    }

    fn filter(&self) -> Option<Filter> {
        let filter = self.filter.clone()?;
        Some(Box::new(move |report| filter.lock()(report)))
    }
}

/// What to do on the writer thread once the first line is written: look for spools of dead processes, and leave
/// them to a thread if there are any.
pub(super) fn recovery(
    place: Place,
    shared: Shared,
    (symbols, debug_directories): (crate::config::Symbols, Vec<PathBuf>),
    over: Recovery,
) -> Box<dyn FnOnce() + Send> {
    Box::new(move || {
        let found = find(&place, false).unwrap_or_default();
        let others = found.len() > 1 || found.iter().any(|path| !is_own(path));
        let Some(log) = place.log.clone().filter(|_| others) else { return over.finish() };
        let done = over.clone();
        let work = move || {
            hook::mark_writer_thread();
            let treatment = || Treatment {
                redactor: shared.redactor(),
                keep: shared.filter(),
                symbols: Some(symbols),
                debug_directories: debug_directories.clone(),
            };
            over.run(&place, &log, treatment);
            over.finish();
        };
        let builder = thread::Builder::new().name(THREAD_NAME.to_owned()).stack_size(STACK_BYTES);
        // Without a thread the spools stay for the next start.
        if without_signals(|| builder.spawn(work)).is_err() {
            done.finish();
        }
    })
}

/// Whether a spool's name is that of this process; after an `exec` it may still be another one's.
fn is_own(path: &std::path::Path) -> bool {
    path.to_string_lossy().ends_with(&format!(".spool-{}", std::process::id()))
}
