//! panic-agent as a library that the loader maps before an unmodified program (`LD_PRELOAD`).
//!
//! It exports the few functions that the probes stand in for, so that the program's calls reach them, and installs
//! the agent before `main`. `cargo panic-agent` and `panic-agent run` build it and say through the environment what
//! it shall do; the variables are gone before the program looks.
//!
//! Runs on: the thread that starts the process (`constructor`), and whatever thread calls an exported function.
//! Must not: fail the program, print without need, or leave a trace in the environment of its children.
#![cfg(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod environment;
mod exports;

use panic_agent::preload::Preload;

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
        let Some(Wanted { file, audited }) = environment::take() else { return Ok(()) };
        Preload::new(file, COMPILER, exports::all()).audited(audited).main_start(MAIN_START).install()
    });
    if let Ok(Err(error)) = outcome {
        environment::complain(&error);
    }
}
