//! The workers: jobs come over one channel, results go back over another.
//!
//! Runs on: the caller's thread (`run`) and the workers. Must not: join the workers. That is how most
//! programs do it: the results end when the last sender is gone, so why join?

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use super::{Place, Skipped, words};

type Outcome = Result<BTreeMap<String, Place>, Skipped>;

/// Runs a job per file; the results end when every job is done, or no worker is left.
///
/// # Errors
/// When not even one worker can be started.
pub(super) fn run(files: Vec<PathBuf>, workers: NonZeroUsize) -> io::Result<impl Iterator<Item = Outcome>> {
    let (job_sender, job_receiver) = channel();
    let (result_sender, result_receiver) = channel();
    let jobs = Arc::new(Mutex::new(job_receiver));
    let mut started = 0;
    for number in 1..=workers.get() {
        let (jobs, results) = (Arc::clone(&jobs), result_sender.clone());
        match thread::Builder::new().name(format!("indexer-{number}")).spawn(move || work(&jobs, &results)) {
            Ok(_handle) => started += 1,
            Err(error) if started == 0 => return Err(error),
            // Fewer workers than asked for will do.
            Err(_) => break,
        }
    }
    drop(jobs);
    for file in files {
        if job_sender.send(file).is_err() {
            // No worker is left to take it.
            break;
        }
    }
    Ok(result_receiver.into_iter())
}

fn work(jobs: &Mutex<Receiver<PathBuf>>, results: &Sender<Outcome>) {
    while let Some(file) = next(jobs) {
        let _file = panic_agent::label("file", file.to_string_lossy());
        if results.send(words(&file)).is_err() {
            // Nobody wants results any more.
            return;
        }
    }
}

fn next(jobs: &Mutex<Receiver<PathBuf>>) -> Option<PathBuf> {
    // The lock is held only for taking a job, never while one runs.
    jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}
