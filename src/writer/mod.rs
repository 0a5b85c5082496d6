//! The driver of everything after the channel, stages 4 to 7: raw record → symbols → verdict → report → sinks.
//!
//! Runs on: the thread `panic-agent`. Must not: be waited for without a deadline; let code that is not ours
//! (sinks, redactor, filter) end the thread.

mod acting;
mod emit;
mod ending;
mod fan_out;
pub(crate) mod fold;
pub(crate) mod handle;
pub(crate) mod worker;

use std::sync::Arc;
use std::{io, thread};

use crate::report::{Abilities, Service, Surroundings};
pub(crate) use caught_reports::{Delivery, Pigeonhole};
pub(crate) use forked_child::AfterFork;
pub(crate) use handle::{SharedWaker, WriterHandle};

use crate::act::{Event, Judge};
use crate::channel::Channel;
use crate::config::{Console, Options, Symbols, tells_supervisor};
use crate::harness::Harness;
use crate::probe::harness_notes::HarnessNotes;
use crate::report::build::Builder;
use crate::report::prepared::Stacks;
use crate::report::report_json::LineBuffer;
use crate::sink::{Sink, StandardSink};
use crate::spool::LiveSpool;
#[cfg(test)]
use crate::symbolize::Native;
use crate::symbolize::{Off, Resolve, of_this_process, ready};
use crate::sys::signal_mask::AllBlocked;
use crate::sys::system;
use crate::verdict::Strategy;
use crate::verdict::follow::{Follow, Sight};

/// Name of the writer thread.
const THREAD_NAME: &str = "panic-agent";
/// Reading debug information needs room, whatever `RUST_MIN_STACK` says.
const STACK_BYTES: usize = 2 * 1024 * 1024;

/// What the writer needs to start.
pub(crate) struct WriterConfig {
    /// What concerns others is taken out of them, or done.
    pub(crate) options: Options,
    pub(crate) service: Service,
    pub(crate) sinks: Vec<Box<dyn Sink>>,
    /// Whether a supervisor wants to know what has died.
    pub(crate) supervisor: bool,
    pub(crate) abilities: Abilities,
    pub(crate) surroundings: Box<dyn Surroundings>,
    /// What the probes see.
    pub(crate) sight: Sight,
    /// In an audited test harness: what its probes note, and whether starts of threads are seen.
    pub(crate) harness: Option<(&'static HarnessNotes, bool)>,
    /// The file that holds the slots, if one does.
    pub(crate) spool: Option<&'static LiveSpool>,
    /// Called once on the writer thread, when the first line is written.
    pub(crate) started: Option<Box<dyn FnOnce() + Send>>,
}

impl WriterConfig {
    /// Whether something is done about panics that nobody can ever see.
    pub(crate) fn reacts_to_silent(&self) -> bool {
        self.options.reactions.iter().any(|reaction| reaction.event() == Event::Silent)
    }

    /// What follows from the options alone; `sinks` are the opened outputs.
    pub(crate) fn new(
        instance: u64,
        options: Options,
        sinks: Vec<Box<dyn Sink>>,
        surroundings: Box<dyn Surroundings>,
    ) -> Self {
        Self {
            service: Service::new(instance, &options),
            sinks,
            supervisor: tells_supervisor(&options),
            abilities: Abilities::of_this_build(options.symbols != Symbols::Off),
            surroundings,
            sight: Sight::default(),
            harness: None,
            spool: None,
            started: None,
            options,
        }
    }
}

/// Starts the writer thread, with every signal blocked on it.
///
/// # Errors
/// When the thread cannot be started.
pub(crate) fn spawn(inbox: &'static Channel, config: WriterConfig) -> io::Result<WriterHandle> {
    let shared = Arc::new(handle::Shared::default());
    let handle = WriterHandle::new(shared.clone(), inbox);
    let started = without_signals(|| {
        thread::Builder::new().name(THREAD_NAME.to_owned()).stack_size(STACK_BYTES).spawn(move || {
            let mut config = config;
            system::keep_apart();
            let started = config.started.take();
            handle::enter_writer_thread();
            config.surroundings.enter_writer_thread();
            let abilities = config.abilities.clone();
            let own_thread = config.surroundings.own_thread();
            let resolver = of_this_process(&config.options.debug_directories);
            // Every run of a test harness ends with words about its threads, for which names are wanted at once.
            let eager = config.options.symbols == Symbols::Eager || config.harness.is_some();
            let mut worker = worker(inbox, shared, config, Box::new(resolver.clone()));
            if worker.builder.stacks.symbolizer.is_on() {
                let wake = || inbox.wake();
                worker.patience.reader = Some(Box::new(move |wanted| {
                    ready::read(Box::new(resolver.clone()), wanted, wake, own_thread)
                }));
                if eager {
                    worker.names.keep();
                    worker.read_own();
                }
            }
            worker.start(abilities, Strategy::THIS_BUILD);
            if let Some(started) = started {
                started();
            }
            worker.run()
        })
    });
    // The thread works until the process ends, so its handle is of no use.
    started.map(|_: thread::JoinHandle<()>| handle)
}

/// Calls `start` with every signal blocked, so that the threads it starts have them blocked too.
pub(crate) fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    let _signals = AllBlocked::new();
    start()
}

pub(crate) fn worker(
    inbox: &'static Channel,
    shared: Arc<handle::Shared>,
    config: WriterConfig,
    resolver: Box<dyn Resolve>,
) -> worker::Worker {
    let options = config.options;
    let resolver: Box<dyn Resolve> = match options.symbols {
        Symbols::Off => Box::new(Off),
        _ => resolver,
    };
    worker::Worker {
        spool: config.spool.map(|live| {
            spool_notes::Spooled::new(live, options.redactor.is_some(), options.max_report_bytes)
        }),
        inbox,
        patience: naming_budget::Patience::new(shared.clone(), inbox, options.flush_deadline),
        shared,
        builder: Builder::new(
            config.service,
            config.surroundings,
            Stacks::new(resolver, Strategy::THIS_BUILD),
            options.redactor,
        ),
        follow: Follow::new(
            config.sight,
            options.settle,
            config.harness.map(|(notes, threads)| Harness::new(notes, threads)),
        ),
        sinks: fan_out::FanOut::new(config.sinks),
        console: (options.console == Console::Pretty).then(StandardSink::stderr),
        before_write: options.before_write,
        fold: fold::Fold::new(options.folding),
        last_words: termination::LastWords::new(&options.termination_log),
        notices: supervisor::Notices::new(config.supervisor),
        acting: acting::Acting::new(Judge::new(options.reactions)),
        max_report_bytes: options.max_report_bytes,
        line: LineBuffer::with(options.stacks),
        verdicts: fan_out::Batch::default(),
        losses: emit::LossesSaid::default(),
        done: 0,
        unflushed: false,
        ending: ending::Ending::default(),
        names: names::Names::default(),
        places_since: None,
    }
}

pub(crate) mod caught_reports;
pub(crate) mod forked_child;
mod names;
mod naming_budget;
#[cfg(test)]
mod naming_budget_tests;
#[cfg(all(test, not(miri)))]
mod real_tests;
#[cfg(test)]
mod schema_tests;
pub(crate) mod spool_notes;
mod supervisor;
mod termination;
#[cfg(test)]
mod tests;
