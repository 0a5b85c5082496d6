//! Which files are scanned, and as parts of which crates.
//!
//! Runs on: the main thread. Must not: build anything, or reach a network.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::walk::Role;
use crate::cargo_metadata;
use crate::failure::Failure;
use crate::system::whole_path;

/// What is scanned.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Where cargo builds; `None`: there is no package.
    pub(crate) target: Option<PathBuf>,
    pub(crate) packages: Vec<PackageName>,
    pub(crate) files: Vec<(PathBuf, String, Role)>,
    /// Profiles that abort, with the line in the manifest.
    pub(crate) aborting: Vec<(String, u32)>,
}

/// A package that is scanned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PackageName {
    pub(crate) name: String,
    pub(crate) version: String,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Clone, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    src_path: PathBuf,
}

impl Target {
    fn is(&self, kinds: &[&str]) -> bool {
        self.kind.iter().any(|kind| kinds.contains(&kind.as_str()))
    }

    fn role(&self) -> Role {
        Role {
            module: self.name.replace('-', "_"),
            test: self.is(&["test", "bench"]),
            program: self.is(&["bin", "example", "custom-build"]),
        }
    }
}

impl Workspace {
    /// What belongs to a path: the workspace of a directory, one package of it, or a file alone.
    pub(crate) fn of(path: &Path, packages: &[String]) -> Result<Self, Failure> {
        let path = whole_path(path).map_err(|error| Failure::io("find", path, &error))?;
        if path.is_file() {
            let root = path.parent().unwrap_or(Path::new("/")).to_owned();
            return Ok(Self::loose(&root, vec![path]));
        }
        let Some(directory) = path.ancestors().find(|directory| directory.join("Cargo.toml").is_file())
        else {
            let mut files = Vec::new();
            sources(&path, true, &mut files);
            return Ok(Self::loose(&path, files));
        };
        let metadata = match cargo_metadata::read::<Package>(directory) {
            Ok(metadata) => metadata,
            Err(why) => {
                eprintln!("panic-agent: {why}; all files below {} are read by themselves", path.display());
                let mut files = Vec::new();
                sources(&path, true, &mut files);
                return Ok(Self::loose(&path, files));
            }
        };
        let wanted = |package: &&Package| match packages {
            [] => {
                metadata.workspace_root == path
                    || package.manifest_path.parent().is_some_and(|own| path.starts_with(own))
            }
            named => named.contains(&package.name),
        };
        let chosen: Vec<&Package> = metadata.packages.iter().filter(wanted).collect();
        // Below a workspace, and in none of its packages.
        let chosen = if chosen.is_empty() && packages.is_empty() {
            metadata.packages.iter().collect()
        } else {
            chosen
        };
        if let Some(missing) =
            packages.iter().find(|name| !chosen.iter().any(|package| package.name == **name))
        {
            return Err(Failure::new(format!(
                "there is no package `{missing}` in {}",
                metadata.workspace_root.display()
            )));
        }
        let target = Some(metadata.target_directory.clone());
        let mut workspace = Self { root: metadata.workspace_root.clone(), target, ..Self::default() };
        for package in chosen {
            workspace
                .packages
                .push(PackageName { name: package.name.clone(), version: package.version.clone() });
            workspace.take(package);
        }
        workspace.files.sort_by(|a, b| a.1.cmp(&b.1));
        workspace.files.dedup_by(|a, b| a.0 == b.0);
        workspace.aborting = aborting(&metadata.workspace_root.join("Cargo.toml"));
        Ok(workspace)
    }

    /// Files that belong to no package.
    fn loose(root: &Path, files: Vec<PathBuf>) -> Self {
        let mut workspace = Self { root: root.to_owned(), ..Self::default() };
        for path in files {
            let name = workspace.name(&path);
            let test = name.split('/').any(|part| part == "tests" || part == "benches");
            let module = guessed_module(&name);
            workspace.files.push((path, name, Role { module, test, program: true }));
        }
        workspace.files.sort_by(|a, b| a.1.cmp(&b.1));
        workspace
    }

    fn name(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        relative.to_string_lossy().replace('\\', "/")
    }

    fn take(&mut self, package: &Package) {
        let Some(directory) = package.manifest_path.parent() else { return };
        let mut files = Vec::new();
        sources(directory, false, &mut files);
        for target in &package.targets {
            if !files.contains(&target.src_path) {
                files.push(target.src_path.clone());
            }
        }
        let mut roots = HashMap::new();
        for path in files {
            if let Some(role) = role(&path, &package.targets, &mut roots) {
                let name = self.name(&path);
                self.files.push((path, name, role));
            }
        }
    }
}

/// As what a file is compiled; `None`: as nothing.
fn role(path: &Path, targets: &[Target], texts: &mut HashMap<PathBuf, String>) -> Option<Role> {
    let own: Vec<&Target> = targets.iter().filter(|target| target.src_path == path).collect();
    let library =
        |target: &&&Target| target.is(&["lib", "rlib", "dylib", "cdylib", "staticlib", "proc-macro"]);
    if let Some(target) = own.iter().find(library).or(own.first()) {
        return Some(target.role());
    }
    let near = |target: &&Target| {
        target.src_path.parent().filter(|root| path.starts_with(root)).map(|root| root.components().count())
    };
    let nearest = targets
        .iter()
        .filter(|target| !target.is(&["custom-build"]))
        .filter_map(|target| near(&target))
        .max()?;
    let around: Vec<&Target> = targets.iter().filter(|target| near(target) == Some(nearest)).collect();
    let target = around.iter().find(library).or(around.first())?;
    let root = target.src_path.parent()?;
    let relative = path.strip_prefix(root).ok()?;
    let mut parts: Vec<String> = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if let Some(last) = parts.last_mut() {
        *last = last.trim_end_matches(".rs").to_owned();
    }
    let mut target = *target;
    // What lies beside tests is a part of one only if one says so: the rest are fixtures.
    if target.is(&["test", "bench", "example"]) {
        let first = parts.first()?;
        target = around.iter().find(|target| {
            let text = texts
                .entry(target.src_path.clone())
                .or_insert_with(|| fs::read_to_string(&target.src_path).unwrap_or_default());
            text.contains(&format!("mod {first}"))
        })?;
    }
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    let mut role = target.role();
    role.program = false;
    for part in parts {
        role.module = format!("{}::{part}", role.module);
    }
    Some(role)
}

/// Rust files below a directory, without those of builds, hidden ones, and unless asked for those of other packages.
fn sources(directory: &Path, all_packages: bool, found: &mut Vec<PathBuf>) {
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                let other =
                    !all_packages && path.join("Cargo.toml").is_file() || path.join("CACHEDIR.TAG").is_file();
                if !hidden && !other {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") && path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
}

/// The module of a file whose package is not known: the directory before `src`, and what is below it.
fn guessed_module(name: &str) -> String {
    let parts: Vec<String> =
        name.trim_end_matches(".rs").split('/').map(|part| part.replace(['-', '.'], "_")).collect();
    let from = parts.iter().rposition(|part| part == "src").unwrap_or(parts.len().saturating_sub(1));
    let package = from
        .checked_sub(1)
        .and_then(|before| parts.get(before))
        .filter(|_| parts.get(from).is_some_and(|part| part == "src"));
    let below = parts.iter().skip(if package.is_some() { from + 1 } else { from });
    let below = below.filter(|part| !matches!(part.as_str(), "mod" | "lib" | "main") || package.is_none());
    package.into_iter().chain(below).cloned().collect::<Vec<_>>().join("::")
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    profile: HashMap<String, toml::Value>,
}

/// Profiles of a manifest with `panic = "abort"`.
fn aborting(manifest: &Path) -> Vec<(String, u32)> {
    let Ok(text) = fs::read_to_string(manifest) else { return Vec::new() };
    let Ok(parsed) = toml::from_str::<Manifest>(&text) else { return Vec::new() };
    let aborts = |profile: &toml::Value| profile.get("panic").and_then(toml::Value::as_str) == Some("abort");
    let mut found: Vec<(String, u32)> = parsed
        .profile
        .iter()
        // Cargo ignores it in these: their harness has to unwind.
        .filter(|(name, profile)| aborts(profile) && !matches!(name.as_str(), "test" | "bench"))
        .map(|(name, _)| {
            let section = format!("[profile.{name}]");
            let mut lines = text.lines().enumerate().skip_while(|(_, line)| line.trim() != section);
            let line = lines
                .find(|(_, line)| line.trim_start().starts_with("panic"))
                .map_or(0, |(number, _)| number);
            (name.clone(), super::source_file::number(line + 1))
        })
        .collect();
    found.sort();
    found
}
