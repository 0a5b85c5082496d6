//! panic-agent as a library that the loader maps before an unmodified program (`LD_PRELOAD`).
//!
//! It exports the few functions that the probes stand in for, so that the program's calls reach them, and installs
//! the agent before `main`. `cargo panic-agent` and `panic-agent run` build it and say through the environment what
//! it shall do; the variables are gone before the program looks.
//!
//! Runs on: the thread that starts the process (`constructor`), and whatever thread calls an exported function.
//! Must not: fail the program, print without need, or leave a trace in the environment of its children.
#![cfg(all(
    target_os = "linux",
    target_env = "gnu",
    not(target_feature = "crt-static"),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

mod environment;
mod exports;

use std::sync::OnceLock;

use panic_agent::preload::{self, Preload};

use environment::Wanted;

/// The compiler that built this library, and so its std.
const COMPILER: &str = env!("PANIC_AGENT_COMPILER");

/// The code of std's function that calls `main`, as that compiler links it into executables; empty if it was not found.
const MAIN_START: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/main_start.bin"));

/// Called by the loader, before the initializers of the program.
#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = constructor;

extern "C" fn constructor() {
    // No panic may leave a function that C calls; std would abort.
    let outcome = std::panic::catch_unwind(|| {
        let can_raise = preload::is_needed();
        if let Some(wanted) = environment::take(can_raise) {
            let _first = WANTED.set(wanted);
            if can_raise {
                install();
            } else {
                // A shell, an interpreter, a program in C: it may load Rust code, or become another program.
                preload::when_loading(install);
            }
        }
    });
    // Nothing above panics; if it did, the program would run unobserved.
    drop(outcome);
}

/// What is to be done, once it is known.
static WANTED: OnceLock<Wanted> = OnceLock::new();

fn install() {
    let Some(Wanted { file, audited }) = WANTED.get() else { return };
    let preload = Preload::new(file.clone(), COMPILER, exports::all());
    if let Err(error) = preload.audited(*audited).main_start(MAIN_START).install() {
        environment::complain(&error);
    }
}
