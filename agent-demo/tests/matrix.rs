//! Every scenario in every build: one test per profile, which builds the demo with it and runs them all. Takes
//! minutes, so it is shown as ignored unless `AGENT_DEMO_MATRIX` is set; `.ci/full` sets it.
//!
//! Runs on: libtest-mimic's threads. Must not: touch builds other than into the usual target directory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use agent_demo::check::{deviations, exit, printed};
use agent_demo::child::{self, AgentSwitch};
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
    let directory = tempfile::tempdir()?;
    let scenarios: Vec<&Scenario> = catalogue::all().collect();
    // Relaxed: the counter hands out numbers and publishes nothing.
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = judge(&exe, scenario, profile, directory.path());
                    failures.lock().unwrap().extend(found);
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    if failures.is_empty() { Ok(()) } else { Err(Failed::from(failures.join("\n"))) }
}

fn judge(exe: &Path, scenario: &Scenario, profile: Profile, directory: &Path) -> Vec<String> {
    let expected = scenario.expectation(profile);
    let mut texts = Vec::new();
    // If this deviates the expectation is wrong, whatever the agent does.
    match child::run(exe, scenario, AgentSwitch::Off, directory) {
        Ok(off) => {
            let mut found = Vec::new();
            exit(&expected, off.exit, &mut found);
            if scenario.prints_what_is_expected() {
                printed(&expected, profile, &off.stderr, &mut found);
            }
            texts.extend(found.iter().map(|deviation| format!("without the agent: {deviation}")));
        }
        Err(error) => texts.push(format!("without the agent: {error}")),
    }
    for (agent, probes, label) in [
        (AgentSwitch::On, Probes::On, "with probes"),
        (AgentSwitch::WithoutProbes, Probes::Off, "without probes"),
    ] {
        let setting = Setting { profile, probes };
        // A line too many would be those of the run before.
        let file = directory.join(format!("{}.jsonl", scenario.name));
        if file.exists()
            && let Err(error) = std::fs::remove_file(&file)
        {
            texts.push(error.to_string());
        }
        match child::run(exe, scenario, agent, directory) {
            Ok(on) => {
                let found = deviations(&expected, setting, &on);
                texts.extend(found.iter().map(|deviation| format!("{label}: {deviation}")));
            }
            Err(error) => texts.push(format!("{label}: {error}")),
        }
    }
    texts.iter().map(|text| format!("{}: {text}", scenario.name)).collect()
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
