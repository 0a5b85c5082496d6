//! What tests take from package registries, unpacked into cargo's target directory. Nothing of the system is changed.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// Makes a directory once for each content of the list.
pub fn once(
    name: &str,
    wanted: &str,
    make: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let installed = place.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(place);
    }
    make(&place)?;
    // Tests that wait for the disk do not wait for all of this, too.
    run(&mut Command::new("sync"))?;
    fs::write(&installed, wanted).map_err(|error| error.to_string())?;
    Ok(place)
}

/// Runs a command to its end; an error is the last that it said.
pub fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("`{name}`: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("`{name}`: {last}")) }
}

/// Packages of npm, each with its version, in a directory of that name.
pub fn npm(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    // Whoever comes second finds them there.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().expect("no panic");
    once(name, &packages.join("\n"), |place| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(place);
        run(npm.args(packages))
    })
}
