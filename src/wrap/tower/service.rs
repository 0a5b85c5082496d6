//! The layer and its service.
//!
//! Runs on: threads that serve requests. Must not: cost more than a microsecond for a request that does not panic.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::error::Error;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Extensions, Request, Response, StatusCode};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::answer::Answer;
use super::flight::{Flight, Reading};
use super::{RecoverBody, Situation};
use crate::probe::Catcher;
use crate::wrap::Caught;
use crate::wrap::cancel::CancelToken;
use crate::wrap::catch::guard;
use crate::wrap::future::CatchPanic;

/// What a timeout layer further in answers when it gives a handler up, whose destructors may panic then.
const GIVEN_UP: [StatusCode; 3] =
    [StatusCode::REQUEST_TIMEOUT, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];

/// Turns panics of a service into responses; see the [module](self::super).
#[derive(Clone, Debug)]
pub struct RecoverLayer {
    settings: Arc<Settings>,
}

struct Settings {
    answer: Answer,
    reading: Reading,
    call: &'static Location<'static>,
}

impl RecoverLayer {
    /// A layer with the defaults: the body is the status in words, and the only deadline is that of a
    /// [`Deadline`](super::Deadline) extension.
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "the place of the call is kept")]
    pub fn new() -> Self {
        let call = Location::caller();
        Self { settings: Arc::new(Settings { answer: Answer::default(), reading: Reading::default(), call }) }
    }

    /// Sets the body of the response to a panic.
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        self.with(|settings| settings.answer.body = body.into())
    }

    /// Adds a header to the response to a panic. `content-type` is set unless you set it here.
    pub fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        self.with(|settings| _ = settings.answer.headers.insert(name, value))
    }

    /// Sets the header `retry-after` of a 503, in whole seconds.
    pub fn retry_after(self, wait: Duration) -> Self {
        self.with(|settings| settings.answer.retry_after = Some(wait))
    }

    /// Builds the whole response. If `answer` panics, the default response is sent.
    pub fn respond_with(
        self,
        respond: impl Fn(&Caught, Situation) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Self {
        self.with(|settings| settings.answer.respond = Some(Box::new(respond)))
    }

    /// How long a client waits for a response. It only decides between 500 and 503; no request is cut short.
    pub fn deadline(self, limit: Duration) -> Self {
        self.with(|settings| settings.reading.deadline = Some(limit))
    }

    /// A request header with the time that the client waits: a number of milliseconds, or a number with a unit as in
    /// `grpc-timeout` (`H`, `M`, `S`, `m`, `u`, `n`). Any other value is ignored.
    pub fn deadline_header(self, name: HeaderName) -> Self {
        self.with(|settings| settings.reading.deadline_header = Some(name))
    }

    /// Adds a [`CancelToken`] extension to every request that has none. It is cancelled when the request is over (the client
    /// has gone, or has its response), and reads as cancelled after the deadline. A panic after the cancellation becomes 503.
    /// Costs two allocations per request.
    pub fn cancel_token(self) -> Self {
        self.with(|settings| settings.reading.cancel = true)
    }

    /// A token for all requests, such as the shutdown token of a server. Once it is cancelled, panics become 503.
    pub fn cancelled_by(self, token: CancelToken) -> Self {
        self.with(|settings| settings.reading.cancelled_by = Some(token))
    }

    /// Takes the label `http_path` from an extension of the request, such as axum's `MatchedPath`. Default: the path of the
    /// request.
    pub fn path(self, path: impl Fn(&Extensions) -> Option<String> + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.reading.path = Some(Box::new(path)))
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        // A layer that was cloned before keeps its settings; one under construction has no clones.
        if let Some(settings) = Arc::get_mut(&mut self.settings) {
            change(settings);
        } else {
            debug_assert!(false, "change a `RecoverLayer` before it is cloned");
        }
        self
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("answer", &self.answer).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for RecoverLayer {
    type Service = Recover<S>;

    fn layer(&self, inner: S) -> Recover<S> {
        Recover { inner, settings: self.settings.clone() }
    }
}

/// A service whose panics become responses.
#[derive(Clone, Debug)]
pub struct Recover<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S, A, B> Service<Request<A>> for Recover<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Response = Response<RecoverBody<B>>;
    type Error = S::Error;
    type Future = RecoverFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<A>) -> Self::Future {
        let settings = self.settings.clone();
        let mut flight = Flight::new(&mut request, &settings.reading);
        let called = {
            let _entered = flight.scope.enter();
            guard(Catcher::Tower, settings.call, || self.inner.call(request))
        };
        let (inner, caught) = match called {
            Ok(future) => (Some(CatchPanic::new(future, Catcher::Tower, settings.call)), None),
            Err(caught) => (None, Some(caught)),
        };
        RecoverFuture { inner, caught, flight: Some(flight), settings }
    }
}

pin_project! {
    /// The future of [`Recover`].
    #[must_use = "futures do nothing unless they are polled"]
    pub struct RecoverFuture<F> {
        #[pin]
        inner: Option<CatchPanic<F>>,
        // A panic of `call` itself.
        caught: Option<Caught>,
        // Goes to the body.
        flight: Option<Flight>,
        settings: Arc<Settings>,
    }

    impl<F> PinnedDrop for RecoverFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(flight) = this.flight.as_mut() {
                // The client has gone, or a layer further out has given up.
                flight.close();
                let _entered = flight.scope.enter();
                this.inner.set(None);
            }
        }
    }
}

impl<F, B, E> Future for RecoverFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = Result<Response<RecoverBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut gave_up = false;
        let polled = match (this.inner.as_pin_mut(), this.flight.as_mut()) {
            (Some(inner), Some(flight)) => {
                let _entered = flight.scope.enter();
                let note = |made: &F::Output| {
                    gave_up = made.as_ref().is_ok_and(|response| GIVEN_UP.contains(&response.status()));
                };
                ready!(inner.poll_noted(context, note))
            }
            _ => match this.caught.take() {
                Some(caught) => Err(caught),
                // Polled after it was done.
                None => return Poll::Pending,
            },
        };
        let Some(mut flight) = this.flight.take() else { return Poll::Pending };
        let call = this.settings.call;
        Poll::Ready(match polled {
            Ok(Ok(response)) => Ok(response.map(|body| RecoverBody::new(body, flight, call))),
            Ok(Err(error)) => Err(error),
            Err(caught) => {
                let situation = match flight.situation(this.settings.reading.cancelled_by.as_ref()) {
                    Situation::Awaited if gave_up => Situation::Expired,
                    situation => situation,
                };
                let _entered = flight.scope.enter();
                Ok(this.settings.answer.to(&caught, situation).map(|bytes| RecoverBody::answer(bytes, call)))
            }
        })
    }
}

impl<F> fmt::Debug for RecoverFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoverFuture { .. }")
    }
}
