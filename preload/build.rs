//! Tells the library which compiler builds it, in the words that the compiler leaves in what it builds.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    // Without a version nothing is believed to be built alike.
    let version = version.ok().and_then(|version| Some(version.strip_prefix("rustc ")?.to_owned()));
    println!("cargo::rustc-env=PANIC_AGENT_COMPILER=rustc version {}", version.unwrap_or_default());
}
