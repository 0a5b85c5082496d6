//! Every scenario in a process of its own: against its expectation, with the agent's probes and without them, acting on
//! each event as an operator may ask it to; and once without the agent, which must not make a difference to anybody but
//! the reader of its lines.
//!
//! When all have run, each word of an enumerated field has come, and no other: see `tests/words`.
//!
//! Runs on: libtest-mimic's threads. Must not: install the agent in this process.

#[path = "../../../tests/words/mod.rs"]
mod words;

use std::io;
use std::path::Path;

use agent_demo::check::{deviations, differences, exit, printed, wrong_abilities, wrong_reactions};
use agent_demo::child::{self, AgentSwitch, Observed};
use agent_demo::{Probes, Profile, Scenario, Setting, catalogue};
use libtest_mimic::{Arguments, Failed, Trial};

const EXE: &str = env!("CARGO_BIN_EXE_agent-demo");

fn main() {
    let arguments = Arguments::from_args();
    let trials = catalogue::all()
        .flat_map(|scenario| {
            [
                Trial::test(format!("expected::{}", scenario.name), || {
                    comes_out_as_expected(scenario, Probes::On)
                }),
                Trial::test(format!("without_probes::{}", scenario.name), || {
                    comes_out_as_expected(scenario, Probes::Off)
                }),
                Trial::test(format!("control::{}", scenario.name), || {
                    is_the_same_without_the_agent(scenario)
                }),
            ]
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    conclusion.exit_if_failed();
    if conclusion.num_passed == 0 || conclusion.num_filtered_out > 0 || conclusion.num_ignored > 0 {
        return println!("SKIPPED: which words came is asked when all scenarios have run");
    }
    let wrong = words::after_all_scenarios();
    assert!(wrong.is_empty(), "words of enumerated fields:\n{}", wrong.join("\n"));
    println!("{} words of enumerated fields came, and no other", words::noted().len());
}

type Run = fn(&Path, &Scenario, AgentSwitch, &Path) -> io::Result<Observed>;

fn run(how: Run, scenario: &Scenario, agent: AgentSwitch) -> Result<Observed, Failed> {
    let directory = tempfile::tempdir()?;
    let observed = how(Path::new(EXE), scenario, agent, directory.path())?;
    words::note_file(&observed.file);
    Ok(observed)
}

fn comes_out_as_expected(scenario: &Scenario, probes: Probes) -> Result<(), Failed> {
    let setting = Setting { profile: Profile::current(), probes };
    let agent = match probes {
        Probes::On => AgentSwitch::On,
        Probes::Off | Probes::Names => AgentSwitch::WithoutProbes,
    };
    let observed = run(child::run_with_warnings, scenario, agent)?;
    let expected = scenario.expectation(setting.profile);
    let mut found = deviations(&expected, setting, &observed);
    found.extend(wrong_reactions(&expected, setting, &observed));
    found.extend(wrong_abilities(probes, setting.profile, &observed));
    if found.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    Err(Failed::from(format!("{}\nstderr:\n{}", texts.join("\n"), observed.stderr)))
}

fn is_the_same_without_the_agent(scenario: &Scenario) -> Result<(), Failed> {
    let off = run(child::run, scenario, AgentSwitch::Off)?;
    let mut found = Vec::new();
    let expected = scenario.expectation(Profile::current());
    exit(&expected, off.exit, &mut found);
    if scenario.prints_what_is_expected() {
        printed(&expected, Profile::current(), &off.stderr, &mut found);
    }
    if let Some(deviation) = found.first() {
        // Then the expectation is wrong, whatever the agent does.
        return Err(Failed::from(format!("without the agent: {deviation}\nstderr:\n{}", off.stderr)));
    }
    if off.file.exists() {
        return Err(Failed::from("PANIC_AGENT=off, and yet there is a file"));
    }
    for (agent, label) in
        [(AgentSwitch::On, "the agent"), (AgentSwitch::WithoutProbes, "the agent, no probes")]
    {
        let on = run(child::run, scenario, agent)?;
        if let Some(difference) = differences(&off, &on).first() {
            return Err(Failed::from(format!("without the agent and with {label}: {difference}")));
        }
    }
    Ok(())
}
