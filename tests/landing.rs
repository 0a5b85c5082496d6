//! Builds `tests/fixtures/landing` in several profiles and runs each of its scenarios in a process of its
//! own. The program judges itself; here only its status is looked at.
#![cfg(all(
    feature = "__testing",
    target_os = "linux",
    target_env = "gnu",
    not(panic_agent_fallback),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

mod fixtures;

use std::path::PathBuf;
use std::process::Command;

const SCENARIOS: &[&str] = &[
    "caught",
    "nested_catch",
    "thread_root",
    "catch_in_thread",
    "scoped_thread",
    "main_root",
    "extern_c",
    "deep_catch",
    "deep_thread_root",
    "no_handler",
    "wrapping_hook",
    "tls_destructor",
    "result_drop",
    "boxed_result_drop",
    "payload_drop",
    "panic_any",
    "index",
    "small_stack",
    "new_image",
    "drop_during_unwind",
    "callback_through_c",
];

/// C++ frames; run only where there is a C++ compiler.
const CXX_SCENARIOS: &[&str] = &["cxx_typed_catch", "cxx_catch_all", "cxx_noexcept"];

fn build(profile: &str) -> PathBuf {
    let status = fixtures::cargo(["--bin", "landing"], profile).status().expect("cargo runs");
    assert!(status.success(), "the fixture does not build in profile {profile}");
    fixtures::program(profile, "landing")
}

/// A library that the program loads at run time.
fn build_library(profile: &str) -> PathBuf {
    let path = fixtures::target().join(format!("libcall_back_{profile}.so"));
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let status = Command::new(rustc)
        .args(["--edition", "2024", "-C", "panic=unwind", "-o"])
        .arg(&path)
        .arg(fixtures::source("landing/library/call_back.rs"))
        .status()
        .expect("rustc runs");
    assert!(status.success(), "the library does not build");
    path
}

/// A library in C++; `None` without a compiler.
fn build_cxx_library(profile: &str) -> Option<PathBuf> {
    let path = fixtures::target().join(format!("libcxx_frames_{profile}.so"));
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let status = Command::new(compiler)
        .args(["-shared", "-fPIC", if profile == "dev" { "-O0" } else { "-O2" }, "-o"])
        .arg(&path)
        .arg(fixtures::source("landing/library/cxx_frames.cc"))
        .status()
        .ok()?;
    assert!(status.success(), "the C++ library does not build");
    Some(path)
}

fn run_all(profile: &str) {
    let program = build(profile);
    let library = build_library(profile);
    let cxx = build_cxx_library(profile);
    if cxx.is_none() {
        eprintln!("no C++ compiler: {CXX_SCENARIOS:?} were not run");
    }
    let cxx_scenarios = if cxx.is_some() { CXX_SCENARIOS } else { &[] };
    let mut failures = Vec::new();
    for scenario in SCENARIOS.iter().chain(cxx_scenarios) {
        let output = Command::new(&program)
            .arg(scenario)
            .env("LANDING_LIBRARY", &library)
            .envs(cxx.iter().map(|path| ("LANDING_CXX", path)))
            .output()
            .expect("it runs");
        let expected = if *scenario == "main_root" { 101 } else { 0 };
        let said_ok = output.stdout.ends_with(b"ok\n");
        if output.status.code() != Some(expected) || !said_ok {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            failures.push(format!("{scenario}: {} {text}", output.status));
        }
    }
    assert!(failures.is_empty(), "{profile}:\n{}", failures.join("\n"));
}

#[test]
fn every_panic_lands_where_the_walk_says_in_a_debug_build() {
    run_all("dev");
}

#[test]
fn every_panic_lands_where_the_walk_says_in_a_release_build() {
    run_all("release");
}

#[test]
fn every_panic_lands_where_the_walk_says_with_fat_lto_and_no_symbols() {
    run_all("lto");
}
