//! Every scenario in a process of its own: against its expectation, with the agent's probes and without them,
//! and once without the agent, which must not make a difference to anybody but the reader of its lines.
//!
//! Runs on: libtest-mimic's threads. Must not: install the agent in this process.

use std::path::Path;

use agent_demo::check::{deviations, differences, exit, printed};
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
    libtest_mimic::run(&arguments, trials).exit();
}

fn run(scenario: &Scenario, agent: AgentSwitch) -> Result<Observed, Failed> {
    let directory = tempfile::tempdir()?;
    Ok(child::run(Path::new(EXE), scenario, agent, directory.path())?)
}

fn comes_out_as_expected(scenario: &Scenario, probes: Probes) -> Result<(), Failed> {
    let setting = Setting { profile: Profile::current(), probes };
    let agent = match probes {
        Probes::On => AgentSwitch::On,
        Probes::Off => AgentSwitch::WithoutProbes,
    };
    let observed = run(scenario, agent)?;
    let found = deviations(&scenario.expectation(setting.profile), setting, &observed);
    if found.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    Err(Failed::from(format!("{}\nstderr:\n{}", texts.join("\n"), observed.stderr)))
}

fn is_the_same_without_the_agent(scenario: &Scenario) -> Result<(), Failed> {
    let off = run(scenario, AgentSwitch::Off)?;
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
        let on = run(scenario, agent)?;
        if let Some(difference) = differences(&off, &on).first() {
            return Err(Failed::from(format!("without the agent and with {label}: {difference}")));
        }
    }
    Ok(())
}
