//! Nothing is lost: programs that are killed, that end in every other way, and that fork, and what is in their log
//! after the next start or after `recover`.
//!
//! Runs on: the main thread of the child (programs), libtest-mimic's threads (checks). Must not: install the agent
//! in the process that judges.
//!
//! The long campaigns, whose figures are in `docs/reliability.md`:
//!
//! ```sh
//! RELIABILITY_KILLS=1000 RELIABILITY_FORKS=10000 RELIABILITY_ENDS=2000 cargo test --release --test reliability -- campaign
//! ```

mod containers;
mod daemons;
mod end_programs;
mod ends;
mod faults;
mod forks;
mod kills;
mod last_words;
mod log;
mod program;
mod slow_disk;

use libtest_mimic::{Arguments, Trial};

fn main() {
    if program::run_if_asked() {
        return;
    }
    let arguments = Arguments::from_args();
    let mut trials = vec![
        Trial::test("campaign_of_kills_loses_nothing_and_writes_nothing_twice", || {
            kills::campaign();
            Ok(())
        }),
        Trial::test("campaign_of_kills_beside_others_on_one_log_leaves_no_torn_line", || {
            kills::campaign_beside();
            Ok(())
        }),
        Trial::test("campaign_of_ends_under_panicking_threads_balances_and_leaves_nothing", || {
            last_words::campaign();
            Ok(())
        }),
        Trial::test("campaign_of_forks_reports_every_child_and_keeps_the_parents_file", || {
            forks::campaign();
            Ok(())
        }),
    ];
    trials.extend(containers::trials());
    trials.extend(daemons::trials());
    trials.extend(ends::trials());
    trials.extend(slow_disk::trials());
    trials.extend(faults::trials());
    trials.extend(forks::trials());
    trials.extend(last_words::trials());
    libtest_mimic::run(&arguments, trials).exit();
}

/// A number from the environment.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}=`{text}` is no number")))
}
