//! How long `panic-agent scan` takes for a workspace of half a million lines, beside `syn` alone on the same files.
//!
//! ```sh
//! cargo build --release -p panic-agent-cli
//! cargo run --release --manifest-path tests/bench/scan/Cargo.toml [TOOL] [LINES]
//! ```
//!
//! The workspace is made of the crates that cargo has unpacked here, those with the most spawns, joins and catches per line
//! first, each as a member with its own sources and an empty list of dependencies. The baseline is this program as another process:
//! it parses every file with `syn` and looks at nothing, with as many threads as there are processors. Both run in turns, seven
//! times, with a warm cache. The medians are of the clock and of processor time; the latter says what a machine that does nothing
//! else would take, divided by its processors.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use wait4::Wait4 as _;

/// The argument that makes this program the baseline.
const PARSE: &str = "--parse";
const ROUNDS: usize = 7;
/// What the scan looks for: crates with much of it are taken first.
const WORDS: [&str; 6] = ["spawn(", "catch_unwind(", ".join()", "JoinHandle", "impl Drop", "set_hook"];
/// Bindings of system calls and generated tables are no code as people write it.
const TABLES: [&str; 4] = ["libc-", "linux-raw-sys-", "windows", "web-sys-"];

fn main() {
    let mut args = std::env::args().skip(1).peekable();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if args.next_if_eq(PARSE).is_some() {
        return parse(Path::new(&args.next().expect("a directory")), threads);
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tool = args.next().map_or_else(|| own.join("../../../target/release/panic-agent"), PathBuf::from);
    let tool = tool.canonicalize().expect("the tool; build it first");
    let wanted: usize = args.next().map_or(500_000, |count| count.parse().expect("a number of lines"));
    let dir = std::env::temp_dir().join(format!("scan-bench-{}", std::process::id()));
    let files = workspace(&dir, wanted);
    let bytes: u64 = files.iter().map(|file| fs::metadata(file).expect("a file").len()).sum();
    let lines = count(&files);
    println!("{lines} lines in {} files, {:.1} MB, {threads} threads", files.len(), bytes as f64 / 1e6);
    let baseline = std::env::current_exe().expect("this program");
    let (mut scans, mut parses) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        parses.push(run(Command::new(&baseline).arg(PARSE).arg(&dir)));
        scans.push(run(Command::new(&tool).arg("scan").arg(&dir).args(["--format", "json"])));
    }
    println!("\n| | clock | processor time | lines a second of processor time |\n|---|---|---|---|");
    let row = |name: &str, runs: &[Run]| {
        let clock = median(runs.iter().map(|run| run.clock));
        let busy = median(runs.iter().map(|run| run.busy));
        println!("| {name} | {clock:.2} s | {busy:.2} s | {:.0} |", lines as f64 / busy);
        (clock, busy)
    };
    let (parse, scan) = (row("`syn` alone", &parses), row("`panic-agent scan`", &scans));
    println!("| ratio | {:.2} | {:.2} | |", scan.0 / parse.0, scan.1 / parse.1);
    fs::remove_dir_all(&dir).expect("the directory goes");
}

/// Makes the workspace; its Rust files.
fn workspace(dir: &Path, wanted: usize) -> Vec<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"))).expect("a home");
    let registries =
        fs::read_dir(home.join("registry/src")).expect("crates that cargo has unpacked").flatten();
    let crates = registries.filter_map(|registry| fs::read_dir(registry.path()).ok()).flatten().flatten();
    let mut crates: Vec<_> = crates.filter_map(|entry| measured(entry.path())).collect();
    crates.sort_by(|a, b| (b.per_line, &a.name).cmp(&(a.per_line, &b.name)));
    let (mut files, mut members, mut lines) = (Vec::new(), Vec::new(), 0);
    for package in crates.iter().cycle().enumerate().take(crates.len() * 20) {
        let (number, package) = package;
        if lines >= wanted {
            break;
        }
        let name = format!("m{number}-{}", package.name.replace(['.', '+'], "-"));
        let member = dir.join(&name);
        for file in &package.files {
            let to = member.join("src").join(file.strip_prefix(&package.source).expect("a file below it"));
            fs::create_dir_all(to.parent().expect("a directory")).expect("a directory");
            fs::copy(file, &to).expect("a copy");
            files.push(to);
        }
        let manifest = format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n");
        fs::write(member.join("Cargo.toml"), manifest).expect("a manifest");
        members.push(format!("{name:?}"));
        lines += package.lines;
    }
    let manifest = format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n", members.join(", "));
    fs::write(dir.join("Cargo.toml"), manifest).expect("a manifest");
    files
}

struct Package {
    name: String,
    source: PathBuf,
    files: Vec<PathBuf>,
    lines: usize,
    /// Places that are looked for, in a million lines.
    per_line: usize,
}

/// A crate with a library whose files can all be read.
fn measured(path: PathBuf) -> Option<Package> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let source = path.join("src");
    if TABLES.iter().any(|table| name.starts_with(table)) || !source.join("lib.rs").is_file() {
        return None;
    }
    let (mut files, mut open, mut lines, mut words) = (Vec::new(), vec![source.clone()], 0, 0);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).ok()?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).ok()?;
                syn::parse_file(&text).ok()?;
                lines += text.lines().count();
                words += WORDS.iter().map(|word| text.matches(word).count()).sum::<usize>();
                files.push(path);
            }
        }
    }
    files.sort();
    Some(Package { name, source, files, lines, per_line: words * 1_000_000 / lines.max(1) })
}

fn count(files: &[PathBuf]) -> usize {
    files.iter().map(|file| fs::read_to_string(file).expect("a text").lines().count()).sum()
}

/// `syn` alone.
fn parse(dir: &Path, threads: usize) {
    let (mut files, mut open) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let work = || {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let text = fs::read_to_string(file).expect("a text");
                    std::hint::black_box(syn::parse_file(&text).expect("Rust"));
                }
            };
            std::thread::Builder::new().stack_size(64 << 20).spawn_scoped(scope, work).expect("a thread");
        }
    });
}

/// What a run took.
struct Run {
    clock: f64,
    busy: f64,
}

fn run(command: &mut Command) -> Run {
    let begin = Instant::now();
    let child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().expect("a program");
    let ended = child.wait4().expect("its end");
    assert!(ended.status.success(), "{command:?}: {}", ended.status);
    let clock = begin.elapsed().as_secs_f64();
    Run { clock, busy: (ended.rusage.utime + ended.rusage.stime).as_secs_f64() }
}

fn median(times: impl Iterator<Item = f64>) -> f64 {
    let mut times: Vec<f64> = times.collect();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
