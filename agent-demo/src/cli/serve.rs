//! `agent-demo serve`: an HTTP server whose handlers panic in every way that the tower layer knows.
//!
//! Runs on: the main thread and a runtime's. Must not: listen to anything but this machine unless told to.

mod orders;
mod supervise;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Path};
use axum::http::StatusCode;
use axum::routing::get;
use futures_util::stream;
use panic_agent::tower::RecoverLayer;

use self::orders::Orders;
use super::{Failure, print};

/// Options of the server.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8017")]
    address: SocketAddr,
    /// Start the server in a process of its own, and again when a part of it has died unseen.
    #[arg(long)]
    supervise: bool,
}

/// Serves until the process is ended.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    if arguments.supervise {
        return supervise::run(arguments.address);
    }
    let _agent = panic_agent::init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|why| Failure::new("cannot start a runtime", why))?;
    let orders = Orders::start().map_err(|why| Failure::new("cannot start the thread for orders", why))?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(arguments.address)
            .await
            .map_err(|why| Failure::new(format_args!("cannot listen on {}", arguments.address), why))?;
        let address =
            listener.local_addr().map_err(|why| Failure::new("the listener has no address", why))?;
        print(format_args!(
            "http://{address}/  try /fine, /early, /late-answer, /locked, /body, /left, /child; /order/3, /order/three, /total, /health; reports: panics.jsonl"
        ))?;
        axum::serve(listener, router(orders)).await.map_err(|why| Failure::new("cannot serve", why))?;
        Ok(ExitCode::SUCCESS)
    })
}

fn router(orders: Orders) -> Router {
    let total = orders.clone();
    let layer = RecoverLayer::new()
        .deadline(Duration::from_millis(500))
        .retry_after(Duration::from_secs(1))
        .path(|extensions| extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned()));
    Router::new()
        .route("/fine", get(async || "fine\n"))
        .route("/early", get(early))
        .route("/late-answer", get(late_answer))
        .route("/locked", get(locked))
        .route("/body", get(body))
        .route("/left", get(left))
        .route("/child", get(child))
        .route("/order/{pieces}", get(async move |Path(order): Path<String>| orders.place(order)))
        .route("/total", get(async move || format!("{}\n", total.total())))
        .route("/health", get(health))
        .layer(layer)
}

/// What a supervisor or a load balancer asks.
async fn health() -> (StatusCode, String) {
    let health = panic_agent::stats().health();
    let status = if health.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, format!("{health}\n"))
}

async fn early() -> &'static str {
    panic!("before the response")
}

async fn late_answer() -> &'static str {
    tokio::time::sleep(Duration::from_millis(600)).await;
    panic!("after the deadline")
}

/// The lock is poisoned from the first request on, which the others do not mind.
async fn locked() -> &'static str {
    static LOCK: Mutex<()> = Mutex::new(());
    let _guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    panic!("with a lock held")
}

/// Half of it is on its way when the rest panics: the connection is aborted.
async fn body() -> Body {
    Body::from_stream(stream::unfold(true, async |is_first| {
        if is_first {
            return Some((Ok::<_, Infallible>("half of it\n"), false));
        }
        // The server sends what it has before it asks again.
        tokio::task::yield_now().await;
        panic!("in the body")
    }))
}

/// Waits for its client to go, and panics then.
async fn left() {
    struct Last;
    impl Drop for Last {
        fn drop(&mut self) {
            panic!("after the client has gone");
        }
    }
    let _last = Last;
    std::future::pending().await
}

async fn child() -> String {
    let child = panic_agent::tokio::spawn(async { panic!("in a child task") });
    match child.await {
        Ok(()) => "the child is fine\n".to_owned(),
        Err(error) => format!("{error}\n"),
    }
}
