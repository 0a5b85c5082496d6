//! `agent-demo serve` answers over real HTTP: the statuses, and one report per panic with the route as a label.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

#[test]
fn the_demo_server_turns_panics_into_answers_and_goes_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut server = Command::new(env!("CARGO_BIN_EXE_agent-demo"))
        .args(["serve", "--address", "127.0.0.1:0"])
        .current_dir(directory.path())
        .env("PANIC_AGENT_FILE", "stdout")
        // Printing one takes long enough for a deadline to pass.
        .env_remove("RUST_BACKTRACE")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the demo");
    let mut lines =
        BufReader::new(server.stdout.take().expect("piped")).lines().map(|line| line.expect("a line"));
    let address = lines.find_map(|line| Some(line.strip_prefix("http://")?.split('/').next()?.to_owned()));
    let address = address.expect("the server says where it listens");
    let answer = |path: &str| {
        let mut stream = TcpStream::connect(&address).expect("a connection");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n\r\n").expect("a request");
        let mut answer = Vec::new();
        // An aborted connection may end with an error.
        let _end = stream.read_to_end(&mut answer);
        String::from_utf8(answer).expect("a text")
    };
    let status = |path: &str| answer(path).split(' ').nth(1).expect("a status").to_owned();
    let answers = ["/fine", "/early", "/late-answer", "/locked", "/child", "/fine"].map(status);
    assert_eq!(answers, ["200", "500", "503", "500", "200", "200"]);
    let cut = answer("/body");
    assert!(cut.contains(" 200 ") && cut.contains("half of it") && !cut.contains("\r\n0\r\n"), "{cut}");
    assert_eq!(status("/fine"), "200");
    let mut panics = lines.filter_map(|line| {
        let line: serde_json::Value = serde_json::from_str(&line).ok()?;
        (line["kind"] == "panic")
            .then(|| (line["message"].clone(), line["labels"]["http_path"].clone(), line["late"].clone()))
    });
    for (message, path) in [
        ("before the response", "/early"),
        ("after the deadline", "/late-answer"),
        ("with a lock held", "/locked"),
        ("in a child task", "/child"),
        ("in the body", "/body"),
    ] {
        assert_eq!(panics.next(), Some((message.into(), path.into(), false.into())));
    }
    server.kill().expect("it still runs");
    server.wait().expect("it ends");
}

/// A running server, ended with the test.
struct Server {
    child: std::process::Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    address: String,
}

impl Server {
    fn start(directory: &std::path::Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_agent-demo"))
            .args(["serve", "--address", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(directory)
            .env_remove("RUST_BACKTRACE")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A supervisor and its server end together.
            .process_group(0)
            .spawn()
            .expect("the demo");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut server = Self { child, lines, address: String::new() };
        server.finds_address();
        server
    }

    /// Reads until the server says where it listens.
    fn finds_address(&mut self) {
        let line = self.lines.by_ref().map(|line| line.expect("a line"));
        let mut addresses =
            line.filter_map(|line| Some(line.strip_prefix("http://")?.split('/').next()?.to_owned()));
        self.address = addresses.next().expect("the server says where it listens");
    }

    /// Status and body; `None` when the server is gone.
    fn get(&self, path: &str) -> Option<(String, String)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: demo\r\nconnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.to_owned(), body.trim().to_owned()))
    }

    /// Asks until the answer is this one.
    fn answers(&self, path: &str, status: &str, body: &str) {
        let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
        let expected = Some((status.to_owned(), body.to_owned()));
        while self.get(path) != expected {
            assert!(std::time::Instant::now() < until, "{path} answers {:?}", self.get(path));
            std::thread::yield_now();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let group = i32::try_from(self.child.id()).expect("a process id");
        // SAFETY: the group was made for this child, which has not been waited for, so its number is of no other.
        unsafe { libc::kill(-group, libc::SIGKILL) };
        self.child.wait().ok();
    }
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn without_a_reaction_the_server_answers_wrongly_for_ever_and_only_its_health_tells() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start(directory.path(), &[]);
    server.answers("/order/3", "200", "accepted");
    server.answers("/total", "200", "3");
    server.answers("/health", "200", "ok");
    server.answers("/order/three", "200", "accepted");
    server.answers("/health", "503", "degraded: 1 panic that nobody can ever see");
    server.answers("/order/4", "200", "accepted");
    assert_eq!(server.get("/total"), Some(("200".to_owned(), "3".to_owned())), "it is 7");
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn with_a_reaction_the_supervisor_starts_the_server_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(directory.path(), &["--supervise"]);
    server.answers("/order/3", "200", "accepted");
    server.answers("/total", "200", "3");
    server.get("/order/three");
    server.finds_address();
    server.answers("/health", "200", "ok");
    server.answers("/order/4", "200", "accepted");
    server.answers("/total", "200", "4");
    // The child is the server; it ends when it is told to, and then the supervisor does.
    let log = std::fs::read_to_string(directory.path().join("panics.jsonl")).expect("a log");
    let ended_by = |line: &&str| line.contains("\"ended_by\":{") && line.contains("exit:70");
    assert_eq!(log.lines().filter(ended_by).count(), 1, "{log}");
}
