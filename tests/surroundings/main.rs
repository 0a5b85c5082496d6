//! The agent does not change the program: programs in unusual surroundings, each run with the agent and with
//! `PANIC_AGENT=off`, and compared.
//!
//! Runs on: the main thread of the child (programs), libtest-mimic's threads (checks). Must not: install the agent in
//! the process that judges, or wait without a deadline.
//!
//! What cannot be tried here (a right that is missing, a compiler that is not there) is printed as skipped.

mod descriptors;
mod firsts;
mod log;
mod names;
mod places;
mod program;
mod same;
mod sanitizers;
mod seccomp;
mod seccomp_filter;
mod signals;
#[path = "../words/mod.rs"]
mod words;

use libtest_mimic::Arguments;

fn main() {
    if program::run_if_asked() {
        return;
    }
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    trials.extend(same::trials());
    trials.extend(descriptors::trials());
    trials.extend(firsts::trials());
    trials.extend(names::trials());
    trials.extend(places::trials());
    trials.extend(sanitizers::trials());
    trials.extend(seccomp::trials());
    trials.extend(signals::trials());
    let conclusion = libtest_mimic::run(&arguments, trials);
    conclusion.exit_if_failed();
    words::after("surroundings", conclusion.num_passed > 0 && conclusion.num_filtered_out == 0);
}
