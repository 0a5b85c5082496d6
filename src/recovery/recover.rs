//! Writes down what dead processes left in their spools.
//!
//! Runs on: the thread that asks, or a thread of its own at the start of the agent. Must not: touch the spool of a
//! process that lives, or remove one before its lines are on disk.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{DeadSpool, LogTail, Recovered, Search, find, log_of};
use crate::error::{Error, ErrorKind};
use crate::files::{DEFAULT_FILE, FileTrust, syscalls};
use crate::recovery::death::operators_words;
use crate::recovery::report::{Given, Treatment, Written, write};
use crate::sink::{FileSink, Rotation, Sink as _};
use crate::spool::Place;

/// Writes the reports that dead processes left in the spools of a directory into the logs beside them, and
/// removes those spools.
///
/// A spool `panics.jsonl.spool-<pid>` belongs to `panics.jsonl` in the same directory. An agent that starts with this log does
/// the same; call this for logs whose program does not start again. It is safe to call it from several processes at once, and
/// while programs with an agent run.
///
/// If the program had a redactor, the texts that the redactor would have seen are left out. Two variables apply:
/// `PANIC_AGENT_FILE_TRUST` (unless it is `any`, spools and logs that another user could replace are left alone) and
/// `PANIC_AGENT_DEBUG_DIR` (additional directories for debug files).
///
/// # Errors
/// [`ErrorKind::Recover`] if the directory cannot be read. [`Recovered::left`] lists the spools that failed.
///
/// # Examples
/// ```
/// let directory = std::env::temp_dir().join(format!("panic-agent-recover-{}", std::process::id()));
/// std::fs::create_dir_all(&directory)?;
/// let recovered = panic_agent::recovery::recover(&directory)?;
/// assert_eq!(recovered.processes, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn recover(directory: impl AsRef<Path>) -> Result<Recovered, Error> {
    let directory = std::path::absolute(directory.as_ref()).unwrap_or_else(|_| directory.as_ref().to_owned());
    let words = operators_words();
    let place = Place { directory: directory.clone(), log: None, trust: words.trust };
    let spools = find(&place, true).map_err(|source| {
        let subject = format!("cannot list the spools in `{}`", directory.display());
        Error::new(ErrorKind::Recover, subject, "name the directory of the log").with_source(source)
    })?;
    let mut recovered = Recovered::default();
    for path in spools {
        let log = log_of(&path).unwrap_or_else(|| directory.join(DEFAULT_FILE));
        let treatment =
            || Treatment { debug_directories: words.debug_directories.clone(), ..Treatment::default() };
        recovered.take(&path, &log, words.trust, treatment);
    }
    Ok(recovered)
}

impl Recovered {
    /// Empties one spool into a log, if it is one of a dead process.
    fn take(&mut self, path: &Path, log: &Path, trust: FileTrust, treatment: impl FnOnce() -> Treatment) {
        let dead = match DeadSpool::open(path, trust) {
            Ok(Search::Dead(dead)) => *dead,
            Ok(Search::InUse) => return self.in_use += 1,
            Ok(Search::NeverUsed) => return,
            Ok(Search::Unreadable(why)) => return self.left.push((path.to_owned(), why.to_string())),
            // Somebody else has recovered it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.left.push((path.to_owned(), error.to_string())),
        };
        let torn = dead.contents.torn as u64;
        match empty(dead, log, trust, treatment()) {
            Ok(written) => {
                self.processes += 1;
                self.panics += written.panics;
                self.known += written.known;
                self.torn += torn;
            }
            Err(error) => self.left.push((path.to_owned(), error.to_string())),
        }
    }
}

/// Writes everything that the log lacks, and removes the spool once that is on disk.
fn empty(dead: DeadSpool, log: &Path, trust: FileTrust, treatment: Treatment) -> io::Result<Written> {
    let contents = &dead.contents;
    let own_log = contents.facts.as_ref().and_then(|facts| facts.log.as_deref());
    let wanted: HashSet<u64> = contents.unwinding.iter().copied().collect();
    let source = own_log.unwrap_or(log);
    let read = |log, noted, wanted: &_| LogTail::read(log, trust, noted, contents.instance, wanted);
    let mut tail = read(source, contents.log, &wanted)?;
    if own_log.is_some_and(|own| own != log) {
        // An earlier recovery may have come this far.
        tail.add(read(log, None, &wanted)?);
    }
    tail.panics.extend(dead.written_before());
    let in_spool: HashSet<u64> = contents.records.iter().map(|found| found.record.sequence).collect();
    let is_older = |one: &u64| !tail.lines.contains_key(one) && !in_spool.contains(one);
    let missing: HashSet<u64> = wanted.iter().copied().filter(is_older).collect();
    if !missing.is_empty() {
        // They have been unwinding for long.
        let older = read(source, None, &missing)?;
        tail.lines.extend(older.lines);
        for (one, fate) in older.fates {
            tail.fates.entry(one).or_insert(fate);
        }
    }
    let mut sink = FileSink::open_with(log, trust, Rotation::never())?;
    let written = write(contents, &tail, treatment, &mut |given| match given {
        Given::Line(line) => sink.write(line),
        Given::Written(slot) => {
            dead.mark_written(slot);
            Ok(())
        }
    })?;
    for path in [Some(log), log.parent()].into_iter().flatten() {
        let directory_or_log = syscalls::open(OpenOptions::new().read(true), path)?;
        syscalls::sync(&directory_or_log)?;
    }
    // A spool that cannot be removed is found again, with all of its lines in the log.
    dead.remove()?;
    Ok(written)
}

/// The recovery at the start of the agent, as the end of the process sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recovery(Arc<(Mutex<bool>, Condvar)>);

impl Recovery {
    /// Empties every spool of this place but the process's own.
    pub(crate) fn run(&self, place: &Place, log: &Path, treatment: impl Fn() -> Treatment) -> Recovered {
        let mut recovered = Recovered::default();
        for path in find(place, false).unwrap_or_default() {
            recovered.take(&path, log, place.trust, &treatment);
        }
        recovered
    }

    /// Nothing more will be done.
    pub(crate) fn finish(&self) {
        *self.locked() = true;
        self.0.1.notify_all();
    }

    /// Waits for the end, at most this long.
    pub(crate) fn wait(&self, deadline: Duration) {
        // Who does not wait long enough goes on without it.
        let _in_time = self.0.1.wait_timeout_while(self.locked(), deadline, |over| !*over);
    }

    fn locked(&self) -> MutexGuard<'_, bool> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
