//! A server, a client with one connection, handlers that panic, and what was reported of them.
//!
//! Runs on: the tests' threads and their runtimes. Must not: end a runtime while something is still to panic there.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::get;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use panic_agent::sink::MemorySink;
use panic_agent::{Agent, AgentGuard};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

pub(crate) const LONG: Duration = Duration::from_secs(60);

/// The agent of this process, and its lines.
pub(crate) fn agent() -> &'static (AgentGuard, MemorySink) {
    static AGENT: OnceLock<(AgentGuard, MemorySink)> = OnceLock::new();
    AGENT.get_or_init(|| {
        let sink = MemorySink::new();
        (Agent::builder().sink(sink.clone()).flush_deadline(LONG).install().unwrap(), sink)
    })
}

/// The one report of the panic with this message, and the last word on it; waits until `is_last` says so.
pub(crate) fn reported(message: &str, is_last: impl Fn(&Value) -> bool) -> (Value, Value) {
    let (_agent, lines) = agent();
    let started = Instant::now();
    loop {
        assert!(panic_agent::flush(LONG));
        let lines = lines.lines().into_iter().map(|line| serde_json::from_str::<Value>(&line).unwrap());
        let told: Vec<_> = lines.filter(|line| line["message"] == message).collect();
        let reports: Vec<_> = told.iter().filter(|line| line["kind"] == "panic").collect();
        assert!(reports.len() < 2, "reported once: {told:#?}");
        if let (Some(report), Some(last)) = (reports.first(), told.last().filter(|last| is_last(last))) {
            return ((*report).clone(), last.clone());
        }
        assert!(started.elapsed() < LONG, "what is awaited did not come: {told:#?}");
    }
}

/// Fate, handler and receipt.
pub(crate) fn word(line: &Value) -> [&str; 3] {
    [&line["fate"], &line["landing"]["kind"], &line["receipt"]].map(|word| word.as_str().unwrap_or("null"))
}

pub(crate) fn run(test: impl Future<Output = ()>) {
    agent();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

/// One connection to a server that serves this router.
pub(crate) async fn connected(router: Router) -> SendRequest<Empty<Bytes>> {
    connect(serve(router).await).await
}

pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(tokio::spawn(async move { axum::serve(listener, router).await }));
    address
}

pub(crate) async fn connect(address: SocketAddr) -> SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    drop(tokio::spawn(connection));
    sender
}

pub(crate) async fn ask(
    connection: &mut SendRequest<Empty<Bytes>>,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap, String) {
    connection.ready().await.unwrap();
    let mut request = Request::get(path).header("host", "test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = connection.send_request(request.body(Empty::new()).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

/// A handler that panics with this text.
pub(crate) fn panics(message: &'static str) -> axum::routing::MethodRouter {
    get(async move || -> &'static str { panic!("{message}") })
}

/// Panics when it is dropped.
pub(crate) struct Last(pub(crate) &'static str);

impl Drop for Last {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

/// Tells when it is dropped, by a panic or otherwise.
pub(crate) struct Tells(mpsc::UnboundedSender<()>);

impl Drop for Tells {
    fn drop(&mut self) {
        self.0.send(()).ok();
    }
}

/// A handler that never answers, leaves a child behind, and panics in its destructor; and who hears when the child
/// has ended.
pub(crate) fn stuck(
    message: &'static str,
    child: &'static str,
) -> (axum::routing::MethodRouter, mpsc::UnboundedReceiver<()>) {
    let (tell, told) = mpsc::unbounded_channel();
    let route = get(async move || -> &'static str {
        let (here, mut has_ended) = mpsc::channel::<()>(1);
        let tells = Tells(tell.clone());
        drop(panic_agent::tokio::spawn(async move {
            let _tells = tells;
            // Until the handler is gone, and with it the request.
            assert!(has_ended.recv().await.is_none());
            tokio::task::yield_now().await;
            panic!("{child}")
        }));
        let _here = here;
        let _last = Last(message);
        pending().await
    });
    (route, told)
}
