//! What a workspace will build, as its manifests and cargo's configuration say it.
//!
//! Runs on: the main thread. Must not: build anything.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Check;
use crate::cargo_metadata::{self, Metadata};
use crate::failure::Failure;

/// Profiles that nobody ships.
const NOT_SHIPPED: [&str; 3] = ["dev", "test", "bench"];
/// The profile that is there without a word.
const RELEASE: &str = "release";
/// Profiles that inherit from one another, at most.
const DEPTH: usize = 8;

/// As far as it matters here.
#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None`: an ordinary one.
    kind: Option<String>,
    uses_default_features: bool,
    features: Vec<String>,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    profile: BTreeMap<String, toml::Value>,
}

/// Checks of the workspace that a directory is in, and its root.
pub(super) fn checks(directory: &Path) -> Result<(PathBuf, Vec<Check>), Failure> {
    let metadata: Metadata<Package> = cargo_metadata::read(directory)
        .map_err(|error| Failure::new(format!("`{}`: {error}", directory.display())))?;
    let manifest = metadata.workspace_root.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(|error| Failure::io("read", &manifest, &error))?;
    let Manifest { profile: profiles } = toml::from_str(&text)
        .map_err(|error| Failure::new(format!("`{}`: {}", manifest.display(), error.message())))?;
    let mut checks = vec![dependency(&metadata)];
    let shipped =
        profiles.keys().map(String::as_str).filter(|name| !NOT_SHIPPED.contains(name) && *name != RELEASE);
    for name in std::iter::once(RELEASE).chain(shipped) {
        checks.push(profile(name, &profiles));
    }
    checks.extend(flags(&metadata.workspace_root)?);
    Ok((metadata.workspace_root, checks))
}

/// Whether a package has an agent, and with what.
fn dependency(metadata: &Metadata<Package>) -> Check {
    let of = |package: &'_ Package| {
        let mut all = package.dependencies.iter();
        all.find(|one| one.name == "panic-agent" && one.kind.is_none()).map(|one| {
            let has =
                |feature: &str| one.uses_default_features || one.features.iter().any(|own| own == feature);
            (package.name.clone(), has("probes"), has("symbols"))
        })
    };
    let found: Vec<_> = metadata.packages.iter().filter_map(of).collect();
    let names = |of: &[(String, bool, bool)]| {
        of.iter().map(|(name, ..)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let without = |lacks: fn(&(String, bool, bool)) -> bool| {
        found.iter().filter(|one| lacks(one)).cloned().collect::<Vec<_>>()
    };
    let (no_probes, no_symbols) = (without(|one| !one.1), without(|one| !one.2));
    if found.is_empty() {
        Check::less(
            "agent",
            "no package of the workspace depends on `panic-agent`",
            "its panics are recorded under `panic-agent run` alone",
            "add it to the package with `main`, and call `panic_agent::init!()` there",
        )
    } else if !no_probes.is_empty() {
        Check::less(
            "agent",
            format!("without the feature `probes` in {}", names(&no_probes)),
            "verdicts are predictions; nothing is ever called silent or swallowed",
            "add the feature `probes`, or keep the default features",
        )
    } else if !no_symbols.is_empty() {
        Check::less(
            "agent",
            format!("without the feature `symbols` in {}", names(&no_symbols)),
            "names come from the running process alone: none from separate debug files, and none in recovered reports",
            "add the feature `symbols`, or keep the default features",
        )
    } else {
        Check::fine("agent", format!("in {}", names(&found)))
    }
}

/// A key of a profile, with what it inherits.
fn key<'p>(name: &str, of: &str, profiles: &'p BTreeMap<String, toml::Value>) -> Option<&'p toml::Value> {
    let mut name = name;
    for _ in 0..DEPTH {
        let profile = profiles.get(name)?;
        if let Some(value) = profile.get(of) {
            return Some(value);
        }
        // A profile of cargo's own inherits nothing.
        name = profile.get("inherits")?.as_str()?;
    }
    None
}

/// What a program of this profile will tell.
fn profile(name: &str, profiles: &BTreeMap<String, toml::Value>) -> Check {
    let title = "profile";
    let text = |of: &str| match key(name, of, profiles)? {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(is) => Some(is.to_string()),
        _ => None,
    };
    let (panic, strip, debug) = (text("panic"), text("strip"), text("debug"));
    let here = format!("in `[profile.{name}]`");
    if panic.as_deref() == Some("abort") {
        return Check::blind(
            title,
            format!("`{name}`: `panic = \"abort\"`"),
            "every panic ends the process, and `catch_unwind`, joins and supervisors never see one; its line says `aborted`",
            &format!("take it out, if you mean to go on after a panic ({here})"),
        );
    }
    if matches!(strip.as_deref(), Some("true" | "symbols")) {
        return Check::less(
            title,
            format!("`{name}`: stripped"),
            "addresses in place of names; what only a name tells is `unknown`",
            "keep the debug file, and give it to `panic-agent symbolize`, or strip outside of cargo",
        );
    }
    let no_lines = matches!(debug.as_deref(), None | Some("0" | "false" | "none"))
        || strip.as_deref() == Some("debuginfo");
    if no_lines {
        return Check::less(
            title,
            format!("`{name}`: functions with code of their own; no line tables"),
            "no lines but the panic's own, no inlined functions; who caught and who dropped the error is named only where the \
             structure of the program proves it",
            &format!("`debug = \"line-tables-only\"` {here}"),
        );
    }
    Check::fine(title, format!("`{name}`: functions, inlined ones too, and lines"))
}

/// Whether the agent reads unwind tables in programs for a target.
fn has_tables(target: &str) -> bool {
    let architecture = target.split('-').next().unwrap_or_default();
    let known = target.ends_with("-linux-gnu") || target.ends_with("-linux-musl");
    known && matches!(architecture, "x86_64" | "aarch64")
}

/// What cargo's configuration says to all builds.
fn flags(root: &Path) -> Result<Vec<Check>, Failure> {
    let unreadable =
        |error: cargo_config2::Error| Failure::new(format!("cargo's configuration cannot be read: {error}"));
    let config = cargo_config2::Config::load_with_cwd(root).map_err(unreadable)?;
    let targets = config.build_target_for_cli(Vec::<&str>::new()).map_err(unreadable)?;
    let mut checks = Vec::new();
    for target in &targets {
        if !has_tables(target) {
            checks.push(Check::less(
                "target",
                format!("{target}, by cargo's configuration"),
                "fates are predicted from names, and nothing is observed: see docs/platforms.md",
                "none is needed; ship line tables",
            ));
        }
    }
    let host = config
        .host_triple()
        .map_err(|error| Failure::new(format!("the compiler does not say what it compiles for: {error}")))?
        .to_owned();
    let target = targets.first().cloned().unwrap_or(host);
    let flags = config.rustflags(&target).map_err(unreadable)?;
    let flags: Vec<String> = flags.map(|flags| flags.flags).unwrap_or_default();
    let has = |flag: &str| flags.iter().any(|one| one.contains(flag));
    if has("panic=abort") {
        checks.push(Check::blind(
            "flags",
            "`-C panic=abort`, by cargo's configuration",
            "every panic ends the process, in each profile",
            "take it out, if you mean to go on after a panic",
        ));
    }
    if has("+crt-static") || (target.contains("musl") && !has("-crt-static")) {
        checks.push(Check::less(
            "linking",
            format!("statically, for {target}"),
            "nothing is observed after the hook: verdicts are predictions; and `panic-agent run` cannot observe the program",
            "link dynamically",
        ));
    }
    Ok(checks)
}
