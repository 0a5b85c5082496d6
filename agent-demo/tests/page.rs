//! The committed page of verdicts says what the scenarios expect.
#![cfg(all(feature = "allocator", feature = "cpp", feature = "libraries"))]

use agent_demo::page::{BEGIN, END, table};

#[test]
fn the_table_of_the_page_is_the_one_that_the_scenarios_make() {
    let page = include_str!("../../docs/verdicts.md");
    let (_, rest) = page.split_once(BEGIN).expect("the page has a table");
    let (found, _) = rest.split_once(END).expect("the table has an end");
    for (found, made) in found.trim().lines().zip(table().trim().lines()) {
        assert_eq!(found, made, "run `agent-demo verdicts --markdown` and put its output into the page");
    }
    assert_eq!(found.trim().lines().count(), table().trim().lines().count());
}
