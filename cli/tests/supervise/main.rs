//! `panic-agent run --supervise`: each kind of death has the right line and the right status, and nothing stays behind.
//!
//! A case that cannot be made here is shown as ignored, with the reason on standard error.
//!
//! Runs on: libtest-mimic's threads. Must not: sleep; wait without a deadline.

#[cfg(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[path = "../support/mod.rs"]
mod support;

#[cfg(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod cases;
#[cfg(all(target_os = "linux", target_env = "gnu", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod run;

fn main() {
    let arguments = libtest_mimic::Arguments::from_args();
    #[cfg(all(
        target_os = "linux",
        target_env = "gnu",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    let trials = cases::trials();
    #[cfg(not(all(
        target_os = "linux",
        target_env = "gnu",
        any(target_arch = "x86_64", target_arch = "aarch64")
    )))]
    let trials = Vec::new();
    libtest_mimic::run(&arguments, trials).exit();
}
