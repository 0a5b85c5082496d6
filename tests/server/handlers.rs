//! The handler of every server: how each kind of request panics.
//!
//! Runs on: threads of the server's runtime. Must not: disturb requests that are to be answered.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use hyper::body::{Bytes, Frame};
use tokio::sync::{Barrier, mpsc};

use super::{REQUESTS, kind};

/// What the handlers of one server share with the test.
pub(crate) struct Shared {
    /// All requests are in their handlers.
    pub(crate) together: Barrier,
    /// Requests that wait for their client to go.
    pub(crate) waiting: mpsc::UnboundedSender<usize>,
    /// Requests that were answered well; poisoned by those that panic meanwhile.
    pub(crate) counted: Mutex<usize>,
}

/// Panics when it is dropped.
struct Last(String);

impl Drop for Last {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

pub(crate) async fn handle(shared: Arc<Shared>, request: Request<impl Send>) -> Response<Body> {
    let number: usize = request.uri().path().rsplit('/').next().unwrap().parse().unwrap();
    // Before the wait, because a timeout may end it.
    let last = (kind(number) == Some("timeout")).then(|| Last(format!("timeout {number}")));
    if number < REQUESTS {
        shared.together.wait().await;
    }
    let Some(kind) = kind(number).filter(|_| number < REQUESTS) else {
        *shared.counted.lock().unwrap_or_else(PoisonError::into_inner) += 1;
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
        "timeout" => {
            let _last = last;
            std::future::pending().await
        }
        "locked" => {
            let _guard = shared.counted.lock().unwrap_or_else(PoisonError::into_inner);
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
            drop(panic_agent::tokio::spawn(async move {
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
