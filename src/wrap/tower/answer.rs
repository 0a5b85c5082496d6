//! What the client gets for a panic.
//!
//! Runs on: threads that serve requests. Must not: tell the client what went wrong unless the program says so.

use core::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};

use crate::probe::Catcher;
use crate::wrap::Caught;
use crate::wrap::catch::guard;

/// The state of a request when its handler panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Situation {
    /// The client was waiting for the response.
    Awaited,
    /// The request had been cancelled, by its [`CancelToken`](crate::task::CancelToken) extension or by the token of
    /// [`cancelled_by`](super::RecoverLayer::cancelled_by).
    Cancelled,
    /// Its deadline had passed, or an inner layer had timed out: it had answered 408, 503 or 504 when the destructor of the
    /// handler panicked.
    Expired,
}

/// Makes the answer itself.
type Respond = dyn Fn(&Caught, Situation) -> Response<Bytes> + Send + Sync;

/// The program's choices.
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) retry_after: Option<Duration>,
    pub(super) respond: Option<Box<Respond>>,
}

impl Default for Answer {
    fn default() -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        Self { headers, body: Bytes::new(), retry_after: None, respond: None }
    }
}

impl Answer {
    /// The answer to a request whose handler panicked. The panic counts as read: the client is told of it.
    pub(super) fn to(&self, caught: &Caught, situation: Situation) -> Response<Bytes> {
        caught.read();
        if let Some(respond) = &self.respond {
            let here = core::panic::Location::caller();
            match guard(Catcher::Tower, here, || respond(caught, situation)) {
                Ok(response) => return response,
                Err(also) => also.read(),
            }
        }
        let status = match situation {
            Situation::Awaited => StatusCode::INTERNAL_SERVER_ERROR,
            Situation::Cancelled | Situation::Expired => StatusCode::SERVICE_UNAVAILABLE,
        };
        let body = if self.body.is_empty() {
            Bytes::from_static(status.canonical_reason().unwrap_or_default().as_bytes())
        } else {
            self.body.clone()
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().extend(self.headers.clone());
        if let Some(wait) = self.retry_after.filter(|_| status == StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        response
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("headers", &self.headers)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
