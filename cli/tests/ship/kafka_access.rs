//! A broker that lets in only who has a certificate and a password.
//!
//! The broker that is there speaks SCRAM, and knows nobody: it refuses. TLS, and passwords as PLAIN, are the business of a front
//! before it, which is a part of this test.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::fleet::{broker, broker_of, messages};
use crate::receivers::free_port;
use crate::support::{Place, until};
use crate::tls::Authority;

/// What a client has to send.
const PASSWORD: &[u8] = b"\0ship\0new-hunter2";
const SASL_HANDSHAKE: i16 = 17;
const API_VERSIONS: i16 = 18;
const SASL_AUTHENTICATE: i16 = 36;

/// How a conversation over TLS begins.
const HANDSHAKE: u8 = 22;

/// Listens for as long as the process lives. Who speaks without TLS is the test, and gets through.
fn front(port: u16, tls: Arc<ServerConfig>, broker: u16) {
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("a port");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let tls = Arc::clone(&tls);
            std::thread::spawn(move || {
                let mut first = [0];
                let is_plain = stream.peek(&mut first).is_ok() && first != [HANDSHAKE];
                // Who hangs up is not told.
                let _served = if is_plain {
                    pass(&stream, broker)
                } else {
                    let tls = ServerConnection::new(tls).expect("a configuration");
                    serve(StreamOwned::new(tls, stream), broker)
                };
            });
        }
    });
}

fn pass(client: &TcpStream, broker: u16) -> io::Result<()> {
    let behind = TcpStream::connect(("127.0.0.1", broker))?;
    let (mut from, mut to) = (behind.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || io::copy(&mut from, &mut to));
    io::copy(&mut &*client, &mut &behind)?;
    behind.shutdown(std::net::Shutdown::Both)
}

fn frame(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut frame = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap_or(0)];
    from.read_exact(&mut frame)?;
    Ok(frame)
}

fn put(to: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    let mut bytes = (frame.len() as i32).to_be_bytes().to_vec();
    bytes.extend_from_slice(frame);
    to.write_all(&bytes)?;
    to.flush()
}

/// Source: Apache Kafka protocol, `SaslHandshake` 1 and `SaslAuthenticate` 0 to 2.
fn serve(mut client: impl Read + Write, broker: u16) -> io::Result<()> {
    let mut behind = TcpStream::connect(("127.0.0.1", broker))?;
    let mut is_let_in = false;
    loop {
        let request = frame(&mut client)?;
        let number = |at: usize| i16::from_be_bytes([request[at], request[at + 1]]);
        let (key, version, correlation) = (number(0), number(2), &request[4..8]);
        let mut answer = correlation.to_vec();
        match key {
            SASL_HANDSHAKE => {
                answer.extend_from_slice(b"\0\0\0\0\0\x01\0\x05PLAIN");
                put(&mut client, &answer)?;
            }
            SASL_AUTHENTICATE => {
                is_let_in = request.windows(PASSWORD.len()).any(|part| part == PASSWORD);
                let error = if is_let_in { 0_i16 } else { 58 };
                if version >= 2 {
                    answer.push(0);
                }
                answer.extend_from_slice(&error.to_be_bytes());
                match version {
                    0 => answer.extend_from_slice(b"\xff\xff\0\0\0\0"),
                    1 => answer.extend_from_slice(b"\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0"),
                    _ => answer.extend_from_slice(b"\0\x01\0\0\0\0\0\0\0\0\0"),
                }
                put(&mut client, &answer)?;
            }
            _ if is_let_in || key == API_VERSIONS => {
                put(&mut behind, &request)?;
                put(&mut client, &frame(&mut behind)?)?;
            }
            _ => return Ok(()),
        }
    }
}

pub(crate) fn a_certificate_and_a_password(venv: &Path) {
    let (authority, other) = (Authority::new(), Authority::new());
    let mut place = Place::new();
    let (port, behind) = (free_port(), free_port());
    let _broker = broker_of(&place, venv, behind, port, "panics");
    front(port, authority.server(), behind);
    let configure = |place: &Place, more: &str| {
        place.configure(&format!(
            "kind = \"kafka\"\nbrokers = \"localhost:{port}\"\ntopic = \"panics\"\ntimeout = \"4s\"\nbatch = 16\ntls = true\n\
             ca_file = \"ca.pem\"\ncert_file = \"own.pem\"\nkey_file = \"own.key\"\n{more}"
        ));
    };
    let messages = || messages(venv, port, "panics");
    let with_password = "sasl = \"plain\"\nuser = \"ship\"\npassword_file = \"password\"\n";
    place.put("ca.pem", &authority.pem());
    place.put("password", "old-hunter2\n");
    authority.sign().put(&place, "own");
    configure(&place, with_password);
    place.panics(40);
    // With another password, without one, and with another certificate: nothing is sent, and nothing is lost.
    let running = place.follow();
    until("a complaint", || place.stderr().contains("until it accepts us"));
    assert!(place.stderr().contains("SaslAuthenticationFailed"), "{}", place.stderr());
    assert!(!place.stderr().contains("hunter2") && messages().is_empty());
    place.put("password", "new-hunter2\n");
    until("the first lines", || messages().len() >= 40);
    running.stop();
    place.panics(10);
    configure(&place, "");
    let running = place.follow();
    until("a complaint", || place.stderr().contains("trying again"));
    running.stop();
    other.sign().put(&place, "own");
    configure(&place, with_password);
    let running = place.follow();
    until("a complaint", || place.stderr().contains("until it accepts us"));
    assert!(place.stderr().contains("received fatal alert"), "{}", place.stderr());
    assert_eq!(messages().len(), 40);
    authority.sign().put(&place, "own");
    until("all lines", || messages().len() >= 50);
    running.stop();
    assert!(place.dead().is_empty());
    let all = messages();
    place.assert_lines(all.iter().map(|message| message["value"].as_str().expect("a text").to_owned()));
}

pub(crate) fn a_user_that_the_broker_does_not_know(venv: &Path) {
    let mut place = Place::new();
    place.panics(5);
    place.put("password", "hunter2\n");
    for (mechanism, port) in [("scram-sha-256", free_port()), ("scram-sha-512", free_port())] {
        let authenticated = broker(&place, venv, port, port, &["--authentication"]);
        place.configure(&format!(
            "kind = \"kafka\"\nbrokers = \"127.0.0.1:{port}\"\ntopic = \"panics\"\ntimeout = \"40s\"\n\
             sasl = \"{mechanism}\"\nuser = \"ship\"\npassword_file = \"password\"\n"
        ));
        let running = place.follow();
        until("a complaint", || place.stderr().contains("until it accepts us"));
        assert!(place.stderr().contains("Sasl handshake failed"), "{}", place.stderr());
        assert!(!place.stderr().contains("hunter2") && place.dead().is_empty());
        drop((running, authenticated));
    }
    // The twin: the same broker, which asks nobody.
    let port = free_port();
    let _broker = broker_of(&place, venv, port, port, "panics");
    place.configure(&format!("kind = \"kafka\"\nbrokers = \"127.0.0.1:{port}\"\ntopic = \"panics\"\n"));
    let (status, err) = place.once();
    assert_eq!(status, 0, "{err}");
    let all = messages(venv, port, "panics");
    place.assert_lines(all.iter().map(|message| message["value"].as_str().expect("a text").to_owned()));
}

pub(crate) fn what_the_broker_cannot_be_told_is_an_error() {
    let place = Place::new();
    place.put("password", "hunter2\n");
    let secret = "user = \"ship\"\npassword_file = \"password\"\n";
    for (brokers, keys, expected) in [
        ("far:1", format!("sasl = \"plain\"\n{secret}"), "sends the password as it is; add `tls = true`"),
        ("far:1,127.0.0.1:2", format!("sasl = \"plain\"\n{secret}"), "sends the password as it is"),
        (
            "far:1",
            format!("sasl = \"gssapi\"\n{secret}"),
            "say one of: none, plain, scram-sha-256, scram-sha-512",
        ),
        ("far:1", secret.to_owned(), "`user = \"ship\"`: nobody is told this"),
        ("far:1", "password_file = \"password\"\n".to_owned(), "nobody is told the password"),
        (
            "far:1",
            "sasl = \"scram-sha-512\"\nuser = \"ship\"\n".to_owned(),
            "needs `user`, and `password_file`",
        ),
        ("far:1", "ca_file = \"ca.pem\"\n".to_owned(), "nothing is encrypted; add `tls = true`"),
        ("far:1", "tls = \"yes\"\n".to_owned(), "write `true` or `false`"),
        ("far:1", "password = \"hunter2\"\n".to_owned(), "unknown key"),
    ] {
        place.configure(&format!("kind = \"kafka\"\nbrokers = \"{brokers}\"\ntopic = \"panics\"\n{keys}"));
        let output = place.command(&["--check"]).output().expect("the tool runs");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{keys}: {err}");
        assert!(err.contains(expected) && !err.contains("hunter2"), "{err}\nshould have: {expected}");
    }
    for keys in
        [format!("sasl = \"plain\"\ntls = true\n{secret}"), format!("sasl = \"scram-sha-256\"\n{secret}")]
    {
        place.configure(&format!("kind = \"kafka\"\nbrokers = \"far:1\"\ntopic = \"panics\"\n{keys}"));
        let output = place.command(&["--check"]).output().expect("the tool runs");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}
