//! The library that is loaded before programs: built once for each compiler, from the source inside the tool.
//!
//! The cache has a directory for each source and compiler. One process at a time builds; the others wait for it. What
//! is in the cache is whole: it is renamed into its place.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::system;
use crate::toolchain::Toolchain;

/// Every file of the source, by its path.
const SOURCE: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/source.rs"));
/// File name of the library.
const NAME: &str = "libpanic_agent_preload.so";
/// Names a library that shall be used as it is.
const OVERRIDE: &str = "PANIC_AGENT_PRELOAD_LIB";
/// Names the directory of the cache.
const CACHE: &str = "PANIC_AGENT_CACHE";

/// The library for the compiler in use, built if it is not there.
pub(crate) fn get() -> Result<PathBuf, Failure> {
    match find()? {
        Found::There(path) => Ok(path),
        Found::Missing(path, toolchain) => build(&path, &toolchain),
    }
}

/// The library if it is there.
pub(crate) fn look() -> Result<Option<PathBuf>, Failure> {
    Ok(match find()? {
        Found::There(path) => Some(path),
        Found::Missing(..) => None,
    })
}

enum Found {
    There(PathBuf),
    /// Where it belongs.
    Missing(PathBuf, Toolchain),
}

fn find() -> Result<Found, Failure> {
    if cfg!(not(target_os = "linux")) {
        return Err(Failure::new("a library can be loaded before programs on Linux alone"));
    }
    if let Some(path) = std::env::var_os(OVERRIDE).filter(|path| !path.is_empty()) {
        let path = std::path::absolute(&path).unwrap_or_else(|_| PathBuf::from(&path));
        return if path.is_file() {
            Ok(Found::There(path))
        } else {
            Err(Failure::new(format!(
                "{OVERRIDE}=`{}` is not a file; unset it, or set it to the path of the library",
                path.display()
            )))
        };
    }
    let toolchain = Toolchain::current()?;
    let path = cache()?.join(format!("preload-{:016x}", key(&toolchain))).join(NAME);
    Ok(if path.is_file() { Found::There(path) } else { Found::Missing(path, toolchain) })
}

/// What makes a library another one: its source and the compiler.
fn key(toolchain: &Toolchain) -> u64 {
    let mut hasher = DefaultHasher::new();
    SOURCE.hash(&mut hasher);
    toolchain.description.hash(&mut hasher);
    hasher.finish()
}

/// The directory of the cache.
fn cache() -> Result<PathBuf, Failure> {
    let said = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(cache) = said(CACHE) {
        return std::path::absolute(&cache).map_err(|error| Failure::io("use the cache", &cache, &error));
    }
    // A relative XDG_CACHE_HOME is to be ignored, says its specification.
    let base = said("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    base.or_else(|| said("HOME").map(|home| home.join(".cache")))
        .map(|base| base.join("panic-agent"))
        .ok_or_else(|| Failure::new(format!("no cache directory: set {CACHE}, XDG_CACHE_HOME or HOME")))
}

fn build(path: &Path, toolchain: &Toolchain) -> Result<PathBuf, Failure> {
    toolchain.check()?;
    let place = path.parent().unwrap_or(path);
    let cache = place.parent().unwrap_or(place);
    fs::create_dir_all(cache).map_err(|error| Failure::io("create the cache", cache, &error))?;
    let lock_path = cache.join("lock");
    let lock = File::create(&lock_path).map_err(|error| Failure::io("open", &lock_path, &error))?;
    system::lock(&lock).map_err(|error| Failure::io("lock", &lock_path, &error))?;
    if path.is_file() {
        // Built by whoever had the lock before.
        return Ok(path.to_owned());
    }
    eprintln!(
        "panic-agent: building the preload library for {}, once (takes a minute or two)",
        toolchain.version
    );
    let work = tempfile::Builder::new()
        .prefix("build-")
        .tempdir_in(cache)
        .map_err(|error| Failure::io("create a directory in", cache, &error))?;
    unpack(work.path())?;
    compile(work.path(), toolchain)?;
    let built = work.path().join("target/release").join(NAME);
    let whole = work.path().join("whole");
    fs::create_dir(&whole)
        .and_then(|()| fs::rename(&built, whole.join(NAME)))
        .and_then(|()| fs::rename(&whole, place))
        .map_err(|error| Failure::io("move the library to", place, &error))?;
    Ok(path.to_owned())
}

fn unpack(directory: &Path) -> Result<(), Failure> {
    for (name, content) in SOURCE {
        let path = directory.join(name);
        let parent = path.parent().unwrap_or(directory);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, content))
            .map_err(|error| Failure::io("write", &path, &error))?;
    }
    Ok(())
}

/// Builds with what cargo has downloaded already, else with what it can get.
fn compile(directory: &Path, toolchain: &Toolchain) -> Result<(), Failure> {
    let mut said = String::new();
    for offline in [true, false] {
        let mut cargo = toolchain.cargo();
        cargo
            .args(["build", "--release", "--package", "panic-agent-preload", "--quiet"])
            .args(offline.then_some("--offline"))
            .env("CARGO_TARGET_DIR", directory.join("target"))
            // A fifth less time in the program's threads, for no longer build. Not LTO: std must stay as it was compiled.
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .current_dir(directory);
        let output = cargo.output().map_err(|error| Failure::new(format!("cannot start cargo: {error}")))?;
        if output.status.success() {
            return Ok(());
        }
        said = String::from_utf8_lossy(&output.stderr).into_owned();
    }
    Err(Failure::new(format!(
        "cannot build the preloaded library with {}; cargo printed:\n{}",
        toolchain.version,
        said.trim_end()
    )))
}

/// Removes every library of the cache; how many those were.
pub(crate) fn clean() -> Result<usize, Failure> {
    let cache = cache()?;
    let entries = match fs::read_dir(&cache) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(Failure::io("list", &cache, &error)),
    };
    let mut removed = 0;
    for entry in entries {
        let path = entry.map_err(|error| Failure::io("list", &cache, &error))?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("preload-")) {
            fs::remove_dir_all(&path).map_err(|error| Failure::io("remove", &path, &error))?;
            removed += 1;
        }
    }
    Ok(removed)
}
