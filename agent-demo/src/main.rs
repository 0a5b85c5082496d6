//! The demo's command line: runs every scenario in a process of its own, or builds a word index.
//!
//! Runs on: the main thread. Must not: run a scenario in the process that judges it.
#![deny(unsafe_code)] // `cli::run` opts out, by name

mod cli;

use std::process::ExitCode;

#[cfg(feature = "allocator")]
#[global_allocator]
static ALLOCATOR: agent_demo::PanickingAllocator = agent_demo::PanickingAllocator;

fn main() -> ExitCode {
    cli::main()
}
