//! Whatever a file holds, the scan ends, and not by a fault of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Place, skip};

/// Longest time of one scan here; a debug build reads some 20 000 lines a second.
const PATIENCE: Duration = Duration::from_secs(240);

/// Scans a directory, and wants an end in time without a fault of the tool.
fn scans(place: &Place, path: &str) {
    let mut tool = place.command(&["scan", path, "--format", "json", "-o", "scan.json"]);
    let mut child =
        tool.stderr(fs::File::create(place.path("err")).unwrap()).stdout(Stdio::null()).spawn().unwrap();
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begin.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{path}: no end after {PATIENCE:?}");
        }
        std::thread::park_timeout(Duration::from_millis(20));
    };
    let err = fs::read_to_string(place.path("err")).unwrap();
    assert!(status.success(), "{path}: {status}: {err}");
    assert!(!err.contains("fault of this tool"), "{path}: {err}");
    // Each file that is not read is named with its place.
    for line in err.lines().filter(|line| line.contains("not scanned")) {
        let named = line.split(": not scanned").next().unwrap_or_default();
        let numbers: Vec<_> = named.rsplit(':').take(2).map(str::parse::<u32>).collect();
        assert!(numbers.iter().all(|number| number.as_ref().is_ok_and(|number| *number > 0)), "{line}");
    }
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(place.path("scan.json")).unwrap()).unwrap();
    assert!(!report["files"].as_array().unwrap().is_empty(), "{path}: no files");
}

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }
}

fn own_sources() -> Vec<String> {
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = read(&root.join("../docs/scan-rules.md"));
    let mut sources: Vec<String> = page
        .split("```rust,ignore\n")
        .skip(1)
        .map(|code| code.split("```").next().unwrap().to_owned())
        .collect();
    sources.push(read(&root.join("src/scan/flow.rs")));
    sources
}

#[test]
fn truncated_damaged_and_random_files_end_no_scan() {
    let place = Place::new(&[]);
    fs::create_dir(place.path("files")).unwrap();
    let mut numbers = Numbers(7);
    let mut count = 0;
    let mut put = |content: Vec<u8>| {
        place.put(&format!("files/f{count}.rs"), content);
        count += 1;
    };
    for source in own_sources() {
        let bytes = source.as_bytes();
        for _ in 0..6 {
            put(bytes[..numbers.below(bytes.len())].to_vec());
            let mut damaged = bytes.to_vec();
            for _ in 0..=numbers.below(8) {
                let at = numbers.below(damaged.len());
                match numbers.below(3) {
                    0 => damaged[at] = b"(){}[]<>;,.|&!'\"/*#$"[numbers.below(20)],
                    1 => drop(damaged.remove(at)),
                    _ => damaged
                        .splice(at..at, bytes[at.min(bytes.len())..(at + 30).min(bytes.len())].to_vec())
                        .for_each(drop),
                }
            }
            put(damaged);
        }
    }
    const WORDS: [&str; 24] = [
        "fn a() {",
        "}",
        "(",
        ")",
        "spawn",
        "std::thread::spawn",
        "catch_unwind",
        "let _ =",
        "match",
        "=>",
        "Err(_)",
        "if let",
        "else",
        "||",
        "async",
        ".await",
        ".join()",
        ";",
        ",",
        "#[test]",
        "macro_rules! m",
        "$x:expr",
        "use std::{self as a}",
        "'a",
    ];
    for _ in 0..150 {
        put((0..numbers.below(120))
            .map(|_| WORDS[numbers.below(WORDS.len())])
            .collect::<Vec<_>>()
            .join(" ")
            .into_bytes());
        put((0..numbers.below(400)).map(|_| u8::try_from(numbers.below(256)).unwrap()).collect());
    }
    assert!(count > 500);
    scans(&place, "files");
}

#[test]
fn what_nests_names_and_calls_without_end_ends() {
    let place = Place::new(&[]);
    fs::create_dir(place.path("files")).unwrap();
    let nested = |open: &str, close: &str, times: usize| {
        format!("fn a() {{ {}1{} }}\n", open.repeat(times), close.repeat(times))
    };
    let catch = "match std::panic::catch_unwind(|| 1) { Ok(_) => 1, Err(e) => ";
    place.put("files/matches.rs", nested(catch, "}", 60));
    place.put(
        "files/lets.rs",
        format!("fn a() {{ let a = std::thread::spawn(|| 1); {} }}\n", "let a = a;".repeat(3000)),
    );
    place.put("files/closures.rs", nested("std::thread::spawn(|| ", ")", 90));
    place.put("files/macros.rs", nested("vec![spawn(", ")]", 90));
    place.put("files/loops.rs", nested("for h in handles.into_iter().map(|h| h.join()) {", "}", 90));
    place.put("files/chain.rs", format!("fn a() {{ x{}; }}\n", ".join().map(|x| x)".repeat(1500)));
    place.put("files/uses.rs", "use a::b as c; use c::d as a; use self::a as b; pub use crate::*; pub use super::*; fn a() { b::spawn(|| 1); }\n");
    place.put(
        "files/types.rs",
        format!(
            "type A = B; type B = A; fn spawn() -> A {{}} fn b() {{ spawn(); }} fn c(x: {}u8{}) {{}}\n",
            "Option<".repeat(150),
            ">".repeat(150)
        ),
    );
    scans(&place, "files");
}

#[test]
fn published_crates_are_read() {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let registry = home.map(|home| home.join("registry/src"));
    let indexes = registry.and_then(|registry| fs::read_dir(registry).ok()).into_iter().flatten().flatten();
    let crates = indexes
        .filter_map(|index| fs::read_dir(index.path()).ok())
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let wanted = [
        "tokio-1",
        "rayon-core",
        "crossbeam-utils",
        "threadpool",
        "futures-util",
        "proc-macro2",
        "signal-hook-registry",
        "hyper-util",
    ];
    let is_wanted = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        wanted.iter().any(|wanted| name.starts_with(wanted))
    };
    let crates: Vec<PathBuf> = crates.filter(is_wanted).collect();
    if crates.is_empty() {
        return skip("no published crates are unpacked here");
    }
    let place = Place::new(&[]);
    for path in crates {
        scans(&place, &path.display().to_string());
    }
}
