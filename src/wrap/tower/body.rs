//! The body of a response, whose panics end it with an error.
//!
//! Runs on: threads that serve requests. Must not: let a body that panicked look complete.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::error::Error;
use std::panic::Location;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::flight::Flight;
use crate::probe::Catcher;
use crate::wrap::Caught;
use crate::wrap::catch::guard;

pin_project! {
    /// The body of a response that went through [`Recover`](super::Recover).
    pub struct RecoverBody<B> {
        #[pin]
        inner: Option<B>,
        // The whole body of an answer to a panic.
        answer: Option<Bytes>,
        flight: Option<Flight>,
        call: &'static Location<'static>,
    }

    impl<B> PinnedDrop for RecoverBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let call = *this.call;
            if let Some(flight) = this.flight.as_mut() {
                flight.close();
                let _entered = flight.scope.enter();
                // Reported when it was raised; nobody is left to be told.
                drop(guard(Catcher::Tower, call, || this.inner.set(None)));
            }
        }
    }
}

impl<B> RecoverBody<B> {
    pub(super) fn new(inner: B, flight: Flight, call: &'static Location<'static>) -> Self {
        Self { inner: Some(inner), answer: None, flight: Some(flight), call }
    }

    pub(super) fn answer(bytes: Bytes, call: &'static Location<'static>) -> Self {
        let answer = Some(bytes).filter(|bytes| !bytes.is_empty());
        Self { inner: None, answer, flight: None, call }
    }
}

impl<B> Body for RecoverBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let mut this = self.project();
        if let Some(answer) = this.answer.take() {
            return Poll::Ready(Some(Ok(Frame::data(answer))));
        }
        let call = *this.call;
        let Some(flight) = this.flight.as_mut() else { return Poll::Ready(None) };
        let entered = flight.scope.enter();
        let polled = guard(Catcher::Tower, call, || match this.inner.as_mut().as_pin_mut() {
            Some(inner) => inner.poll_frame(context),
            None => Poll::Ready(None),
        });
        let mut caught = match polled {
            Ok(polled) => return polled.map(|frame| frame.map(|frame| frame.map_err(Into::into))),
            Err(caught) => caught,
        };
        if let Err(in_drop) = guard(Catcher::Tower, call, || this.inner.set(None)) {
            caught = caught.with(in_drop);
        }
        drop(entered);
        // The client is told, by the end of the connection.
        caught.read();
        *this.flight = None;
        Poll::Ready(Some(Err(Box::new(BodyPanicked(caught)))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Some(inner) => inner.is_end_stream(),
            // After a panic the error is still to be seen by whoever polls.
            None => self.answer.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.inner, &self.answer) {
            (Some(inner), _) => inner.size_hint(),
            (None, Some(answer)) => SizeHint::with_exact(answer.len() as u64),
            (None, None) => SizeHint::with_exact(0),
        }
    }
}

impl<B> fmt::Debug for RecoverBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoverBody { .. }")
    }
}

/// The body panicked after the response had started.
#[derive(Debug)]
pub struct BodyPanicked(Caught);

impl BodyPanicked {
    /// The panic.
    pub fn caught(&self) -> &Caught {
        &self.0
    }
}

impl fmt::Display for BodyPanicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body of the response {}", self.0)
    }
}

impl Error for BodyPanicked {}
