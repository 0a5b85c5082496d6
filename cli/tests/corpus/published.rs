//! Where cargo has unpacked a published crate; it fetches one that is not here.
//!
//! Runs on: a thread of libtest-mimic. Must not: take another version than the one that was read.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates that `SCAN_CORPUS` names: `None`, all (an empty list), or these.
pub(crate) fn wanted() -> Option<Vec<String>> {
    let names = std::env::var("SCAN_CORPUS").ok().filter(|names| !names.is_empty() && names != "0")?;
    let names = if names == "1" { "" } else { names.as_str() };
    Some(names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// Directories below which cargo unpacks crates, one per registry.
pub(crate) fn registries() -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let source = home.map(|home| home.join("registry/src"));
    let entries = source.and_then(|source| std::fs::read_dir(source).ok()).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// The sources of `NAME@VERSION`.
pub(crate) fn unpacked(spec: &str) -> Result<PathBuf, String> {
    let directory = spec.replace('@', "-");
    let here =
        || registries().into_iter().map(|registry| registry.join(&directory)).find(|path| is_whole(path));
    if let Some(path) = here() {
        return Ok(path);
    }
    // Of what `cargo info` is asked for it fetches the one crate, and none of those that it needs.
    let elsewhere = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut cargo = Command::new("cargo");
    cargo.args(["info", "--quiet", spec]).current_dir(elsewhere.path()).env_remove("CARGO_TARGET_DIR");
    let output = cargo.output().map_err(|error| format!("cargo: {error}"))?;
    here()
        .ok_or_else(|| format!("cargo fetches no {spec}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// Cargo writes this file last.
fn is_whole(path: &Path) -> bool {
    path.join(".cargo-ok").is_file()
}
