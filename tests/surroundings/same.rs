//! Compares a run with the agent and one without.
//!
//! Runs on: the threads that judge. Must not: leave out a file of the program.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Trial;

use super::log::Log;
use super::program::{Program, command, fresh_directory, run};

/// Programs that show that the comparison sees something.
pub(crate) const PROGRAMS: &[Program] = &[("same-chatty", || {
    if std::env::var_os("PANIC_AGENT").is_none() {
        std::fs::write("own.txt", "an agent was here\n").expect("a file");
        println!("an agent was here");
    }
})];

/// What is left of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) directory: PathBuf,
    pub(crate) log: Log,
    /// What the agent itself said on stderr, which is not compared.
    pub(crate) complaints: Vec<String>,
    seen: Seen,
}

/// What the user of a program sees.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    /// As `wait` gives it.
    status: i32,
    stdout: String,
    stderr: String,
    /// Everything in the directory but the agent's own.
    files: BTreeMap<PathBuf, Vec<u8>>,
}

/// A program in its surroundings.
pub(crate) struct Case {
    /// A claim.
    pub(crate) name: &'static str,
    pub(crate) program: &'static str,
    /// Makes the surroundings: in the directory, and around the command. `Err`: why it cannot be tried here.
    pub(crate) around: fn(&mut Command, &Path) -> Result<(), String>,
    /// Panics when the lines are not what is promised.
    pub(crate) lines: fn(&Run),
    /// Name of the log in the directory; begins with `panics`.
    pub(crate) log: &'static [u8],
}

impl Case {
    /// A program with nothing around it.
    pub(crate) const fn new(name: &'static str, program: &'static str, lines: fn(&Run)) -> Self {
        Self { name, program, around: |_, _| Ok(()), lines, log: b"panics.jsonl" }
    }

    /// The same in these surroundings.
    pub(crate) const fn around(mut self, around: fn(&mut Command, &Path) -> Result<(), String>) -> Self {
        self.around = around;
        self
    }

    /// The same with another name of the log.
    pub(crate) const fn log(mut self, log: &'static [u8]) -> Self {
        self.log = log;
        self
    }

    pub(crate) fn trial(&'static self) -> Trial {
        Trial::test(self.name, || {
            self.check();
            Ok(())
        })
    }

    fn check(&self) {
        let Some(on) = self.run("on") else { return };
        let Some(off) = self.run("off") else { return };
        assert_eq!((off.log.0.len(), off.complaints.len()), (0, 0), "an agent that is off says nothing");
        assert_eq!(on.seen, off.seen, "with the agent, and without; lines: {:#?}", on.log.0);
        (self.lines)(&on);
    }

    /// For controls: the two runs must not be the same.
    pub(crate) fn differs(&self) {
        let (on, off) = (self.run("on").expect("it runs"), self.run("off").expect("it runs"));
        assert_eq!(on.seen.status, off.seen.status, "{on:?}");
        assert_ne!(on.seen.files, off.seen.files);
    }

    fn run(&self, agent: &str) -> Option<Run> {
        let directory = fresh_directory(&format!("{}-{agent}", self.name));
        let mut command = command(self.program, &directory);
        if let Err(why) = (self.around)(&mut command, &directory) {
            super::program::skip(self.name, &why);
            return None;
        }
        if agent == "off" {
            command.env("PANIC_AGENT", "off");
        }
        let output = run(&mut command);
        if output.status.code() == Some(CANNOT) {
            super::program::skip(self.name, String::from_utf8_lossy(&output.stderr).trim());
            return None;
        }
        // A directory that was made unreadable is read, and removed by the next run.
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).ok();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let (complaints, stderr): (Vec<_>, Vec<_>) =
            stderr.split_inclusive('\n').partition(|line| line.starts_with("panic-agent: "));
        Some(Run {
            complaints: complaints.into_iter().map(str::to_owned).collect(),
            log: Log::read(&directory.join(OsStr::from_bytes(self.log))),
            seen: Seen {
                status: output.status.into_raw(),
                stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
                stderr: without_thread_ids(&stderr.concat()),
                files: files(&directory),
            },
            directory,
        })
    }
}

/// Status of a program that cannot have its surroundings here.
const CANNOT: i32 = 77;

/// By a program: its surroundings cannot be had.
pub(crate) fn cannot(why: &str) -> ! {
    eprintln!("{why}");
    std::process::exit(CANNOT)
}

/// Every panic has its line, and nothing was lost.
#[track_caller]
pub(crate) fn all_written(run: &Run, messages: &[&str]) {
    assert_eq!(run.log.messages(), messages, "{:#?}", run.log.0);
    assert_eq!(run.log.end(), (messages.len() as u64, 0));
}

/// std prints the thread's number.
fn without_thread_ids(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(" (") {
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let is_id = digits > 0 && after[digits..].starts_with(')');
        out.push_str(before);
        rest = if is_id { &after[digits + 1..] } else { after };
        out.push_str(if is_id { " #" } else { " (" });
    }
    out + rest
}

fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(directory) else { return BTreeMap::new() };
    let mut files = BTreeMap::new();
    for entry in entries.map(|entry| entry.expect("an entry")) {
        let path = entry.path();
        let name = entry.file_name();
        if name.as_bytes().starts_with(b"panics") {
            continue;
        }
        if path.is_dir() {
            files.extend(self::files(&path));
            files.insert(path.strip_prefix(directory).unwrap_or(&path).to_owned(), Vec::new());
        } else {
            let bytes = std::fs::read(&path).unwrap_or_default();
            files.insert(name.into(), bytes);
        }
    }
    files
}

/// The comparison itself.
pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("a_program_that_an_agent_changes_is_not_the_same", || {
        let case = Case::new("control", "same-chatty", |_| {});
        case.differs();
        Ok(())
    })]
}
