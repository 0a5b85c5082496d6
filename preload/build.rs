//! Tells the library which compiler builds it, in the words that the compiler leaves in what it builds, and what the
//! function of std looks like that calls `main` in executables: the library has none.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&rustc).arg("--version").output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    // Without a version nothing is believed to be built alike.
    let version = version.ok().and_then(|version| Some(version.strip_prefix("rustc ")?.to_owned()));
    println!("cargo::rustc-env=PANIC_AGENT_COMPILER=rustc version {}", version.unwrap_or_default());

    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    // Without it the fate of panics that reach the root of `main` is known by symbols alone.
    let code = main_start(&rustc, &out).unwrap_or_default();
    std::fs::write(out.join("main_start.bin"), code).expect("the output directory can be written");
}

/// The code of `std::rt::lang_start_internal`, out of an executable that does nothing.
fn main_start(rustc: &OsString, out: &Path) -> Option<Vec<u8>> {
    let (source, program) = (out.join("nothing.rs"), out.join("nothing"));
    std::fs::write(&source, "fn main() {}\n").ok()?;
    let mut command = Command::new(rustc);
    command.arg("--edition=2021").arg("--target").arg(std::env::var_os("TARGET")?);
    // Where the target is another machine.
    if let Some(linker) = std::env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("linker=");
        option.push(linker);
        command.arg("-C").arg(option);
    }
    let built = command.arg("-o").arg(&program).arg(&source).output().ok()?;
    if !built.status.success() {
        return None;
    }
    let bytes = std::fs::read(&program).ok()?;
    let file = object::File::parse(&*bytes).ok()?;
    let symbol = file.symbols().find(|symbol| {
        let name = symbol.name().unwrap_or_default();
        // Not the closures in it: `...19lang_start_internal17h<hash>E`, or the same in the newer form.
        let after = name.split_once("lang_start_internal").map(|(_, after)| after);
        symbol.size() > 0 && after.is_some_and(|after| after.is_empty() || after.starts_with("17h"))
    })?;
    let section = file.section_by_index(symbol.section_index()?).ok()?;
    Some(section.data_range(symbol.address(), symbol.size()).ok()??.to_vec())
}
