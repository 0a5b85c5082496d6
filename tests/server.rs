//! Real servers (axum, and bare hyper) and a real hyper client: two hundred requests in flight, one in ten panicking
//! in some way. Each panic is reported once, with the labels of its own request; nobody else is disturbed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Frame};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use panic_agent::tower::RecoverLayer;
use panic_agent::{Agent, MemorySink};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, mpsc};
use tower_layer::Layer as _;

const REQUESTS: usize = 200;
const KINDS: [&str; 7] = ["early", "body", "expired", "gone", "locked", "child", "outlived"];

/// How a request of this number panics, if it does.
fn kind(number: usize) -> Option<&'static str> {
    number.is_multiple_of(10).then(|| KINDS[number / 10 % KINDS.len()])
}

/// What the handlers of one server share with the test.
struct Shared {
    /// All requests are in their handlers.
    together: Barrier,
    /// Requests that wait for their client to go.
    waiting: mpsc::UnboundedSender<usize>,
    /// Ends of what outlives its request.
    ended: mpsc::UnboundedSender<()>,
}

/// Panics when it is dropped.
struct Last(String);

impl Drop for Last {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

async fn handle(shared: Arc<Shared>, request: Request<impl Send>) -> Response<Body> {
    let number: usize = request.uri().path().rsplit('/').next().unwrap().parse().unwrap();
    if number < REQUESTS {
        shared.together.wait().await;
    }
    let Some(kind) = kind(number).filter(|_| number < REQUESTS) else {
        return Response::new(Body::from(format!("answer {number}")));
    };
    let message = format!("{kind} {number}");
    match kind {
        "early" | "expired" => panic!("{message}"),
        "body" => {
            let first = Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from_static(b"half of it")));
            let (mut first, mut flushes) = (Some(first), 2);
            let body = http_body_util::StreamBody::new(Frames(move || {
                if let Some(first) = first.take() {
                    return Some(first);
                }
                // The server writes what it has when nothing more is ready.
                flushes -= 1;
                assert!(flushes >= 0, "{message}");
                None
            }));
            Response::new(Body::new(body))
        }
        "gone" => {
            let _last = Last(message);
            let _sent = shared.waiting.send(number);
            std::future::pending().await
        }
        "locked" => {
            let lock = Arc::new(Mutex::new(0));
            let _guard = lock.lock().unwrap();
            panic!("{message}");
        }
        "child" => {
            let child = panic_agent::tokio::spawn(async move { panic!("{message}") });
            let error = child.await.map(|(): ()| ()).unwrap_err();
            let mut response = Response::new(Body::from(error.to_string()));
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response
        }
        _ => {
            let (over, is_over) = tokio::sync::oneshot::channel::<()>();
            let ended = shared.ended.clone();
            drop(panic_agent::tokio::spawn(async move {
                let _ended = ended;
                // Until the body of the response is gone.
                let _closed = is_over.await;
                // The body is one of the last things of a request to go, but not the last.
                tokio::task::yield_now().await;
                panic!("{message}")
            }));
            let mut over = Some(over);
            let body = http_body_util::StreamBody::new(Frames(move || {
                let _kept = &mut over;
                Some(Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from_static(b"on its way"))))
            }));
            Response::new(Body::new(http_body_util::Limited::new(One(Some(body)), 1000)))
        }
    }
}

/// A stream of frames that a function makes; `None` stands for later.
struct Frames<F>(F);

impl<F: FnMut() -> Option<T> + Unpin, T> futures_core::Stream for Frames<F> {
    type Item = T;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<T>> {
        match (self.0)() {
            Some(item) => std::task::Poll::Ready(Some(item)),
            None => {
                context.waker().wake_by_ref();
                std::task::Poll::Pending
            }
        }
    }
}

/// The first frame of a body, which is kept until this is dropped.
struct One<B>(Option<B>);

impl<B: hyper::body::Body<Data = Bytes> + Unpin> hyper::body::Body for One<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Some(mut body) = self.0.take() else { return std::task::Poll::Ready(None) };
        std::pin::Pin::new(&mut body).poll_frame(context)
    }
}

/// What a client got.
#[derive(Debug)]
enum Got {
    Answer(StatusCode, String),
    /// The connection ended in the middle of the body.
    Broken(StatusCode),
    /// The client went first.
    Left,
}

async fn request(
    address: SocketAddr,
    number: usize,
    leave: Option<tokio::sync::oneshot::Receiver<()>>,
) -> Got {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut builder = Request::get(format!("/work/{number}")).header("x-request-id", format!("r{number}"));
    if kind(number) == Some("expired") {
        builder = builder.header("x-wait-ms", "0");
    }
    let trace = format!("00-{:032x}-{:016x}-01", number + 1, number + 1);
    let response = sender.send_request(
        builder.header("host", "test").header("traceparent", trace).body(Empty::<Bytes>::new()).unwrap(),
    );
    if let Some(leave) = leave {
        let response = tokio::spawn(response);
        leave.await.unwrap();
        connection.abort();
        response.abort();
        return Got::Left;
    }
    let response = response.await.unwrap();
    let status = response.status();
    match response.into_body().collect().await {
        Ok(body) => Got::Answer(status, String::from_utf8(body.to_bytes().to_vec()).unwrap()),
        Err(_) => Got::Broken(status),
    }
}

fn layer() -> RecoverLayer {
    RecoverLayer::new()
        .deadline_header("x-wait-ms".parse().unwrap())
        .retry_after(Duration::from_secs(7))
        .path(|extensions| extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned()))
}

async fn serve_axum(shared: Arc<Shared>, listener: TcpListener) {
    let handler = move |request: axum::extract::Request| handle(shared.clone(), request);
    let router = axum::Router::new().route("/work/{number}", axum::routing::get(handler)).layer(layer());
    axum::serve(listener, router).await.unwrap();
}

async fn serve_hyper(shared: Arc<Shared>, listener: TcpListener) {
    let service = layer().layer(Handler(shared));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(service.clone());
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        drop(tokio::spawn(async move { connection.await.ok() }));
    }
}

/// The handler as a service, for hyper.
#[derive(Clone)]
struct Handler(Arc<Shared>);

impl tower_service::Service<Request<hyper::body::Incoming>> for Handler {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<hyper::body::Incoming>) -> Self::Future {
        let shared = self.0.clone();
        Box::pin(async move { Ok(handle(shared, request).await) })
    }
}

/// Sends every request at once and looks at every answer.
async fn storm<S>(server: impl FnOnce(Arc<Shared>, TcpListener) -> S)
where
    S: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (waiting, mut is_waiting) = mpsc::unbounded_channel();
    let (ended, mut all_ended) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared { together: Barrier::new(REQUESTS), waiting, ended });
    let server = tokio::spawn(server(shared.clone(), listener));
    let mut leavers = BTreeMap::new();
    let clients: Vec<_> = (0..REQUESTS)
        .map(|number| {
            let leave = (kind(number) == Some("gone")).then(|| {
                let (leave, told) = tokio::sync::oneshot::channel();
                leavers.insert(number, leave);
                told
            });
            tokio::spawn(request(address, number, leave))
        })
        .collect();
    while !leavers.is_empty() {
        let number = is_waiting.recv().await.unwrap();
        leavers.remove(&number).unwrap().send(()).unwrap();
    }
    let mut answers = [0; 4];
    for (number, client) in clients.into_iter().enumerate() {
        let got = client.await.unwrap();
        match (kind(number), &got) {
            (None, Got::Answer(StatusCode::OK, text)) if *text == format!("answer {number}") => {
                answers[0] += 1
            }
            (Some("early" | "locked"), Got::Answer(StatusCode::INTERNAL_SERVER_ERROR, text))
                if text == "Internal Server Error" =>
            {
                answers[1] += 1
            }
            (Some("expired"), Got::Answer(StatusCode::SERVICE_UNAVAILABLE, _)) => answers[1] += 1,
            (Some("child"), Got::Answer(StatusCode::BAD_GATEWAY, text)) => {
                assert!(text.ends_with(&format!("child {number}")), "{text}");
                answers[1] += 1;
            }
            (Some("body"), Got::Broken(StatusCode::OK)) => answers[2] += 1,
            (Some("gone"), Got::Left) => answers[2] += 1,
            (Some("outlived"), Got::Answer(StatusCode::OK, text)) if text == "on its way" => answers[3] += 1,
            (kind, got) => panic!("request {number} ({kind:?}) got {got:?}"),
        }
    }
    println!("undisturbed {}, told {}, cut {}, outlived {}", answers[0], answers[1], answers[2], answers[3]);
    // What outlives its request holds a sender; the server's own goes with the server, which still serves.
    let last = request(address, REQUESTS + 1, None).await;
    assert!(matches!(last, Got::Answer(StatusCode::OK, _)), "{last:?}");
    // Panics without an answer come a little after the clients: wait for their reports.
    let expected = (0..REQUESTS).filter(|number| kind(*number).is_some()).count();
    let before = PANICS.load(std::sync::atomic::Ordering::Relaxed) as u64;
    tokio::time::timeout(Duration::from_secs(60), async {
        while panic_agent::stats().panics < before + expected as u64 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    PANICS.fetch_add(expected, std::sync::atomic::Ordering::Relaxed);
    server.abort();
    drop(shared);
    all_ended.close();
}

/// Panics of the storms so far.
static PANICS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

#[test]
fn every_panic_is_reported_once_with_the_labels_of_its_request_and_nobody_else_is_disturbed() {
    let sink = MemorySink::new();
    let lines = sink.clone();
    let agent =
        Agent::builder().sink(sink).flush_deadline(Duration::from_secs(120)).slots(1024).install().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(storm(serve_axum));
    assert!(agent.flush(Duration::from_secs(120)));
    let axum = panics_of(&lines, 0);
    check(&axum, "/work/{number}");
    runtime.block_on(storm(serve_hyper));
    assert!(agent.flush(Duration::from_secs(120)));
    check(&panics_of(&lines, axum.len()), "");
}

fn panics_of(lines: &MemorySink, skip: usize) -> Vec<Value> {
    let lines = lines.lines().into_iter().map(|line| serde_json::from_str::<Value>(&line).unwrap());
    lines.filter(|line| line["kind"] == "panic").skip(skip).collect()
}

fn check(panics: &[Value], route: &str) {
    let mut seen = BTreeMap::new();
    for panic in panics {
        let message = panic["message"].as_str().unwrap();
        let (kind, number) = message.split_once(' ').unwrap();
        let number: usize = number.parse().unwrap();
        assert_eq!(self::kind(number), Some(kind));
        let labels = &panic["labels"];
        assert_eq!(labels["request_id"], format!("r{number}"), "{message}");
        assert_eq!(labels["trace_id"], format!("{:032x}", number + 1));
        assert_eq!(labels["http_method"], "GET");
        let path = if route.is_empty() { format!("/work/{number}") } else { route.to_owned() };
        assert_eq!(labels["http_path"], path);
        assert_eq!(labels.get("tokio_task").is_some(), matches!(kind, "child" | "outlived"), "{message}");
        assert_eq!(panic["late"], matches!(kind, "gone" | "outlived"), "{message}");
        assert!(seen.insert(number, kind.to_owned()).is_none(), "{message} is reported once");
    }
    let expected = (0..REQUESTS).filter_map(|number| Some((number, kind(number)?.to_owned()))).collect();
    assert_eq!(seen, expected);
}
