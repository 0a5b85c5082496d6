//! Every scenario in every build: one test per profile, which builds the demo with it and runs them all. Takes
//! minutes, so it is shown as ignored unless `AGENT_DEMO_MATRIX` is set, as the scripts in `.ci` do.
//!
//! Runs on: libtest-mimic's threads. Must not: touch builds other than into the usual target directory.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use agent_demo::check::{Deviation, deviations, differences, exit, printed};
use agent_demo::child::{self, AgentSwitch, Observed};
use agent_demo::{Probes, Profile, Scenario, Setting, catalogue};
use libtest_mimic::{Arguments, Failed, Trial};

/// Optional features of this package.
const FEATURES: [(&str, bool); 3] = [
    ("allocator", cfg!(feature = "allocator")),
    ("cpp", cfg!(feature = "cpp")),
    ("libraries", cfg!(feature = "libraries")),
];

fn main() {
    let mut arguments = Arguments::from_args();
    // Builds wait for one another anyway, and two at a time would only take the memory of two.
    arguments.test_threads = Some(1);
    let trials = Profile::ALL
        .into_iter()
        // The build that is being tested already is `tests/scenario`'s.
        .filter(|profile| *profile != Profile::Debug)
        .map(|profile| {
            let trial = Trial::test(profile.cargo_name(), move || all_come_out_as_expected(profile));
            trial.with_ignored_flag(std::env::var_os("AGENT_DEMO_MATRIX").is_none())
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn all_come_out_as_expected(profile: Profile) -> Result<(), Failed> {
    let exe = build(profile)?;
    let scenarios: Vec<&Scenario> = catalogue::all().collect();
    // Relaxed: the counter hands out numbers and publishes nothing.
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = judge(&exe, scenario, profile);
                    failures.lock().unwrap().extend(found);
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    if failures.is_empty() { Ok(()) } else { Err(Failed::from(failures.join("\n"))) }
}

fn judge(exe: &Path, scenario: &Scenario, profile: Profile) -> Vec<String> {
    let texts = compare(exe, scenario, profile).unwrap_or_else(|error| vec![error.to_string()]);
    texts.iter().map(|text| format!("{}: {text}", scenario.name)).collect()
}

fn compare(exe: &Path, scenario: &Scenario, profile: Profile) -> io::Result<Vec<String>> {
    let expected = scenario.expectation(profile);
    let panics: usize = expected.panics.iter().map(|panic| panic.count).sum();
    let off = run(exe, scenario, AgentSwitch::Off)?;
    // If this deviates the expectation is wrong, whatever the agent does.
    let mut found = Vec::new();
    exit(&expected, off.exit, &mut found);
    if scenario.prints_what_is_expected() {
        printed(&expected, profile, &off.stderr, &mut found);
    }
    let mut texts = labelled("without the agent", found);
    for (agent, probes, label) in [
        (AgentSwitch::On, Probes::On, "with probes"),
        (AgentSwitch::WithoutProbes, Probes::Off, "without probes"),
    ] {
        let on = run(exe, scenario, agent)?;
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
    }
    Ok(texts)
}

/// In a directory of its own: a process that aborted leaves its spool to the next one that starts there.
fn run(exe: &Path, scenario: &Scenario, agent: AgentSwitch) -> io::Result<Observed> {
    let directory = tempfile::tempdir()?;
    child::run(exe, scenario, agent, directory.path())
}

fn labelled(label: &str, found: Vec<Deviation>) -> Vec<String> {
    found.iter().map(|deviation| format!("{label}: {deviation}")).collect()
}

/// Builds the demo and returns its path, as cargo tells it.
fn build(profile: Profile) -> Result<PathBuf, Failed> {
    let features: Vec<&str> = FEATURES.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    let output = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--bin", "agent-demo", "--no-default-features"])
        .args(["--profile", profile.cargo_name(), "--features", &features.join(",")])
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(Failed::from(format!("cargo build --profile {} failed", profile.cargo_name())));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| Failed::from("cargo built no executable"))
}
