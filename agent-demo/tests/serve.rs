//! `agent-demo serve` answers over real HTTP: the statuses, and one report per panic with the route as a label.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
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
