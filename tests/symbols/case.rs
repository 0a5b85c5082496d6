//! The files of one case, the program that runs over them, and what its lines say.
//!
//! Runs on: threads of tests. Must not: let a name of the other build pass.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::Value;

use crate::fixtures;

/// How long a file may be busy.
const DEADLINE: Duration = Duration::from_secs(30);

/// The program, built once.
pub(crate) static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let status = fixtures::cargo(["--bin", "symbols"], "dev").status().expect("cargo runs");
    assert!(status.success(), "the fixture does not build");
    fixtures::program("dev", "symbols")
});

/// Which of the two builds of the library.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Build {
    This,
    Other,
}

impl Drop for Case {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// What is known of the functions of the library.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Known {
    /// Every function with its line.
    Lines,
    /// The same, with the last part alone of the name of what was inlined.
    LineTables,
    /// Those that have a symbol.
    Symbols,
    /// Only the one that is exported.
    Exported,
    Nothing,
}

/// A directory with the files of one case.
pub(crate) struct Case {
    directory: PathBuf,
    pub(crate) debug_directory: Option<PathBuf>,
}

impl Case {
    pub(crate) fn new() -> Self {
        static CASES: AtomicUsize = AtomicUsize::new(0);
        let name = format!("symbols/{}", CASES.fetch_add(1, Ordering::Relaxed));
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        Self { directory, debug_directory: None }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The library, in a directory of the case.
    pub(crate) fn library(&self, directory: &str, build: Build, flags: &[&str]) -> PathBuf {
        let directory = self.path(directory);
        fs::create_dir_all(&directory).unwrap();
        let path = directory.join("libenter.so");
        fs::copy(built_once(build, flags), &path).unwrap();
        path
    }

    /// What the program says when it runs with these arguments.
    pub(crate) fn run(&self, program: &Path, arguments: &[&str]) -> Vec<Panic> {
        let log = self.path("panics.jsonl");
        let mut command = Command::new(program);
        command.args(arguments).env("PANIC_AGENT_FILE", &log).current_dir(&self.directory);
        if let Some(directory) = &self.debug_directory {
            command.env("PANIC_AGENT_DEBUG_DIR", directory);
        }
        let output = output(&mut command);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = fs::read_to_string(&log).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let panics: Vec<_> = lines.filter(|line| line["kind"] == "panic").map(Panic).collect();
        assert!(!panics.is_empty());
        panics
    }

    /// What is known when the program panics through the library, and of which files it says that they are wrong.
    pub(crate) fn through(&self, library: &Path) -> (Known, Vec<(String, String)>) {
        let panics = self.run(&PROGRAM, &["library", library.to_str().unwrap()]);
        assert_eq!(panics.len(), 1);
        (panics[0].library("library_enter"), panics[0].refused())
    }
}

/// Builds the library.
pub(crate) fn build(path: &Path, build: Build, flags: &[&str]) {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut rustc = Command::new(rustc);
    rustc.args(["--edition", "2024", "-C", "panic=unwind", "-C", "link-arg=-Wl,--build-id"]).args(flags);
    if build == Build::Other {
        rustc.args(["--cfg", "other_build"]);
    }
    let source = fixtures::source("symbols/library/enter.rs");
    let status = rustc.arg("-o").arg(path).arg(source).current_dir(path.parent().unwrap()).status();
    assert!(status.expect("rustc runs").success());
}

/// The library of these flags, which no case may change.
pub(crate) fn built_once(which: Build, flags: &[&str]) -> PathBuf {
    static BUILT: Mutex<Vec<(Build, String, PathBuf)>> = Mutex::new(Vec::new());
    let mut built = BUILT.lock().unwrap();
    let words = flags.join(" ");
    if let Some((.., path)) = built.iter().find(|(build, flags, _)| (*build, flags) == (which, &words)) {
        return path.clone();
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("symbols/built-{}", built.len()));
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join("libenter.so");
    build(&path, which, flags);
    built.push((which, words, path.clone()));
    path
}

/// A `panic` line.
pub(crate) struct Panic(Value);

impl Panic {
    /// Function and line of the frames in an image.
    pub(crate) fn frames(&self, image: &str) -> Vec<(Option<String>, Option<u64>)> {
        let frames = self.0["frames"].as_array().unwrap().iter();
        let frames = frames.filter(|frame| frame["image"].as_str().unwrap_or_default().starts_with(image));
        frames.map(|frame| (frame["function"].as_str().map(str::to_owned), frame["line"].as_u64())).collect()
    }

    /// What is known of the functions of the library; no name of the other build may be among them.
    pub(crate) fn library(&self, entry: &str) -> Known {
        let frames = self.frames("libenter");
        let text = self.0.to_string();
        assert!(!text.contains("foreign_"), "a name of the other build: {frames:?}");
        // The rest of the library is std's guard around a function that C calls.
        let named = |name: &str| frames.iter().find(|(function, _)| function.as_deref() == Some(name));
        let is_short = named("passed_on").is_some();
        let passed_on = named(if is_short { "passed_on" } else { "enter::names::passed_on" });
        let call_back = named("enter::names::call_back");
        let entry = named(entry);
        let lines = [call_back, passed_on, entry].map(|frame| frame.and_then(|frame| frame.1));
        let expected = ["call_back", "passed_on", "library_enter"].map(|name| Some(line_of(LIBRARY, name)));
        match (call_back, passed_on, entry) {
            (Some(_), Some(_), Some(_)) => {
                assert_eq!(lines, expected);
                if is_short { Known::LineTables } else { Known::Lines }
            }
            (Some(_), None, Some(_)) => Known::Symbols,
            (None, None, Some(_)) => Known::Exported,
            (None, None, None) => {
                assert!(!frames.is_empty() && frames.iter().all(|frame| frame.0.is_none()), "{frames:?}");
                Known::Nothing
            }
            _ => panic!("{frames:?}"),
        }
    }

    /// Codes and details of soft errors about files.
    pub(crate) fn refused(&self) -> Vec<(String, String)> {
        let errors = self.0["soft_errors"].as_array().unwrap().iter();
        let errors =
            errors.map(|error| ["code", "detail"].map(|field| error[field].as_str().unwrap().to_owned()));
        errors.filter(|[code, _]| code.starts_with("stale_")).map(|[code, detail]| (code, detail)).collect()
    }

    /// Asserts that every function of the program is there with its line.
    pub(crate) fn assert_program(&self) {
        let frames = self.frames("");
        let at = frames.iter().position(|(name, _)| name.as_deref() == Some("symbols::names::inner"));
        let at = at.unwrap_or_else(|| panic!("{frames:?}"));
        for (frame, name) in frames[at..].iter().zip(["inner", "inlined", "outer"]) {
            assert_eq!(*frame, (Some(format!("symbols::names::{name}")), Some(line_of(MAIN, name))));
        }
        assert_eq!(self.refused(), []);
    }
}

pub(crate) const MAIN: &str = include_str!("../fixtures/symbols/src/main.rs");
pub(crate) const LIBRARY: &str = include_str!("../fixtures/symbols/library/enter.rs");

/// Number of the line with this mark.
pub(crate) fn line_of(source: &str, mark: &str) -> u64 {
    let mark = format!("// line: {mark}");
    1 + source.lines().position(|line| line.ends_with(&mark)).expect("the mark is there") as u64
}

/// Runs a program that may just have been written: a child that another test forks meanwhile has it open until it becomes
/// another program.
fn output(command: &mut Command) -> Output {
    let start = Instant::now();
    loop {
        match command.output() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && start.elapsed() < DEADLINE => {
                thread::yield_now();
            }
            ran => return ran.expect("it runs"),
        }
    }
}

/// Runs `objcopy`; whether it can do that.
pub(crate) fn objcopy(arguments: &[&str], from: &Path, to: &Path) -> bool {
    let output =
        Command::new("objcopy").args(arguments).arg(from).arg(to).output().expect("objcopy is there");
    output.status.success()
}

/// A copy with names and lines in a file of its own: the stripped library and the debug file.
pub(crate) fn taken_apart(case: &Case, directory: &str, build: Build, flags: &[&str]) -> (PathBuf, PathBuf) {
    let whole = case.library(&format!("{directory}/whole"), build, flags);
    let (stripped, debug) =
        (case.path(directory).join("libenter.so"), case.path(directory).join("enter.debug"));
    assert!(objcopy(&["--only-keep-debug"], &whole, &debug));
    let link = format!("--add-gnu-debuglink={}", debug.display());
    assert!(objcopy(&["--strip-all", &link], &whole, &stripped));
    (stripped, debug)
}

/// Where a file with this build-id is looked for.
pub(crate) fn by_build_id(directory: &Path, library: &Path) -> PathBuf {
    let output = Command::new("readelf").arg("-n").arg(library).output().expect("readelf is there");
    let text = String::from_utf8(output.stdout).unwrap();
    let id = text.split("Build ID: ").nth(1).unwrap().lines().next().unwrap().trim().to_owned();
    let path = directory.join(".build-id").join(&id[..2]);
    fs::create_dir_all(&path).unwrap();
    path.join(format!("{}.debug", &id[2..]))
}

#[track_caller]
pub(crate) fn assert_refused(refused: &[(String, String)], code: &str, path: &Path) {
    let path = path.to_str().unwrap();
    assert!(refused.len() == 1 && refused[0].0 == code && refused[0].1.contains(path), "{refused:?} {path}");
}
