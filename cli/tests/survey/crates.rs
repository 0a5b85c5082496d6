//! Which crates are surveyed, and where their sources are.
//!
//! Runs on: the test's thread. Must not: take another version than the one that was judged.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::sites::Site;

/// `tests/survey/crates.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Survey {
    #[serde(rename = "crate")]
    crates: Vec<Published>,
}

/// A crate in the registry.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Published {
    pub(crate) name: String,
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) args: Vec<String>,
    #[serde(default)]
    pub(crate) skip: Vec<String>,
    #[serde(default)]
    pub(crate) finding: Vec<Judged>,
    /// Whether its source is scanned, and held against what happened.
    #[serde(default)]
    pub(crate) crosscheck: bool,
    #[serde(default)]
    pub(crate) site: Vec<Site>,
}

/// A finding that somebody has looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Judged {
    pub(crate) class: String,
    pub(crate) test: Option<String>,
    pub(crate) judgement: Judgement,
    pub(crate) why: String,
}

/// What was made of it.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Judgement {
    /// Something dies unseen that its authors would want to know of.
    True,
    /// It is as the audit says, and the test means it.
    ByDesign,
    /// It is not as the audit says.
    False,
}

impl Judgement {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::ByDesign => "by design",
            Self::False => "false",
        }
    }
}

impl Judged {
    /// Whether this is the judgement of such a finding.
    pub(crate) fn is_of(&self, class: &str, test: Option<&str>) -> bool {
        let same = match (&self.test, test) {
            (None, None) => true,
            (Some(pattern), Some(test)) => match pattern.strip_suffix('*') {
                Some(start) => test.starts_with(start),
                None => pattern == test,
            },
            _ => false,
        };
        same && self.class == class
    }
}

impl Survey {
    pub(crate) fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/survey/crates.toml");
        let text = std::fs::read_to_string(&path).expect("the list of crates");
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The crates that the variable names.
    pub(crate) fn wanted(&self, names: &str) -> Vec<&Published> {
        if names == "1" {
            return self.crates.iter().collect();
        }
        let find = |name: &str| {
            let found = self.crates.iter().find(|published| published.name == name);
            found.unwrap_or_else(|| panic!("AUDIT_SURVEY: no crate `{name}` in tests/survey/crates.toml"))
        };
        names.split(',').map(str::trim).map(find).collect()
    }
}

/// Lets cargo fetch these versions, and says where it has put each.
pub(crate) fn fetch(scratch: &Path, wanted: &[&Published]) -> Vec<PathBuf> {
    let pick = scratch.join("pick");
    std::fs::create_dir_all(pick.join("src")).expect("a directory");
    std::fs::write(pick.join("src/lib.rs"), "").expect("a library");
    let mut manifest =
        String::from("[package]\nname = \"pick\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n");
    for Published { name, version, .. } in wanted {
        manifest.push_str(&format!("{name} = {{ version = \"={version}\", default-features = false }}\n"));
    }
    std::fs::write(pick.join("Cargo.toml"), manifest).expect("a manifest");
    let mut cargo = Command::new("cargo");
    let output = cargo.current_dir(&pick).args(["metadata", "--format-version=1"]).output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo's metadata");
    let packages = metadata["packages"].as_array().expect("packages");
    let source = |published: &&Published| {
        let package = packages.iter().find(|package| {
            package["name"] == published.name.as_str() && package["version"] == published.version.as_str()
        });
        let package = package.unwrap_or_else(|| panic!("no {} {}", published.name, published.version));
        let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
        manifest.parent().expect("a directory").to_owned()
    };
    wanted.iter().map(source).collect()
}
