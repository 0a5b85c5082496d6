//! The commands for people, through the built program, on lines that `agent-demo` wrote.
//!
//! The lines in `tests/lines` are those of the scenarios that the files are named after; only paths were changed.

mod crosscheck;
mod doctor;
mod explain;
mod follow;
mod others;
#[path = "../support/packages.rs"]
mod packages;
mod page;
mod page_in_browser;
mod sarif;
mod scan;
mod scan_any_source;
mod scan_clippy;
mod scan_rules;
mod stats;
mod support;
mod symbolize;
mod toolchain;
mod top;
mod view;
