//! Requests over HTTP: connections that are kept, one time limit for everything, credentials, compression.
//!
//! Runs on: the thread of a destination. Must not: follow a redirection, show a credential, or wait without a limit.

use std::cell::Cell;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use super::answer::Answer;
use super::config::{Keys, Secret, Text};
use super::proxy::Proxy;
use super::retry::{retry_after, sentry_limits};
use super::tls::{Tls, distrust};
use crate::failure::Failure;

/// A request takes this long at most, connecting and answering included.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What is read of an answer.
const MAX_ANSWER: u64 = 64 << 10;

/// Somebody who takes requests.
pub(crate) struct Http {
    agent: ureq::Agent,
    url: String,
    headers: Vec<(String, String)>,
    credentials: Vec<Credential>,
    gzip: bool,
    timeout: Duration,
    proxy: Proxy,
    /// `None`: nothing is encrypted.
    tls: Option<Tls>,
    /// The connection broke while a body was being sent over TLS: who refuses our certificate says so before the next body.
    asks_first: Cell<bool>,
}

/// A header with a secret in it.
#[derive(Debug)]
struct Credential {
    header: String,
    before: &'static str,
    secret: Secret,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// What a receiver asks for.
    pub(crate) after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

impl Http {
    /// Reads the keys that all destinations over HTTP have.
    pub(crate) fn open(keys: &Keys<'_>, gzip: bool) -> Result<Self, Failure> {
        let url = keys.needed("url", "`url = \"http://127.0.0.1:4318/v1/logs\"`")?;
        check_url(keys, &url)?;
        let mut http = Self::to(keys, url.text, gzip)?;
        for header in keys.texts("headers")? {
            let name = header.key.to_ascii_lowercase();
            if ["auth", "cookie", "key", "secret", "token"].iter().any(|word| name.contains(word)) {
                let why = "a secret does not belong here; use `token_file`, `token_env` or `secret_header`";
                return Err(keys.wrong(&header, why));
            }
            check_header(keys, &header)?;
            http.headers.push((header.key, header.text));
        }
        let header = keys.text("secret_header")?;
        if let Some(secret) = Secret::open(keys, "token_file", "token_env")? {
            let (header, before) = match header {
                Some(header) => (header.text, ""),
                None => ("Authorization".to_owned(), "Bearer "),
            };
            http.credentials.push(Credential { header, before, secret });
        } else if let Some(header) = header {
            return Err(keys.wrong(&header, "this header needs `token_file` or `token_env`, too"));
        }
        Ok(http)
    }

    /// The same for an address that is a secret in itself.
    pub(crate) fn to(keys: &Keys<'_>, url: String, gzip: bool) -> Result<Self, Failure> {
        let timeout = keys.duration("timeout", TIMEOUT)?;
        let gzip = keys.flag("gzip", gzip)?;
        let proxy = Proxy::open(keys)?;
        let why = "nothing is encrypted on the way to an address that does not begin with `https://`";
        let tls = Tls::open(keys, url.starts_with("https://"), why)?;
        let agent = agent(timeout, &proxy, tls.as_ref());
        let (headers, credentials, asks_first) = (Vec::new(), Vec::new(), Cell::new(false));
        Ok(Self { agent, url, headers, credentials, gzip, timeout, proxy, tls, asks_first })
    }

    /// Goes to another address from now on.
    pub(crate) fn redirect(&mut self, url: String) {
        self.url = url;
    }

    /// Whether a credential is another one now.
    pub(crate) fn refresh(&mut self) -> bool {
        let secrets = self
            .credentials
            .iter_mut()
            .fold(false, |changed, credential| credential.secret.refresh() | changed);
        let connection = self.tls.as_mut().is_some_and(Tls::refresh) | self.proxy.refresh();
        if connection {
            self.agent = agent(self.timeout, &self.proxy, self.tls.as_ref());
        }
        secrets | connection
    }

    /// A reply of any status; the answer where there is none.
    pub(crate) fn post(&self, kind: &str, body: &[u8], more: &[(&str, &str)]) -> Result<Reply, Answer> {
        let mut request = self.agent.post(&self.url).header("Content-Type", kind);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        for credential in &self.credentials {
            let value = format!("{}{}", credential.before, credential.secret.expose());
            request = request.header(&credential.header, value);
        }
        if self.asks_first.get() {
            request = request.header("Expect", "100-continue");
        }
        let sent = if self.gzip {
            let packed = packed(body).map_err(Answer::unreachable)?;
            request.header("Content-Encoding", "gzip").send(&packed[..])
        } else {
            request.send(body)
        };
        let mut response = sent.map_err(|error| self.failed(&error))?;
        self.asks_first.set(false);
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let after = header("Retry-After").and_then(|text| retry_after(text, Timestamp::now()));
        let after = after.max(header("X-Sentry-Rate-Limits").and_then(sentry_limits));
        let status = response.status().as_u16();
        let mut body = Vec::new();
        let read = response.body_mut().as_reader().take(MAX_ANSWER).read_to_end(&mut body);
        // Somebody who hangs up in the middle of an answer has perhaps not done what it says.
        if let Err(error) = read
            && (200..300).contains(&status)
        {
            return Err(Answer::unreachable(self.scrub(format!("the answer ended early: {error}"))));
        }
        Ok(Reply { status, after, body })
    }

    /// What it means that there is no reply.
    fn failed(&self, error: &ureq::Error) -> Answer {
        use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
        if let Some(why) = distrust(error).or_else(|| Proxy::refusal(error)) {
            return Answer::Blocked { why: self.scrub(why) };
        }
        let broke = [BrokenPipe, ConnectionAborted, ConnectionReset];
        if matches!(error, ureq::Error::Io(error) if broke.contains(&error.kind())) {
            self.asks_first.set(self.tls.is_some());
        }
        Answer::unreachable(self.scrub(error.to_string()))
    }

    /// What a reply means, where its body says nothing more.
    pub(crate) fn answer(&self, reply: Result<Reply, Answer>) -> Answer {
        match reply {
            Ok(reply) => {
                let text = self.scrub(String::from_utf8_lossy(&reply.body).into_owned());
                Answer::of_status(reply.status, reply.after, &text)
            }
            Err(answer) => answer,
        }
    }

    fn scrub(&self, text: String) -> String {
        self.credentials.iter().fold(text, |text, credential| credential.secret.scrub(text))
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

fn agent(timeout: Duration, proxy: &Proxy, tls: Option<&Tls>) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(timeout))
        .proxy(proxy.address())
        .user_agent(concat!("panic-agent/", env!("CARGO_PKG_VERSION")));
    #[cfg(feature = "tls")]
    let config = config.tls_config(Tls::for_http(tls));
    #[cfg(not(feature = "tls"))]
    let _no_tls = tls;
    config.build().into()
}

/// Compresses a body.
pub(crate) fn packed(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    packer.write_all(body)?;
    packer.finish()
}

fn check_url(keys: &Keys<'_>, url: &Text) -> Result<(), Failure> {
    let rest = match url.text.split_once("://") {
        Some(("http", rest)) => rest,
        Some(("https", rest)) if cfg!(feature = "tls") => rest,
        Some(("https", _)) => {
            let why =
                "this build has no TLS; build with `--features tls`, or send to a collector on this machine";
            return Err(keys.wrong(url, why));
        }
        _ => return Err(keys.wrong(url, "this is not an address; write `http://HOST:PORT/PATH`")),
    };
    if rest.split(['/', '?']).next().unwrap_or_default().contains('@') {
        let why =
            "a secret does not belong into the address; put it into a file and name that in `token_file`";
        return Err(keys.wrong(url, why));
    }
    Ok(())
}

fn check_header(keys: &Keys<'_>, header: &Text) -> Result<(), Failure> {
    let name = header.key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    let value = header.text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if name && value {
        Ok(())
    } else {
        Err(keys.wrong(header, "this is not a header; use letters, digits and `-`"))
    }
}
