//! The builds of the matrix: the profiles of the workspace, and what tools for debug information make of one.
//!
//! Runs on: libtest-mimic's thread. Must not: touch builds other than into the usual target directory.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use agent_demo::{Names, Profile};
use libtest_mimic::Failed;

/// Optional features of this package.
const FEATURES: [(&str, bool); 3] = [
    ("allocator", cfg!(feature = "allocator")),
    ("cpp", cfg!(feature = "cpp")),
    ("libraries", cfg!(feature = "libraries")),
];

/// Where the debug information of a build lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    /// Where the linker put it.
    AsLinked,
    /// `split-debuginfo = "packed"`: in a `.dwp` beside the executable.
    Packed,
    /// `split-debuginfo = "unpacked"`: in the `.dwo` files that the compiler left.
    Unpacked,
    /// Where the linker put it, with the paths of all dependencies cut off: `--remap-path-prefix`.
    Remapped,
    /// Nowhere, and the symbols are gone as well.
    Stripped,
    /// In compressed sections, by this method.
    Compressed(&'static str),
    /// In a file of its own, which the executable names.
    Linked,
    /// As [`Linked`](Self::Linked), and the file is gone.
    LinkMissing,
    /// As [`Linked`](Self::Linked), and the file is that of another build.
    LinkStale,
}

/// One row of the matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Build {
    pub(crate) name: &'static str,
    pub(crate) profile: Profile,
    pub(crate) container: Container,
    /// Whether it is one of those that every change is tested with.
    pub(crate) always: bool,
}

const fn build(name: &'static str, profile: Profile, always: bool) -> Build {
    Build { name, profile, container: Container::AsLinked, always }
}

const fn variant(name: &'static str, container: Container, always: bool) -> Build {
    Build { name, profile: Profile::Lines, container, always }
}

const fn stripped(name: &'static str, profile: Profile) -> Build {
    Build { name, profile, container: Container::Stripped, always: true }
}

/// Every build. The debug build is `tests/scenario`'s.
pub(crate) const BUILDS: [Build; 18] = [
    build("lines", Profile::Lines, false),
    variant("compressed-zlib", Container::Compressed("zlib"), false),
    variant("compressed-zstd", Container::Compressed("zstd"), false),
    variant("debuglink", Container::Linked, false),
    variant("debuglink-missing", Container::LinkMissing, false),
    variant("debuglink-stale", Container::LinkStale, false),
    build("release", Profile::Release, true),
    stripped("release-stripped", Profile::Release),
    build("small", Profile::Small, true),
    stripped("small-stripped", Profile::Small),
    build("abort", Profile::Abort, true),
    build("fat-stripped", Profile::Stripped, false),
    build("thin", Profile::Thin, false),
    build("limited", Profile::Limited, false),
    build("full", Profile::Full, false),
    variant("remapped", Container::Remapped, false),
    variant("split-packed", Container::Packed, false),
    variant("split-unpacked", Container::Unpacked, false),
];

impl Build {
    /// The profile by which the lines of this build are judged: without its debug information it has symbols.
    pub(crate) fn judged_as(&self) -> Profile {
        match self.container {
            Container::LinkMissing | Container::LinkStale => Profile::Release,
            Container::Stripped => Profile::Stripped,
            _ => self.profile,
        }
    }

    /// Whether something may be unknown in it.
    pub(crate) fn names(&self) -> Names {
        self.judged_as().names()
    }

    /// Builds it below `directory` where it is no plain build, and returns the executable.
    pub(crate) fn make(&self, directory: &Path) -> Result<PathBuf, Failed> {
        let built = cargo_build(self.profile, self.container)?;
        if matches!(
            self.container,
            Container::AsLinked | Container::Packed | Container::Unpacked | Container::Remapped
        ) {
            return Ok(built);
        }
        let exe = directory.join("agent-demo");
        fs::copy(&built, &exe)?;
        let debug = directory.join("agent-demo.debug");
        match self.container {
            Container::Compressed(method) => {
                objcopy([OsStr::new(&format!("--compress-debug-sections={method}")), exe.as_ref()])?;
            }
            Container::Stripped => objcopy([OsStr::new("--strip-all"), exe.as_ref()])?,
            Container::Linked => link(&exe, &debug)?,
            Container::LinkMissing => {
                link(&exe, &debug)?;
                fs::remove_file(&debug)?;
            }
            Container::LinkStale => {
                link(&exe, &debug)?;
                // The same names and lines at other addresses: what a stale file looks like.
                let other = std::env::current_exe()?;
                objcopy([OsStr::new("--only-keep-debug"), other.as_ref(), debug.as_ref()])?;
            }
            _ => {}
        }
        Ok(exe)
    }
}

/// Moves the debug information of `exe` to `debug`.
fn link(exe: &Path, debug: &Path) -> Result<(), Failed> {
    objcopy([OsStr::new("--only-keep-debug"), exe.as_ref(), debug.as_ref()])?;
    objcopy([OsStr::new("--strip-debug"), exe.as_ref()])?;
    let mut link = std::ffi::OsString::from("--add-gnu-debuglink=");
    link.push(debug);
    objcopy([link.as_ref(), exe.as_ref()])
}

fn objcopy<const N: usize>(arguments: [&OsStr; N]) -> Result<(), Failed> {
    let output = Command::new("objcopy").args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failed::from(format!("objcopy {arguments:?}: {}", String::from_utf8_lossy(&output.stderr))))
}

/// Builds the demo and returns its path, as cargo tells it.
fn cargo_build(profile: Profile, container: Container) -> Result<PathBuf, Failed> {
    let features: Vec<&str> = FEATURES.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    let name = profile.cargo_name();
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--bin", "agent-demo", "--no-default-features"])
        .args(["--profile", name, "--features", &features.join(",")])
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit());
    let split = format!("CARGO_PROFILE_{}_SPLIT_DEBUGINFO", name.to_uppercase());
    // The profile's directory would be built anew for each way.
    let apart = |name: &str| Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    match container {
        Container::Packed => command.env(split, "packed").env("CARGO_TARGET_DIR", apart("packed")),
        Container::Unpacked => command.env(split, "unpacked").env("CARGO_TARGET_DIR", apart("unpacked")),
        Container::Remapped => {
            let home = std::env::var("CARGO_HOME").or_else(|_| Ok(std::env::var("HOME")? + "/.cargo"));
            let home = home.map_err(|_: std::env::VarError| "neither CARGO_HOME nor HOME is set")?;
            let flag = format!("--remap-path-prefix={home}/registry/src/={}", "/elsewhere/");
            command.env("RUSTFLAGS", flag).env("CARGO_TARGET_DIR", apart("remapped"))
        }
        _ => &mut command,
    };
    let output = command.output()?;
    if !output.status.success() {
        return Err(Failed::from(format!("cargo build --profile {name} failed")));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| Failed::from("cargo built no executable"))
}
