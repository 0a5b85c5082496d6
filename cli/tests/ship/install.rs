//! Real receivers out of package registries, unpacked into cargo's target directory. Nothing of the system is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::packages::{npm, once, run};

/// What a test needs; each is installed once, when a test that is run needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Needs {
    /// Python packages of this list, in an environment of their own.
    Python(&'static str),
    /// Debian packages, unpacked and not installed.
    Debian,
    /// The right to mount file systems that nobody else sees.
    Mount,
    /// Both.
    DebianAndMount,
    /// The package of this name and version.
    Npm(&'static str),
    /// A program that a variable names, because no registry has it.
    Program(&'static str),
}

impl Needs {
    /// The directory where it is. An error is the reason why it cannot be had.
    pub(crate) fn install(self) -> Result<PathBuf, String> {
        match self {
            Self::Python(list) => python(list),
            Self::Debian => debian(),
            Self::Mount => mount(),
            Self::DebianAndMount => mount().and_then(|_| debian()),
            Self::Npm(package) => npm("ship-npm", &[package]),
            Self::Program(variable) => named(variable),
        }
    }
}

/// Installs all of these, at the same time.
pub(crate) fn all(needed: &BTreeSet<Needs>) -> BTreeMap<Needs, Result<PathBuf, String>> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = needed.iter().map(|needs| (*needs, scope.spawn(|| needs.install()))).collect();
        let there = threads.into_iter().map(|(needs, thread)| (needs, thread.join().expect("no panic")));
        there.collect()
    })
}

fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ship").join(name)
}

fn python(list: &str) -> Result<PathBuf, String> {
    let list = own(list);
    let wanted = fs::read_to_string(&list).map_err(|error| error.to_string())?;
    let name =
        list.file_stem().unwrap_or_default().to_string_lossy().replace("requirements", "ship-receivers");
    once(&name, &wanted, |place| {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(place))?;
        let mut pip = Command::new(place.join("bin/python"));
        run(pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&list))
    })
}

fn mount() -> Result<PathBuf, String> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "mount", "-t", "tmpfs", "t", "/mnt"]);
    run(&mut command).map_err(|why| format!("it needs to mount file systems: {why}"))?;
    Ok(PathBuf::new())
}

fn debian() -> Result<PathBuf, String> {
    // Whoever comes second finds it there.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().expect("no panic");
    let wanted = fs::read_to_string(own("debian.txt")).map_err(|error| error.to_string())?;
    once("ship-debian", &wanted, |place| {
        fs::create_dir_all(place).map_err(|error| error.to_string())?;
        let names: Vec<&str> = wanted.lines().filter(|line| !line.starts_with('#')).collect();
        let download =
            || run(Command::new("apt-get").args(["download", "-qq"]).args(&names).current_dir(place));
        // The lists of packages may be missing, or older than the packages.
        download()
            .or_else(|_| run(Command::new("apt-get").args(["update", "-qq"])).and_then(|()| download()))?;
        for entry in fs::read_dir(place).map_err(|error| error.to_string())?.flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "deb") {
                run(Command::new("dpkg").arg("-x").arg(entry.path()).arg(place))?;
            }
        }
        Ok(())
    })
}

fn named(variable: &str) -> Result<PathBuf, String> {
    match std::env::var_os(variable).map(PathBuf::from) {
        Some(program) if program.is_file() => Ok(program),
        Some(program) => Err(format!("{variable}=`{}` is no file", program.display())),
        None => Err(format!(
            "no registry has it; run with {variable}=/path/to/its/program, from its own releases"
        )),
    }
}

/// A program out of a Debian package that was unpacked there.
pub(crate) fn program(debian: &Path, name: &str) -> Command {
    let mut command = Command::new(debian.join(name));
    let mut libraries = vec!["lib/systemd", "usr/lib/systemd", "usr/lib/syslog-ng"];
    // Libraries of the distribution stand under the name of the machine.
    let of_machine = [
        "usr/lib/x86_64-linux-gnu",
        "usr/lib/x86_64-linux-gnu/systemd",
        "lib/x86_64-linux-gnu",
        "usr/lib/aarch64-linux-gnu",
        "usr/lib/aarch64-linux-gnu/systemd",
        "lib/aarch64-linux-gnu",
    ];
    libraries.extend(of_machine);
    let paths = libraries.into_iter().map(|path| debian.join(path).display().to_string());
    command.env("LD_LIBRARY_PATH", paths.collect::<Vec<_>>().join(":"));
    command
}
