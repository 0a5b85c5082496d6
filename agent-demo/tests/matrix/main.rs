//! Every scenario in every build: one test per build, which makes it and runs them all. Takes minutes, so it is shown
//! as ignored unless `AGENT_DEMO_MATRIX` is set, as the scripts in `.ci` do: to `all` for every build, else for those that
//! every change is tested with.
//!
//! Nothing may be wrong in any build. What a build leaves unknown is counted, and stands in `docs/verdicts.md`.
//!
//! Runs on: libtest-mimic's threads. Must not: touch builds other than into the usual target directory.

mod build;
mod page;
#[path = "../../../tests/words/mod.rs"]
mod words;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{io, thread};

use agent_demo::check::{Deviation, Tally, deviations, differences, exit, printed, tally, wrong_reactions};
use agent_demo::child::{self, AgentSwitch, Observed};
use agent_demo::{Names, Probes, Profile, Scenario, Setting, catalogue};
use libtest_mimic::{Arguments, Failed, Trial};

use self::build::{BUILDS, Build};

fn main() {
    let mut arguments = Arguments::from_args();
    // Builds wait for one another anyway, and two at a time would only take the memory of two.
    arguments.test_threads = Some(1);
    let asked = std::env::var("AGENT_DEMO_MATRIX").ok();
    let trials = BUILDS
        .into_iter()
        .map(|build| {
            let due = asked.as_deref() == Some("all") || asked.is_some() && build.always;
            Trial::test(build.name, move || all_come_out_as_expected(build)).with_ignored_flag(!due)
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    conclusion.exit_if_failed();
    // Every change is tested with those builds, so those words are theirs.
    words::after("matrix", asked.is_some() && conclusion.num_passed > 0 && conclusion.num_filtered_out == 0);
}

fn all_come_out_as_expected(build: Build) -> Result<(), Failed> {
    let directory = tempfile::tempdir()?;
    let exe = build.make(directory.path())?;
    let profile = build.judged_as();
    let scenarios: Vec<&Scenario> = catalogue::all().collect();
    // Relaxed: the counter hands out numbers and publishes nothing.
    let next = AtomicUsize::new(0);
    let results = Mutex::new((Vec::new(), Tally::default()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (found, unknown) = judge(&exe, scenario, profile);
                    let mut results = results.lock().unwrap();
                    results.0.extend(found);
                    results.1 += unknown;
                }
            });
        }
    });
    let (failures, unknown) = results.into_inner().unwrap();
    println!("{}: {unknown:?}", build.name);
    if !failures.is_empty() {
        return Err(Failed::from(failures.join("\n")));
    }
    if build.names() != Names::Inlined {
        return page::compare(build.name, build.names(), unknown);
    }
    let nothing = Tally { caught: unknown.caught, ..Tally::default() };
    if unknown == nothing || profile == Profile::Abort {
        return Ok(());
    }
    Err(format!("with debug information nothing is unknown, and yet: {unknown:?}").into())
}

fn judge(exe: &Path, scenario: &Scenario, profile: Profile) -> (Vec<String>, Tally) {
    let (texts, unknown) =
        compare(exe, scenario, profile).unwrap_or_else(|error| (vec![error.to_string()], Tally::default()));
    (texts.iter().map(|text| format!("{}: {text}", scenario.name)).collect(), unknown)
}

fn compare(exe: &Path, scenario: &Scenario, profile: Profile) -> io::Result<(Vec<String>, Tally)> {
    let expected = scenario.expectation(profile);
    let panics: usize = expected.panics.iter().map(|panic| panic.count).sum();
    let off = run(child::run, exe, scenario, AgentSwitch::Off)?;
    // If this deviates the expectation is wrong, whatever the agent does.
    let mut found = Vec::new();
    exit(&expected, off.exit, &mut found);
    if scenario.prints_what_is_expected() {
        printed(&expected, profile, &off.stderr, &mut found);
    }
    let mut texts = labelled("without the agent", found);
    let mut unknown = Tally::default();
    for (agent, probes, label) in [
        (AgentSwitch::On, Probes::On, "with probes"),
        (AgentSwitch::WithoutProbes, Probes::Off, "without probes"),
    ] {
        let on = run(child::run, exe, scenario, agent)?;
        if probes == Probes::On {
            unknown = tally(&expected, &on);
        }
        texts.extend(labelled(label, deviations(&expected, Setting { profile, probes }, &on)));
        let mut seen = differences(&off, &on);
        // The first panic ends the process. Which one of several threads that is, and how far the others come with
        // what they print, no run tells of another.
        let race = |subject: &str| match subject {
            "stdout" => panics > 0,
            "stderr" => panics > 1,
            _ => false,
        };
        seen.retain(|difference| profile != Profile::Abort || !race(&difference.subject));
        texts.extend(labelled(label, seen));
        let acting = run(child::run_with_warnings, exe, scenario, agent)?;
        texts.extend(labelled(label, wrong_reactions(&expected, Setting { profile, probes }, &acting)));
    }
    Ok((texts, unknown))
}

type Run = fn(&Path, &Scenario, AgentSwitch, &Path) -> io::Result<Observed>;

/// In a directory of its own: a process that aborted leaves its spool to the next one that starts there.
fn run(how: Run, exe: &Path, scenario: &Scenario, agent: AgentSwitch) -> io::Result<Observed> {
    let directory = tempfile::tempdir()?;
    let observed = how(exe, scenario, agent, directory.path())?;
    words::note_file(&observed.file);
    Ok(observed)
}

fn labelled(label: &str, found: Vec<Deviation>) -> Vec<String> {
    found.iter().map(|deviation| format!("{label}: {deviation}")).collect()
}
