//! Destinations that want to know who is asking, those that nobody vouches for, and proxies in between.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::server::{Act, Server};
use crate::support::{Place, until};

/// Somebody who vouches for others.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

/// A certificate with its key.
pub(crate) struct Pair {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// Vouches for this machine.
    pub(crate) fn sign(&self) -> Pair {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(names).expect("names");
        Pair { certificate: params.signed_by(&key, &self.issuer).expect("a certificate"), key }
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A server that this one vouches for, and that wants clients whom it vouches for.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let own = self.sign();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(verifier.build().expect("a verifier"))
            .with_single_cert(vec![CertificateDer::from(own.certificate.der().to_vec())], key);
        Arc::new(config.expect("a certificate and its key"))
    }
}

impl Pair {
    /// Writes both beside the log.
    pub(crate) fn put(&self, place: &Place, name: &str) {
        place.put(&format!("{name}.pem"), &self.certificate.pem());
        place.put(&format!("{name}.key"), &self.key.serialize_pem());
    }
}

/// Ships to that server; waits are short.
fn configure(place: &Place, server: &Server, more: &str) {
    let port = server.address.port();
    place.configure(&format!("kind = \"http\"\nurl = \"https://localhost:{port}/in\"\n{more}"));
}

const OWN: &str = "ca_file = \"ca.pem\"\ncert_file = \"own.pem\"\nkey_file = \"own.key\"\n";

pub(crate) fn the_right_certificate_is_let_in_and_no_other() {
    let (authority, other) = (Authority::new(), Authority::new());
    // Bodies of all lengths: who is refused may learn it in the middle of one.
    for (bytes, wrong) in [(0, None), (0, Some(&other)), (900_000, Some(&other)), (900_000, None)] {
        let mut place = Place::new();
        let server = Server::start_tls(authority.server(), |_, _| Act::status(200));
        place.put("ca.pem", &authority.pem());
        place.long_panic(bytes);
        match wrong {
            None => configure(&place, &server, "ca_file = \"ca.pem\"\n"),
            Some(other) => {
                other.sign().put(&place, "own");
                configure(&place, &server, OWN);
            }
        }
        let running = place.follow();
        until("a complaint", || place.stderr().contains("until it accepts us"));
        assert!(place.stderr().contains("TLS: received fatal alert"), "{}", place.stderr());
        assert!(server.requests().is_empty() && place.dead().is_empty());
        if wrong.is_some() {
            // The files are read again, and nothing was lost meanwhile.
            authority.sign().put(&place, "own");
            until("the record", || !server.taken().is_empty());
            running.stop();
        } else {
            running.stop();
            authority.sign().put(&place, "own");
            configure(&place, &server, OWN);
            let (status, err) = place.once();
            assert_eq!(status, 0, "{err}");
        }
        place.assert_complete(&server.taken(), &[]);
        assert_eq!(server.taken().len(), 1);
    }
}

pub(crate) fn a_server_that_another_authority_vouches_for_is_not_believed() {
    let (authority, other) = (Authority::new(), Authority::new());
    let mut place = Place::new();
    place.panics(3);
    let server = Server::start_tls(authority.server(), |_, _| Act::status(200));
    authority.sign().put(&place, "own");
    place.put("ca.pem", &other.pem());
    configure(&place, &server, OWN);
    let running = place.follow();
    until("a complaint", || place.stderr().contains("until it accepts us"));
    assert!(place.stderr().contains("TLS: invalid peer certificate: "), "{}", place.stderr());
    assert!(server.requests().is_empty());
    place.put("ca.pem", &authority.pem());
    until("the records", || !server.taken().is_empty());
    running.stop();
    place.assert_complete(&server.taken(), &[]);
    // The certificates of the system do not know the authority either.
    place.panics(1);
    configure(&place, &server, "cert_file = \"own.pem\"\nkey_file = \"own.key\"\n");
    let running = place.follow();
    until("a complaint", || place.stderr().contains("until it accepts us"));
    assert_eq!(server.taken().len(), 1);
    drop(running);
}

pub(crate) fn files_that_cannot_be_used_are_errors_that_show_no_key() {
    let place = Place::new();
    let authority = Authority::new();
    let (own, other) = (authority.sign(), authority.sign());
    own.put(&place, "own");
    other.put(&place, "other");
    place.put("ca.pem", &authority.pem());
    place.put("empty.pem", "nothing\n");
    place.put("torn.key", "-----BEGIN PRIVATE KEY-----\nhunter2\n");
    place.put(
        "locked.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let secret = own.key.serialize_pem();
    let secret = secret.lines().nth(1).expect("the key");
    let inline = format!("cert_file = \"own.pem\"\nkey_file = \"\"\"\n{}\"\"\"\n", own.key.serialize_pem());
    let pair = |cert: &str, key: &str| format!("cert_file = \"{cert}\"\nkey_file = \"{key}\"\n");
    for (keys, expected) in [
        (pair("own.pem", "none.key"), "`key_file`: cannot read `none.key`: No such file"),
        (pair("none.pem", "own.key"), "`cert_file`: cannot read `none.pem`: No such file"),
        (pair("empty.pem", "own.key"), "`cert_file`: there is no certificate in it"),
        (pair("own.pem", "own.pem"), "`key_file`: there is no private key in it"),
        (pair("own.pem", "torn.key"), "`key_file`: there is no private key in it"),
        (pair("own.pem", "locked.key"), "`key_file`: this key needs a passphrase"),
        (pair("own.pem", "other.key"), "`key_file`: it does not go with the certificate in `cert_file`"),
        ("ca_file = \"own.key\"\n".to_owned(), "`ca_file`: there is no certificate in it"),
        ("cert_file = \"own.pem\"\n".to_owned(), "this needs `key_file`, too"),
        ("key_file = \"own.key\"\n".to_owned(), "this needs `cert_file`, too"),
        (inline, "`key_file`: this is what belongs into the file"),
    ] {
        place.configure(&format!(
            "kind = \"http\"\nurl = \"https://localhost:1/\"\nca_file = \"ca.pem\"\n{keys}"
        ));
        if keys.starts_with("ca_file") {
            place.configure(&format!("kind = \"http\"\nurl = \"https://localhost:1/\"\n{keys}"));
        }
        let output = place.command(&["--check"]).output().expect("the tool runs");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{err}");
        assert!(err.contains(expected) && err.contains("ship.toml:"), "{err}\nshould have: {expected}");
        assert!(!err.contains(secret) && !err.contains("hunter2"), "{err}");
    }
    place.configure("kind = \"http\"\nurl = \"http://localhost:1/\"\nca_file = \"ca.pem\"\n");
    let output = place.command(&["--check"]).output().expect("the tool runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("does not begin with `https://`"));
    place.configure(&format!("kind = \"http\"\nurl = \"https://localhost:1/\"\n{OWN}"));
    let output = place.command(&["--check"]).output().expect("the tool runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

/// A proxy that makes tunnels for whoever has the password; the requests for them.
fn proxy(tunnels: Arc<AtomicUsize>) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (all, tunnels) = (Arc::clone(&all), Arc::clone(&tunnels));
            std::thread::spawn(move || tunnel(stream, &all, &tunnels));
        }
    });
    (address, asked)
}

fn tunnel(stream: TcpStream, asked: &Mutex<Vec<String>>, tunnels: &AtomicUsize) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    asked.lock().expect("no test died here").push(head.clone());
    let mut out = &stream;
    // `user:new-hunter2`.
    if !head.contains("Proxy-Authorization: Basic dXNlcjpuZXctaHVudGVyMg==") {
        return write!(out, "HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n");
    }
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let server = TcpStream::connect(&target)?;
    write!(out, "HTTP/1.1 200 OK\r\n\r\n")?;
    tunnels.fetch_add(1, Ordering::Relaxed);
    let (mut from, mut to) = (server.try_clone()?, stream.try_clone()?);
    std::thread::spawn(move || std::io::copy(&mut from, &mut to));
    std::io::copy(&mut reader, &mut &server).map(drop)
}

pub(crate) fn a_proxy_is_gone_through_with_its_password_and_not_without() {
    let authority = Authority::new();
    let mut place = Place::new();
    place.panics(3);
    let server = Server::start_tls(authority.server(), |_, _| Act::status(200));
    authority.sign().put(&place, "own");
    place.put("ca.pem", &authority.pem());
    place.put("proxy", "user:old-hunter2\n");
    let tunnels = Arc::new(AtomicUsize::new(0));
    let (address, asked) = proxy(Arc::clone(&tunnels));
    let through = format!("{OWN}proxy = \"http://{address}\"\nproxy_auth_file = \"proxy\"\n");
    configure(&place, &server, &through);
    let running = place.follow();
    until("a complaint", || place.stderr().contains("until it accepts us"));
    assert!(place.stderr().contains("407") && !place.stderr().contains("hunter2"), "{}", place.stderr());
    assert_eq!((tunnels.load(Ordering::Relaxed), server.requests().len()), (0, 0));
    place.put("proxy", "user:new-hunter2\n");
    until("the records", || !server.taken().is_empty());
    running.stop();
    place.assert_complete(&server.taken(), &[]);
    assert!(tunnels.load(Ordering::Relaxed) == 1 && !asked.lock().expect("requests").is_empty());
    // By the environment, unless the configuration says otherwise.
    for (more, expected) in [("", 2), ("proxy = \"none\"\n", 2)] {
        place.panics(1);
        configure(&place, &server, &format!("{OWN}{more}"));
        let mut command = place.command(&["--once"]);
        command.env("HTTPS_PROXY", format!("http://user:new-hunter2@{address}"));
        assert_eq!(command.output().expect("the tool runs").status.code(), Some(0));
        assert_eq!(tunnels.load(Ordering::Relaxed), expected, "{more}");
    }
    place.assert_complete(&server.taken(), &[]);
    place.configure(
        "kind = \"http\"\nurl = \"http://localhost:1/\"\nproxy = \"http://me:hunter2@localhost:1\"\n",
    );
    let output = place.command(&["--check"]).output().expect("the tool runs");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(err.contains("belong into `proxy_auth_file`") && !err.contains("hunter2"), "{err}");
    let written = fs::read_to_string(place.path("stderr")).expect("what it said");
    assert!(!written.contains("hunter2"), "{written}");
}
