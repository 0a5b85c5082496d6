//! The two servers: axum, and bare hyper.
//!
//! Runs on: the runtime of the test. Must not: know which requests panic.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::error_handling::HandleErrorLayer;
use axum::extract::MatchedPath;
use axum::http::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use panic_agent::tower::RecoverLayer;
use tokio::net::TcpListener;
use tower::ServiceExt as _;
use tower_layer::Layer as _;

use super::handlers::{Shared, handle};

/// What a timeout outside of the layer allows.
const SHORT: Duration = Duration::from_millis(1);

fn layer() -> RecoverLayer {
    RecoverLayer::new()
        .deadline_header("x-wait-ms".parse().unwrap())
        .retry_after(Duration::from_secs(7))
        .path(|extensions| extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned()))
}

pub(crate) async fn serve_axum(shared: Arc<Shared>, listener: TcpListener) {
    let handler = move |request: axum::extract::Request| handle(shared.clone(), request);
    let route = axum::routing::get(handler);
    // An error of the timeout, made an answer as axum asks for.
    let timeout = (
        HandleErrorLayer::new(async |_: tower::BoxError| StatusCode::GATEWAY_TIMEOUT),
        tower::timeout::TimeoutLayer::new(SHORT),
    );
    let timed = axum::Router::new().route("/timed/{number}", route.clone()).layer(layer()).layer(timeout);
    let router = axum::Router::new().route("/work/{number}", route).layer(layer()).merge(timed);
    axum::serve(listener, router).await.unwrap();
}

pub(crate) async fn serve_hyper(shared: Arc<Shared>, listener: TcpListener) {
    let inner = layer().layer(Handler(shared));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let inner = inner.clone();
        let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
            let is_timed = request.uri().path().starts_with("/timed");
            let answer = inner.clone().oneshot(request);
            async move {
                if !is_timed {
                    return answer.await.map(|response| response.map(Body::new));
                }
                match tokio::time::timeout(SHORT, answer).await {
                    Ok(answer) => answer.map(|response| response.map(Body::new)),
                    Err(_) => {
                        let mut response = Response::new(Body::empty());
                        *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
                        Ok(response)
                    }
                }
            }
        });
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
