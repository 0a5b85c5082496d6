//! Puts the stages together, once per process.
//!
//! Runs on: the thread that installs the agent. Must not: leave anything behind when it fails.

use core::hash::{BuildHasher, Hasher};
use core::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use super::process_view::{ForkedChild, Neighbours};
use super::{AGENT, AgentGuard, Installed, spooling, take_over_preloaded, who_exits};
use crate::capture::{labels, stack};
use crate::channel::{Channel, RESERVE, layout, most};
use crate::config::{Console, Harness, InheritLabels, Options, Probes, SpawnPlaces, apply_environment};
use crate::error::{Error, ErrorKind, complain};
use crate::hook::{self, HookState};
use crate::platform::{self, Observation};
use crate::probe::{
    self, Ability, EventQueue, LandingNotes, ProbeAbilities, ProbeOff, ProbeOptions, Witness,
};
use crate::recovery::Recovery;
use crate::sys::{at_exit, fork, thread};
use crate::{report, sink, writer};

/// How long `install` waits for the writer thread to learn how std's threads begin, where no probe has seen it start. It
/// takes well below a millisecond; without it a panic that comes first would not know its thread's root.
const WRITER_START: Duration = Duration::from_secs(1);

/// How long one thread waits for another one to install.
const INSTALLER_PATIENCE: Duration = Duration::from_secs(10);

/// Whether the end of the process is waited for; stays so in forked children.
static REGISTERED: AtomicBool = AtomicBool::new(false);

/// Held while one thread installs.
static INSTALLING: Mutex<()> = Mutex::new(());

/// Installs the agent, unless the environment switches it off.
pub(super) fn install(mut options: Options) -> Result<AgentGuard, Error> {
    for warning in apply_environment(&mut options) {
        complain(&warning);
    }
    if !options.enabled {
        return Ok(AgentGuard { active: false });
    }
    if AGENT.get().is_none() {
        take_over_preloaded::take(&mut options);
    }
    install_with(options)
}

/// Installs the agent as the options say.
pub(super) fn install_with(mut options: Options) -> Result<AgentGuard, Error> {
    if std::thread::panicking() {
        return Err(hook::panicking());
    }
    // Bounded, because another thread of the parent may have installed while this child was forked.
    let _installing = INSTALLING.try_lock_for(INSTALLER_PATIENCE).ok_or_else(|| {
        Error::new(ErrorKind::AlreadyInstalled, "another thread is installing the agent", "call `init` once")
    })?;
    if AGENT.get().is_some_and(Installed::is_at_home) {
        return Err(Error::new(
            ErrorKind::AlreadyInstalled,
            "an agent is installed in this process already",
            "call `init` once, and keep its guard",
        ));
    }
    fork::watch();
    let _asked_before_a_panic = thread::pid();
    let instance = instance();
    sink::or_default(&mut options.outputs);
    let log = sink::log_path(&options.outputs);
    let reopen = sink::Reopen::all(&options.outputs);
    let sinks = sink::open_all(std::mem::take(&mut options.outputs), options.trust, options.rotation)?;
    let place = spooling::place(&options.spool, log, options.trust);
    let shared = spooling::Shared::of(&mut options);
    let mut spool_abilities = report::Abilities::default();
    let made = spooling::make(
        place.as_ref().map_err(|why| *why),
        [options.slots, most(options.slots)].map(|slots| slots + RESERVE),
        instance,
        &mut spool_abilities,
    );
    let channel = match made {
        Some(spool) => Channel::within(spool.room(), options.slots, RESERVE, most(options.slots))?,
        None => Channel::new(options.slots, RESERVE, most(options.slots))
            .or_else(|_| Channel::new(options.slots, RESERVE, 0))?,
    };
    let channel: &'static Channel = Box::leak(Box::new(channel));
    if let Some(spool) = made {
        channel.losses.mirror_in(spool.losses());
        if options.redactor.is_some() {
            // Before the first panic can be raised.
            spool.say(layout::FLAG_REDACTED);
        }
    }
    let child = writer::AfterFork::new(&options, reopen, self::instance, || Box::new(ForkedChild));
    let child: &'static writer::AfterFork = Box::leak(Box::new(child));
    let state: &'static HookState = Box::leak(Box::new(HookState::new(channel, Some(child), &mut options)));
    for (key, value) in &options.labels {
        labels::set_process_label(key.as_str(), value);
    }
    stack::prepare();
    thread::prepare();
    stack::learn_main_start();
    let (neighbours, started) = Neighbours::new(&state.counters);
    let symbols = (options.symbols, options.debug_directories.clone());
    let (flush_deadline, audited) = (options.flush_deadline, options.harness == Harness::Audited);
    let mut config = writer::WriterConfig::new(instance, options, sinks, Box::new(neighbours));
    config.abilities.add(spool_abilities);
    if !platform::std().is_foreign() {
        config.abilities.previous_hook = hook::previous();
        config.abilities.calls_previous = state.console == Console::Previous;
    }
    config.abilities.soft_errors.append(&mut config.options.lacks);
    if config.supervisor && !cfg!(all(unix, feature = "systemd")) {
        config.abilities.cannot("supervisor", "not_compiled", "the cargo feature `systemd` is off");
        config.supervisor = false;
    }
    config.spool = made;
    install_probes(state, &mut config);
    let recovery = Recovery::default();
    match place {
        Ok(place) => config.started = Some(spooling::recovery(place, shared, symbols, recovery.clone())),
        Err(_) => recovery.finish(),
    }
    let handle = stack::learning_from(|| writer::spawn(channel, config)).map_err(|error| {
        Error::new(ErrorKind::SpawnWriter, "cannot start the writer thread", "check the limit of threads")
            .with_source(error)
    })?;
    if !stack::knows_thread_start() {
        // Late is not never: the writer learns it all the same, and reports say `unknown` until then.
        let _learned_in_time = started.recv_timeout(WRITER_START);
    }
    let installed = Installed {
        instance,
        channel,
        counters: &state.counters,
        writer: handle,
        flush_deadline,
        home: fork::generation(),
        hook: state,
        spool: made,
        recovery,
        audited,
    };
    if !AGENT.add(installed) {
        return Err(Error::new(
            ErrorKind::AlreadyInstalled,
            "too many nested forked children have installed an agent",
            "do not install one in this child: its panics are written anyway",
        ));
    }
    if platform::std().is_foreign() {
        // Its hooks are those of another std.
        fork::watch();
    } else {
        hook::install(state)?;
    }
    // Forked children inherit the registration.
    if !REGISTERED.swap(true, Ordering::Relaxed) {
        if platform::std().is_foreign() {
            // A handler of a library would run when the library is closed, on a stack that ends there.
            at_exit::register_status(|_| drain());
        } else {
            at_exit::register(drain);
        }
    }
    Ok(AgentGuard { active: true })
}

/// Runs in `exit`, also after `main` returned or panicked: everything published so far is written, then the
/// totals and the `end` line.
pub(crate) extern "C" fn drain() {
    if let Some(agent) = AGENT.get().filter(|agent| agent.is_at_home()) {
        who_exits::note_hook();
        if agent.audited {
            agent.writer.note_exit(who_exits::here(who_exits::TO_HARNESS));
        } else if agent.counters.panics() > 0 {
            // A panic may be under way, and then somebody will want to know who did not wait for it.
            agent.writer.note_exit(who_exits::here(who_exits::INTO_PROGRAM));
        }
        agent.hook.begin_end(thread::tid());
        let written = agent.writer.finish(agent.flush_deadline);
        agent.recovery.wait(agent.flush_deadline);
        // Not everything in time: the next start finds it in the spool. What came after the `end` line is not missing.
        if let Some(spool) = agent.spool.filter(|_| written) {
            spool.remove();
        }
    }
}

/// Lets the probes observe, and says in the `process` line what they can and what they cannot.
fn install_probes(state: &'static HookState, config: &mut writer::WriterConfig) {
    // Where panics wait for a place for their report, so many events must find one.
    let events = if platform::std().is_foreign() { probe::DEFAULT_EVENTS * 8 } else { probe::DEFAULT_EVENTS };
    let events: &'static EventQueue = Box::leak(Box::new(EventQueue::new(events, Some(nudge))));
    let wanted = &config.options;
    let audited = wanted.harness == Harness::Audited;
    // Before the probes are installed, because a harness has more of them.
    let harness = if audited { probe::harness_notes::audit(nudge) } else { None };
    let options = ProbeOptions {
        // Only they tell, before a scope speaks of a dead thread, that it will.
        spawn_places: wanted.spawn_places == SpawnPlaces::On || audited || config.reacts_to_silent(),
        inherit_labels: wanted.inherit_labels == InheritLabels::FromSpawner,
    };
    let abilities = match (wanted.probes, platform::current().observation) {
        (Probes::Off, _) => ProbeAbilities::all_off(ProbeOff::SwitchedOff),
        (Probes::On, Observation::NotCompiled) => ProbeAbilities::all_off(ProbeOff::NotCompiled),
        (Probes::On, Observation::Unsupported) => ProbeAbilities::all_off(ProbeOff::UnsupportedPlatform),
        (Probes::On, Observation::Probes) => probe::install(events, options),
    };
    let location = Some(("location", &abilities.location)).filter(|(_, ability)| !ability.is_active());
    for (word, ability) in abilities.named().into_iter().chain(location) {
        match ability {
            Ability::Active => config.abilities.can(word),
            Ability::Off(why) => {
                let (code, detail) = why.said();
                config.abilities.cannot(word, code, &detail);
            }
        }
    }
    if abilities.second {
        config.abilities.cannot(
            "images",
            "other_agent",
            "another agent of this process was there first: this one sees its own library alone",
        );
    }
    config.sight.watched = abilities.raise.is_active();
    config.sight.starts_are_noted = options.spawn_places && abilities.threads.is_active();
    config.harness = harness.map(|notes| (notes, abilities.threads.is_active()));
    // Wrappers of this crate speak this way also where there are no probes.
    config.sight.events = Some(events);
    config.sight.notes_only = !abilities.named().iter().any(|(_, ability)| ability.is_active());
    probe::wrapper_notes::listen(events);
    if let Some(spool) = config.spool.filter(|_| config.sight.watched && abilities.land.is_active()) {
        let notes: &'static dyn LandingNotes = &spool.landings;
        probe::note_landings(Box::leak(Box::new(notes)));
        // Set once: the state is new.
        let _new = state.landings.set(&spool.landings);
        spool.say(layout::FLAG_LANDINGS);
    }
    if config.sight.watched {
        let witness: &'static dyn Witness = state;
        probe::call_witness(Box::leak(Box::new(witness)));
    }
}

/// Tells the writer that events wait.
fn nudge() {
    if let Some(agent) = AGENT.get() {
        agent.channel.nudge();
    }
}

/// A number that differs between two runs: from the clock, the process id, and std's per-process random keys.
pub(super) fn instance() -> u64 {
    let mut hasher = std::hash::RandomState::new().build_hasher();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    hasher.write_u128(now.as_nanos());
    hasher.write_u32(std::process::id());
    hasher.finish()
}
