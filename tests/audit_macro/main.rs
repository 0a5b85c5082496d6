//! Builds `tests/fixtures/audit-macro` and runs its test binaries: what one line in a test crate says, and what it does to
//! the exit status. `with_probes`: where the agent sees what becomes of errors. `without_probes`: where it does not. That part
//! also runs with `--cfg panic_agent_fallback`, and for other platforms: `AUDIT_MACRO_CARGO` has what cargo builds the fixture
//! with, `AUDIT_MACRO_RUNNER` what runs its binaries, as `.ci/platforms` does.
#![cfg(all(
    feature = "audit",
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

#[path = "../fixtures/mod.rs"]
mod fixtures;
#[cfg_attr(panic_agent_fallback, allow(dead_code, reason = "what needs probes has its own uses"))]
mod ran;
#[cfg(not(panic_agent_fallback))]
mod with_probes;
mod without_probes;
