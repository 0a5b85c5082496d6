//! Nothing is lost: programs that are killed, that end in every other way, and that fork, and what is in their log
//! after the next start or after `recover`.
//!
//! Runs on: the main thread of the child (programs), libtest-mimic's threads (checks). Must not: install the agent
//! in the process that judges.
//!
//! The long campaigns, whose figures are in `docs/reliability.md`:
//!
//! ```sh
//! export RELIABILITY_KILLS=1000 RELIABILITY_FORKS=10000 RELIABILITY_ENDS=2000 RELIABILITY_EXITS=1000 RELIABILITY_STORM=100000
//! cargo test --release --test reliability -- campaign
//! ```

mod anywhere;
mod instants;
mod log;
mod program;
#[path = "../words/mod.rs"]
mod words;

/// With signals and forks, and with a spool.
#[cfg(unix)]
#[path = "."]
mod with_spool {
    mod containers;
    mod daemons;
    mod end_programs;
    mod ends;
    mod faults;
    mod forks;
    mod kills;
    mod last_words;
    mod reactions;
    mod slow_disk;

    use libtest_mimic::Trial;

    use super::{instants, log, number, program};

    pub(crate) fn programs() -> impl Iterator<Item = &'static (&'static str, fn())> {
        let all = [
            containers::PROGRAMS,
            daemons::PROGRAMS,
            kills::PROGRAMS,
            slow_disk::PROGRAMS,
            end_programs::PROGRAMS,
            faults::PROGRAMS,
            forks::PROGRAMS,
            last_words::PROGRAMS,
            reactions::PROGRAMS,
        ];
        all.into_iter().flatten()
    }

    pub(crate) fn trials() -> Vec<Trial> {
        let campaigns: [(&str, fn()); 5] = [
            ("campaign_of_kills_loses_nothing_and_writes_nothing_twice", kills::campaign),
            ("campaign_of_kills_beside_others_on_one_log_leaves_no_torn_line", kills::campaign_beside),
            ("campaign_of_ends_under_panicking_threads_balances_and_leaves_nothing", last_words::campaign),
            ("campaign_of_exits_by_a_reaction_loses_no_line_and_has_its_status", reactions::campaign),
            ("campaign_of_forks_reports_every_child_and_keeps_the_parents_file", forks::campaign),
        ];
        let mut trials: Vec<Trial> = campaigns.map(super::trial).into();
        trials.extend(kills::PACES.map(|pace| {
            let name = format!("campaign_of_kills_of_a_service_that_panics_every_{pace}_ms_loses_nothing");
            Trial::test(name, move || {
                kills::campaign_paced(pace);
                Ok(())
            })
        }));
        trials.extend(containers::trials());
        trials.extend(daemons::trials());
        trials.extend(ends::trials());
        trials.extend(slow_disk::trials());
        trials.extend(faults::trials());
        trials.extend(forks::trials());
        trials.extend(last_words::trials());
        trials.extend(reactions::trials());
        trials
    }
}

use libtest_mimic::{Arguments, Failed, Trial};

/// Whether it is seen what comes after the hook: not in a static program, whose calls cannot be redirected.
const IS_OBSERVED: bool = !cfg!(all(target_env = "musl", target_feature = "crt-static"));

/// What waits for a verdict that only probes can give.
const NEED_PROBES: [&str; 5] = [
    "a_panic_that_had_landed_is_not_interrupted_and_one_that_unwound_is",
    "a_panic_that_unwound_gets_its_last_verdict_also_when_its_line_was_written",
    "a_supervisor_that_is_to_be_told_hears_of_each_death_and_of_no_caught_panic",
    "campaign_of_caught_panics_calls_for_nothing_and_each_silent_death_among_them_does",
    "campaign_of_exits_by_a_reaction_loses_no_line_and_has_its_status",
];

fn main() {
    if program::run_if_asked() {
        return;
    }
    let arguments = Arguments::from_args();
    let mut trials = anywhere::trials();
    #[cfg(unix)]
    trials.extend(with_spool::trials());
    let unseen = |trial: &Trial| !IS_OBSERVED && NEED_PROBES.contains(&trial.name());
    let trials = trials.into_iter();
    let trials =
        trials.map(|trial| if unseen(&trial) { trial.with_ignored_flag(true) } else { trial }).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    conclusion.exit_if_failed();
    // The words are those of glibc: elsewhere some cannot come.
    let whole = cfg!(all(unix, target_env = "gnu")) && conclusion.num_filtered_out == 0;
    words::after("reliability", whole && conclusion.num_passed > 0);
}

/// Every program by its name.
fn programs() -> impl Iterator<Item = &'static (&'static str, fn())> {
    let programs = anywhere::PROGRAMS.iter();
    #[cfg(unix)]
    let programs = programs.chain(with_spool::programs());
    programs
}

fn trial((name, check): (&str, fn())) -> Trial {
    Trial::test(name, move || -> Result<(), Failed> {
        check();
        Ok(())
    })
}

/// A number from the environment.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}=`{text}` is no number")))
}
