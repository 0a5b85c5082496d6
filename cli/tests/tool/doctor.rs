//! `panic-agent doctor`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::support::{Place, assert_schema};

/// A program, compiled with these flags.
fn program(place: &Place, name: &str, flags: &[&str]) -> String {
    compile(place, name, flags, "fn main() { println!(\"{:?}\", std::thread::spawn(|| 1).join()) }")
}

fn compile(place: &Place, name: &str, flags: &[&str], source: &str) -> String {
    place.put("main.rs", source);
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition", "2024", "-o"]).arg(place.path(name)).args(flags).arg(place.path("main.rs"));
    assert!(rustc.status().expect("rustc runs").success(), "{flags:?}");
    format!("./{name}")
}

/// Severity and text of a check.
fn check(place: &Place, subject: &str, name: &str) -> (String, String) {
    let ran = place.run(&["doctor", "--json", subject]);
    let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    assert_schema("doctor", std::slice::from_ref(&value));
    let status = match value["worst"].as_str() {
        Some("fine") => 0,
        Some("less") => 1,
        _ => 3,
    };
    assert_eq!(ran.status, status, "the status is that of the worst");
    let checks = value["checks"].as_array().expect("checks");
    let check =
        checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("{name}: {value:#}"));
    let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
    (text("severity"), format!("{}; {}; {}", text("found"), text("costs"), text("change")))
}

#[test]
fn each_property_of_a_build_has_its_price_and_its_twin_has_none() {
    let place = Place::new(&[]);
    let plain = program(&place, "plain", &["-g"]);
    for name in ["linking", "panic", "unwind tables", "names", "build-id", "language"] {
        let (severity, text) = check(&place, &plain, name);
        assert_eq!(severity, "fine", "{name}: {text}");
    }
    let cases = [
        ("abort", &["-g", "-Cpanic=abort"][..], "panic", "`panic = \"unwind\"`"),
        ("static", &["-g", "-Ctarget-feature=+crt-static"], "linking", "no probes"),
        ("stripped", &["-Cstrip=symbols"], "names", "stripped"),
        ("lineless", &["-Cstrip=debuginfo"], "names", "line-tables-only"),
        ("nameless", &["-g", "-Clink-arg=-Wl,--build-id=none"], "build-id", "cannot be proven"),
    ];
    for (name, flags, concern, says) in cases {
        let (severity, text) = check(&place, &program(&place, name, flags), concern);
        assert!(severity == "less" && text.contains(says), "{name}: {severity}: {text}");
    }
    let (_, text) = check(&place, "./abort", "run");
    assert!(text.contains("cannot observe it"), "{text}");
}

/// A program as musl's linker writes it: with another loader.
fn against_musl(place: &Place, name: &str, source: &str) -> String {
    let program = compile(place, name, &[], source);
    let mut bytes = fs::read(place.path(name)).expect("it was written");
    let loader = memchr::memmem::find(&bytes, b"/lib64/ld-linux-x86-64.so.2\0")
        .or_else(|| memchr::memmem::find(&bytes, b"/lib/ld-linux-aarch64.so.1\0"));
    let loader = loader.expect("a program of glibc");
    let other = b"/lib/ld-musl-x86_64.so.1\0";
    bytes[loader..loader + other.len()].copy_from_slice(other);
    place.put(name, bytes);
    program
}

#[test]
fn in_a_program_against_musl_the_library_sees_all_and_nothing_is_loaded_from_outside() {
    let place = Place::new(&[]);
    let without = against_musl(&place, "without", "fn main() {}");
    let (severity, text) = check(&place, &without, "linking");
    assert!(severity == "less" && text.contains("`panic-agent run` loads nothing"), "{severity} {text}");
    let inside = against_musl(&place, "inside", "fn main() { println!(\"PANIC_AGENT_FLUSH_MS\") }");
    let (severity, text) = check(&place, &inside, "linking");
    assert!(severity == "fine" && text.contains("dynamically, against musl"), "{severity} {text}");
}

#[test]
fn a_program_that_sets_a_hook_is_told_from_one_that_does_not() {
    let place = Place::new(&[]);
    let sets = compile(&place, "sets", &[], "fn main() { std::panic::set_hook(Box::new(|_| {})) }");
    assert!(check(&place, &sets, "hook").1.contains("set it before the agent"));
    let plain = program(&place, "plain", &[]);
    let ran = place.run(&["doctor", &plain]);
    assert!(ran.out.contains("unwind tables") && !ran.out.contains("hook"), "{ran:?}");
}

#[test]
fn what_is_no_program_and_what_is_not_there_are_told_apart() {
    let place = Place::new(&[]);
    place.put("script", "#!/bin/sh\n");
    place.put("text", "hello");
    place.put("torn", b"\x7fELF\x02\x01\x01");
    place.put("empty", "");
    assert!(check(&place, "./script", "file").1.contains("a script"));
    for name in ["./text", "./torn", "./empty"] {
        let (severity, text) = check(&place, name, "file");
        assert!(severity == "blind" && text.contains("no 64-bit ELF"), "{name}: {text}");
    }
    // The agent works in these, in its own way there; nothing more is read of the file.
    for (begin, system) in [(&b"MZ\x90\0"[..], "Windows"), (b"\xcf\xfa\xed\xfe", "macOS")] {
        place.put("foreign", begin);
        let (severity, text) = check(&place, "./foreign", "file");
        assert!(severity == "less" && text.contains(&format!("a program for {system}")), "{text}");
    }
    for subject in ["./none", "4194305"] {
        let ran = place.run(&["doctor", subject]);
        assert!(ran.status == 2 && ran.err.contains("there is no "), "{ran:?}");
    }
    // Every cut of a program, and one with its header overwritten.
    let whole = fs::read(env!("CARGO_BIN_EXE_panic-agent")).unwrap();
    for len in [16, 63, 64, 100, 4096, 100_000, whole.len() / 2] {
        place.put("cut", &whole[..len]);
        assert_ne!(place.run(&["doctor", "./cut"]).status, 101, "{len}");
    }
    let mut wild = whole[..1 << 20].to_vec();
    wild[0x20..0x40].fill(0xff);
    place.put("wild", &wild);
    assert_ne!(place.run(&["doctor", "./wild"]).status, 101);
}

#[test]
fn a_directory_in_which_no_line_would_be_written_is_blind() {
    let place = Place::new(&[]);
    let open = place.path("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let ran = place.run(&["doctor", "--log-dir", "open"]);
    assert!(ran.status == 3 && ran.out.contains("everybody can write"), "{ran:?}");
    assert_eq!(place.run(&["doctor", "--log-dir", "none"]).status, 3);
    fs::set_permissions(&open, fs::Permissions::from_mode(0o700)).unwrap();
    let ran = place.run(&["doctor", "--log-dir", "open"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
    let mut off = place.command(&["doctor"]);
    assert_eq!(off.env("PANIC_AGENT", "off").output().unwrap().status.code(), Some(3));
}

#[test]
fn a_process_with_an_agent_is_told_from_one_without() {
    let place = Place::new(&[]);
    place.put("panics.jsonl", "");
    let mut with = place.command(&["view", "--follow"]).stdout(Stdio::null()).spawn().unwrap();
    let mut without = Command::new("sleep").arg("100").spawn().unwrap();
    // The agent's thread is there when `init` returns; the process may still be on its way to it.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let agent = |pid: u32| place.run(&["doctor", &pid.to_string()]).out;
    while !agent(with.id()).contains("agent          runs;") {
        assert!(std::time::Instant::now() < deadline, "{}", agent(with.id()));
    }
    assert!(agent(without.id()).contains("no thread `panic-agent` in the process"));
    for process in [&mut with, &mut without] {
        process.kill().unwrap();
        process.wait().unwrap();
    }
}

/// Severities and texts of the checks of this name, for a workspace with this manifest and this configuration of cargo.
fn of_workspace(manifest: &str, config: &str, name: &str) -> Vec<(String, String)> {
    let place = Place::new(&[]);
    let package = "[package]\nname = \"app\"\nversion = \"0.0.0\"\nedition = \"2021\"\n";
    fs::create_dir_all(place.path("src")).unwrap();
    fs::create_dir_all(place.path(".cargo")).unwrap();
    place.put("src/main.rs", "fn main() {}");
    place.put("Cargo.toml", format!("{package}{manifest}"));
    place.put(".cargo/config.toml", config);
    let ran = place.run(&["doctor", "--json", "--cargo", "src"]);
    let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"));
    assert_schema("doctor", std::slice::from_ref(&value));
    let text = |check: &serde_json::Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    let of_name = value["checks"].as_array().unwrap().iter().filter(|check| check["check"] == name);
    of_name
        .map(|check| {
            (text(check, "severity"), format!("{}; {}", text(check, "found"), text(check, "change")))
        })
        .collect()
}

#[test]
fn what_a_workspace_will_build_is_told_by_its_manifests() {
    let one = |manifest: &str, config: &str, name: &str, severity: &str, says: &str| {
        let found = of_workspace(manifest, config, name);
        let fits = |(is, text): &(String, String)| is == severity && text.contains(says);
        assert!(found.iter().any(fits), "{manifest}{config}: {severity}, {says}: {found:?}");
    };
    one("", "", "profile", "less", "`release`: functions with code of their own");
    one("[profile.release]\ndebug = \"line-tables-only\"\n", "", "profile", "fine", "`release`");
    one("[profile.release]\npanic = \"abort\"\n", "", "profile", "blind", "`[profile.release]`");
    one("[profile.release]\nstrip = true\n", "", "profile", "less", "symbolize");
    let inherits = "[profile.release]\ndebug = 1\n[profile.small]\ninherits = \"release\"\n";
    one(inherits, "", "profile", "fine", "`small`");
    one(&format!("{inherits}debug = 0\n"), "", "profile", "less", "`small`");
    one("", "", "agent", "less", "`panic_agent::init!()`");
    let library = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let agent = |more: &str| format!("[dependencies]\npanic-agent = {{ path = {library:?}{more} }}\n");
    one(&agent(""), "", "agent", "fine", "`app`");
    one(&agent(", default-features = false"), "", "agent", "less", "probes");
    one("", "[build]\nrustflags = [\"-Ctarget-feature=+crt-static\"]\n", "linking", "less", "statically");
    assert_eq!(of_workspace("", "", "linking"), []);
    // What is no workspace is named.
    let place = Place::new(&[]);
    let ran = place.run(&["doctor", "--cargo", "none"]);
    assert!(ran.status == 2 && ran.err.contains("panic-agent: "), "{ran:?}");
    place.put("Cargo.toml", "[package");
    let ran = place.run(&["doctor", "--cargo"]);
    assert!(ran.status == 2 && ran.err.contains("error"), "{ran:?}");
}
