//! What `panic-agent scan` finds in code that people wrote: places that were labelled by reading them, published crates whose
//! findings were judged one by one, and every crate that cargo has unpacked here.
//!
//! The labelled places are always looked at. The rest fetches and reads a good deal, so it is shown as ignored unless
//! `SCAN_CORPUS` is set: to `1` for all of it, or to names of crates, separated by commas.
//!
//! Runs on: threads of libtest-mimic. Must not: write into the repository, or into cargo's copies of the sources.

mod findings;
mod labels;
mod published;
mod registry;
mod tool;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let skip = published::wanted().is_none();
    let trials = vec![
        Trial::test("labelled_places_are_found_and_where_nothing_gets_lost_nothing_is", labels::all),
        Trial::test("labels_refuse_a_scan_that_finds_nothing_and_one_that_finds_everything", labels::refuse),
        Trial::test("findings_of_published_crates_are_those_that_were_judged", findings::all)
            .with_ignored_flag(skip),
        Trial::test("the_table_of_the_page_counts_the_judgements", findings::page),
        Trial::test("every_crate_of_the_registry_is_read_to_its_end", registry::all).with_ignored_flag(skip),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
