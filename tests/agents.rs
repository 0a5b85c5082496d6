//! Builds `tests/fixtures/agents` and runs programs with plugins, of which each has a std of its own: what every agent
//! says of every panic, whoever was there first.
#![cfg(all(
    feature = "probes",
    target_os = "linux",
    target_env = "gnu",
    not(panic_agent_fallback),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

mod fixtures;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// How long the end of a program waits for its agents: a busy machine takes its time to read debug information.
const PATIENCE_MS: &str = "60000";

/// What a log says of a panic: message, whether the agent's hook was called, fate, receipt, and on what that rests.
type Said = (String, bool, String, String, String);

fn said(message: &str, hook: bool, receipt: &str) -> Said {
    (message.to_owned(), hook, "caught".to_owned(), receipt.to_owned(), "confirmed".to_owned())
}

/// Both panics of the program or of a plugin, as the agent of the same std sees them.
fn own(whose: &str) -> Vec<Said> {
    vec![said(&format!("{whose} dropped"), true, "received"), said(&format!("{whose} read"), true, "read")]
}

/// Both, as an agent with another std sees them: no hook is called, and nobody follows the payload.
fn others() -> Vec<Said> {
    vec![said("", false, "unknown"); 2]
}

fn target() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let status = fixtures::cargo(["--lib", "--bin=plugin-host"], "dev").status().expect("cargo runs");
        assert!(status.success(), "the fixture does not build");
        fixtures::target().join("debug")
    })
}

/// A program that ran.
struct Run {
    directory: PathBuf,
}

impl Run {
    /// Runs the words, as this test; `@` stands for the directory of the logs, where the plugin lies twice: `one.so`, `two.so`.
    fn of(test: &str, words: &[&str]) -> Self {
        Self::with(test, words, &[])
    }

    fn with(test: &str, words: &[&str], variables: &[(&str, &str)]) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("agents").join(test);
        // Of an earlier run, if there was one.
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).expect("a directory");
        for copy in ["one.so", "two.so"] {
            let to = directory.join(copy);
            std::fs::copy(target().join("libplugin.so"), to).expect("the plugin was built");
        }
        let place = format!("{}/", directory.display());
        let output = Command::new(target().join("plugin-host"))
            .args(words.iter().map(|word| word.replace('@', &place)))
            .env("PANIC_AGENT_FLUSH_MS", PATIENCE_MS)
            .env_remove("RUST_BACKTRACE")
            .env_remove("NOTIFY_SOCKET")
            .envs(variables.iter().copied())
            .output()
            .expect("it runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {errors}", output.status);
        Self { directory }
    }

    fn lines(&self, log: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.directory.join(log)).expect("the log is there");
        text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }

    /// The last word on each panic of a log, in the order of the messages.
    fn said(&self, log: &str) -> Vec<Said> {
        let lines = self.lines(log);
        let word = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
        let panics = lines.iter().filter(|line| line["kind"] == "panic");
        let mut said: Vec<Said> = panics
            .map(|panic| {
                let of_it = |line: &&Value| line["id"] == panic["id"] && !line["fate"].is_null();
                let last = lines.iter().rfind(of_it).expect("a verdict");
                let hook = panic["hook"] == true;
                (word(panic, "message"), hook, word(last, "fate"), word(last, "receipt"), word(last, "basis"))
            })
            .collect();
        said.sort();
        said
    }

    /// What the agent cannot do, and why, with this code.
    fn lacks(&self, log: &str, code: &str) -> Vec<Value> {
        let lines = self.lines(log);
        let process = lines.iter().find(|line| line["kind"] == "process").expect("a process line");
        let errors = process["soft_errors"].as_array().cloned().unwrap_or_default();
        errors.into_iter().filter(|error| error["code"] == code).collect()
    }

    /// Whether the agent says that it was not the first.
    fn is_second(&self, log: &str) -> bool {
        !self.lacks(log, "other_agent").is_empty()
    }
}

fn twice(said: Vec<Said>) -> Vec<Said> {
    let mut twice = [said.clone(), said].concat();
    twice.sort();
    twice
}

fn together(mut said: Vec<Said>, more: Vec<Said>) -> Vec<Said> {
    said.extend(more);
    said.sort();
    said
}

#[test]
fn the_agent_of_a_plugin_leaves_the_program_to_the_agent_that_was_there_first() {
    let run = Run::of(
        "program_first",
        &["agent=@a", "program", "load=@one.so", "start=@b", "program", "plugin", "program", "plugin"],
    );
    assert_eq!(run.said("a"), together(twice(own("program")), own("program")));
    assert_eq!(run.said("b"), twice(own("plugin")));
    assert!(run.is_second("b") && !run.is_second("a"));
}

#[test]
fn the_agent_of_the_program_takes_over_its_own_calls_when_that_of_a_plugin_was_there_first() {
    let run =
        Run::of("plugin_first", &["load=@one.so", "start=@b", "agent=@a", "program", "plugin", "program"]);
    assert_eq!(run.said("a"), twice(own("program")));
    assert_eq!(run.said("b"), own("plugin"));
    assert!(run.is_second("a") && !run.is_second("b"));
}

#[test]
fn the_agent_of_a_plugin_takes_its_own_calls_back_from_the_agent_that_was_there_first() {
    let run = Run::of("taken_back", &["load=@one.so", "agent=@a", "start=@b", "program", "plugin"]);
    assert_eq!(run.said("a"), own("program"));
    assert_eq!(run.said("b"), own("plugin"));
    assert!(run.is_second("b") && !run.is_second("a"));
}

#[test]
fn a_plugin_without_an_agent_is_seen_by_that_of_the_program_without_its_hook() {
    let run = Run::of("plugin_without", &["load=@one.so", "agent=@a", "program", "plugin"]);
    assert_eq!(run.said("a"), together(own("program"), others()));
}

#[test]
fn a_program_without_an_agent_is_seen_by_that_of_a_plugin_without_its_hook() {
    let run = Run::of("program_without", &["load=@one.so", "start=@b", "program", "plugin"]);
    assert_eq!(run.said("b"), together(own("plugin"), others()));
    assert!(!run.is_second("b"));
}

#[test]
fn of_two_plugins_each_has_its_own_and_the_first_has_the_program() {
    let run = Run::of(
        "two_plugins",
        &[
            "load=@one.so",
            "start=@b",
            "plugin",
            "load=@two.so",
            "start=@c",
            "plugin",
            "program",
            "load=@one.so",
            "plugin",
        ],
    );
    assert_eq!(run.said("b"), together(twice(own("plugin")), others()));
    assert_eq!(run.said("c"), own("plugin"));
    assert!(run.is_second("c") && !run.is_second("b"));
}

#[test]
fn a_plugin_with_an_agent_stays_loaded_and_one_without_goes() {
    let words =
        ["agent=@a", "load=@one.so", "start=@b", "plugin", "close", "program", "load=@two.so", "close"];
    let run = Run::of("closed", &[&words[..], &["program"]].concat());
    assert_eq!(run.said("a"), twice(own("program")));
    assert_eq!(run.said("b"), own("plugin"));
}

/// The fixture is built without the feature `systemd`.
#[test]
fn an_agent_that_cannot_tell_the_supervisor_says_so_if_there_is_one() {
    let ask = ("PANIC_AGENT_SUPERVISOR", "systemd");
    let run =
        Run::with("supervisor", &["agent=@a", "program"], &[ask, ("NOTIFY_SOCKET", "/nowhere/notify.sock")]);
    let lacks = run.lacks("a", "not_compiled");
    assert_eq!(lacks.len(), 1, "{lacks:?}");
    assert_eq!(
        (&lacks[0]["field"], &lacks[0]["detail"]),
        (&"supervisor".into(), &"the cargo feature `systemd` is off".into())
    );
    assert_eq!(run.said("a"), own("program"));

    let run = Run::with("no_supervisor", &["agent=@a", "program"], &[ask]);
    assert_eq!(run.lacks("a", "not_compiled"), [Value::Null; 0], "nobody would hear it");
}
