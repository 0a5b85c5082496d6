//! The user's compiler: which one it is, and where its parts are.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

/// The oldest compiler that can build the library.
const MINIMUM: (u32, u32) = (1, 88);

/// A compiler.
#[derive(Debug)]
pub(crate) struct Toolchain {
    /// Everything that `rustc -vV` says: the key of the cache.
    pub(crate) description: String,
    /// `rustc 1.88.0 (6b00bc388 2025-06-23)`.
    pub(crate) version: String,
    rustc: PathBuf,
    cargo: PathBuf,
}

impl Toolchain {
    /// The compiler that cargo would use in this directory.
    pub(crate) fn current() -> Result<Self, Failure> {
        let rustc = std::env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from);
        let description = ask(&rustc, &["-vV"])?;
        let sysroot = PathBuf::from(ask(&rustc, &["--print", "sysroot"])?.trim());
        // A proxy would look at the directory it is called in; the programs behind it do not.
        let behind = |name: &str, otherwise: PathBuf| {
            let path = sysroot.join("bin").join(name);
            if path.is_file() { path } else { otherwise }
        };
        let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
        let version = description.lines().next().unwrap_or_default().to_owned();
        Ok(Self { version, rustc: behind("rustc", rustc), cargo: behind("cargo", cargo), description })
    }

    /// Says so if the compiler is too old for the library.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let mut numbers = self.version.split(['.', ' ', '-']).filter_map(|part| part.parse::<u32>().ok());
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if version >= MINIMUM {
            return Ok(());
        }
        let (major, minor) = MINIMUM;
        Err(Failure::new(format!(
            "the preloaded library needs rustc {major}.{minor} or newer, but this is {}; use a newer one \
             (`RUSTUP_TOOLCHAIN=stable`): programs built by other compilers are observed too, without messages",
            self.version
        )))
    }

    /// Cargo, with the compiler, and without what the environment says about other builds.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(&self.cargo);
        command.env("RUSTC", &self.rustc);
        let settings = |name: &str| {
            name.starts_with("CARGO_BUILD_")
                || name.starts_with("CARGO_PROFILE_")
                || name.starts_with("CARGO_ENCODED_")
                || name.starts_with("CARGO_TARGET_")
                || name.starts_with("CARGO_PKG_")
                || matches!(
                    name,
                    "RUSTFLAGS" | "CARGO_MANIFEST_DIR" | "CARGO_MANIFEST_PATH" | "RUSTC_WORKSPACE_WRAPPER"
                )
        };
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(settings) {
                command.env_remove(name);
            }
        }
        command
    }
}

fn ask(rustc: &Path, args: &[&str]) -> Result<String, Failure> {
    let output =
        Command::new(rustc).args(args).output().map_err(|error| Failure::cannot_start(rustc, &error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!(
            "`{} {}` failed: {}",
            rustc.display(),
            args.join(" "),
            said.trim()
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
