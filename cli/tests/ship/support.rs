//! A log, a configuration, and the tool that ships one by the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::{Request, Server};

/// A directory with a log.
pub(crate) struct Place {
    dir: tempfile::TempDir,
    written: BTreeSet<String>,
}

/// Real lines of a scenario.
pub(crate) fn lines(scenario: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lines").join(format!("{scenario}.jsonl"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The line of a panic with a final verdict, under another id.
pub(crate) fn panic_line(id: &str) -> String {
    let text = lines("thread-handle-dropped");
    text.lines().nth(1).expect("a panic").replace("e1f1f0c5bd3c56d3-1", id)
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory"), written: BTreeSet::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    pub(crate) fn append(&self, name: &str, text: &str) {
        let mut file =
            fs::OpenOptions::new().create(true).append(true).open(self.path(name)).expect("the log");
        file.write_all(text.as_bytes()).expect("a line");
    }

    /// Appends panics to the log.
    pub(crate) fn panics(&mut self, count: usize) {
        for _ in 0..count {
            let id = format!("{:016x}-{}", 0xabc, self.written.len() + 1);
            self.append("p.jsonl", &format!("{}\n", panic_line(&id)));
            self.written.insert(id);
        }
    }

    /// Appends a panic whose message has so many bytes more.
    pub(crate) fn long_panic(&mut self, bytes: usize) {
        let id = format!("{:016x}-{}", 0xabc, self.written.len() + 1);
        let message = format!("\"message\":\"{}", "x".repeat(bytes));
        self.append("p.jsonl", &format!("{}\n", panic_line(&id).replacen("\"message\":\"", &message, 1)));
        self.written.insert(id);
    }

    /// Writes `ship.toml`; waits are short.
    pub(crate) fn configure(&self, destination: &str) {
        self.put(
            "ship.toml",
            &format!(
                "log = \"p.jsonl\"\nstate = \"state\"\nhold = \"300ms\"\n[[destination]]\nname = \"d\"\n\
                 backoff_min = \"10ms\"\nbackoff_max = \"60ms\"\npause = \"10s\"\nlinger = \"20ms\"\n{destination}"
            ),
        );
    }

    /// The same for JSON lines to this address.
    pub(crate) fn http(&self, server: &Server, more: &str) {
        self.configure(&format!("kind = \"http\"\nurl = \"http://{}/in\"\n{more}", server.address));
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_panic-agent"));
        command.arg("ship").args(args).current_dir(self.dir.path());
        command.env("XDG_STATE_HOME", self.path("own")).stdin(Stdio::null());
        for proxy in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        command
    }

    /// Ships what is there; the status.
    pub(crate) fn once(&self) -> (i32, String) {
        let output = self.command(&["--once", "--timeout", "120s"]).output().expect("the tool runs");
        said(&output)
    }

    /// Follows the log until it is dropped.
    pub(crate) fn follow(&self) -> Running {
        let err = fs::File::create(self.path("stderr")).expect("a file");
        Running(self.command(&[]).stderr(err).spawn().expect("the tool runs"))
    }

    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap_or_default()
    }

    /// Ids in the dead-letter file, with the reasons.
    pub(crate) fn dead(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.path("state/d.dead.jsonl")).unwrap_or_default();
        let letter = |line: &str| {
            let letter: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(letter["line"]["id"], letter["id"], "the whole line is kept");
            let text = |name: &str| letter[name].as_str().expect("a text").to_owned();
            (text("id"), text("reason"))
        };
        text.lines().map(letter).collect()
    }

    /// Every panic was delivered but for these; what was sent again is the same.
    pub(crate) fn assert_complete(&self, taken: &[Request], but: &[&str]) {
        let texts = taken.iter().map(Request::text).collect::<String>();
        self.assert_all(texts.lines().map(str::to_owned), but);
    }

    /// The same of lines that came otherwise.
    pub(crate) fn assert_lines(&self, lines: impl Iterator<Item = String>) {
        self.assert_all(lines, &[]);
    }

    fn assert_all(&self, lines: impl Iterator<Item = String>, but: &[&str]) {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for line in lines {
            let value: Value = serde_json::from_str(&line).expect("JSON");
            let id = value["id"].as_str().expect("an id").to_owned();
            if let Some(before) = seen.insert(id, line.clone()) {
                assert_eq!(before, line, "what is sent again differs");
            }
        }
        let expected: BTreeSet<&str> =
            self.written.iter().map(String::as_str).filter(|id| !but.contains(id)).collect();
        assert!(!expected.is_empty(), "nothing was to be delivered");
        assert_eq!(seen.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    }
}

pub(crate) fn said(output: &Output) -> (i32, String) {
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A tool that runs.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Ends it at once, without a chance to write anything down.
    pub(crate) fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it ends");
    }
}

impl Running {
    /// Ends it in order: what was delivered is written down.
    pub(crate) fn stop(mut self) {
        let asked = Command::new("kill").arg(self.0.id().to_string()).status().expect("kill runs");
        assert!(asked.success());
        let status = self.0.wait().expect("it ends");
        assert_eq!(status.code(), Some(0));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _killed = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    // A disk that is busy takes its time.
    let deadline = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: it never came");
        std::thread::sleep(Duration::from_millis(10));
    }
}
