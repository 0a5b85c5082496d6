//! What `cargo metadata` says of the workspace that a directory is in.
//!
//! Runs on: the main thread. Must not: build anything, or reach for a registry.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// As much of it as `Package` asks for.
#[derive(Deserialize)]
pub(crate) struct Metadata<Package> {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_root: PathBuf,
    /// Where cargo builds.
    pub(crate) target_directory: PathBuf,
}

/// The packages of the workspace, without what they depend on.
pub(crate) fn read<Package: DeserializeOwned>(directory: &Path) -> Result<Metadata<Package>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(directory);
    let output = command.output().map_err(|error| format!("cannot start cargo: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let first =
            said.lines().find(|line| line.starts_with("error")).unwrap_or("cargo metadata failed").to_owned();
        return Err(first);
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata cannot be read: {error}"))
}
