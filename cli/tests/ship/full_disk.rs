//! A disk that is full where positions and dead letters are kept: records arrive, and nothing is given up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::server::{Act, Server};
use crate::support::{Place, Running, until};

const BAD: &str = "0000000000000abc-3";

/// The tool with a small file system for its state, which is full; and where others find it.
fn follow(place: &Place) -> (Running, PathBuf) {
    fs::create_dir_all(place.path("state")).expect("a directory");
    let script = "mount -t tmpfs -o size=256k,mode=700 t state && head -c 262144 /dev/zero >state/filler; exec \"$0\" ship";
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        script,
        env!("CARGO_BIN_EXE_panic-agent"),
    ]);
    let err = fs::File::create(place.path("stderr")).expect("a file");
    command.current_dir(place.path("")).stdin(Stdio::null()).stderr(err);
    let running = Running(command.spawn().expect("it starts"));
    let state = format!("/proc/{}/root{}", running.0.id(), place.path("state").display());
    (running, state.into())
}

pub(crate) fn state(_: &Path) {
    let mut place = Place::new();
    place.panics(6);
    let server = Server::start(|_, request| match request.text().contains(BAD) {
        true => Act::Reply(400, "", "too bad".to_owned()),
        false => Act::status(200),
    });
    place.http(&server, "batch = 2\n");
    let (running, state) = follow(&place);
    until("the complaint about positions", || place.stderr().contains("d.json`: No space left"));
    until("the complaint about the dead letter", || place.stderr().contains("d.dead.jsonl`: No space left"));
    assert!(!place.stderr().contains(&format!("{BAD} was not accepted")), "{}", place.stderr());
    // Room is made.
    fs::remove_file(state.join("filler")).expect("the file system of the tool");
    until("the dead letter", || {
        fs::read_to_string(state.join("d.dead.jsonl")).is_ok_and(|text| text.contains(BAD))
    });
    until("positions", || {
        fs::read_to_string(state.join("d.json")).is_ok_and(|text| text.contains("\"line\":6"))
    });
    place.assert_complete(&server.taken(), &[BAD]);
    let letters = fs::read_to_string(state.join("d.dead.jsonl")).expect("it is there");
    assert_eq!(letters.lines().count(), 1, "what could not be written is not there in half: {letters}");
    running.stop();
}
