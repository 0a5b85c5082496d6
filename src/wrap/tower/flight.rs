//! One request while it is served: its labels, its deadline, and whether it is over.
//!
//! Runs on: threads that serve requests. Must not: allocate more than once for a request.

use std::time::{Duration, Instant};

use http::header::HeaderName;
use http::{Extensions, HeaderMap, Request};

use super::Situation;
use crate::capture::labels::TraceContext;
use crate::capture::labels::request::Request as Open;
use crate::capture::labels::scope::Scope;
use crate::wrap::CancelToken;

/// When the answer to a request is no longer wanted: an extension of the request, for layers that know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub Instant);

/// Where the path of a request is read from.
pub(super) type PathOf = dyn Fn(&Extensions) -> Option<String> + Send + Sync;

/// What is read from every request.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) deadline: Option<Duration>,
    /// A header with milliseconds.
    pub(super) deadline_header: Option<HeaderName>,
    pub(super) path: Option<Box<PathOf>>,
}

/// One request.
pub(super) struct Flight {
    pub(super) scope: Scope,
    open: Option<Open>,
    deadline: Option<Instant>,
    token: Option<CancelToken>,
}

impl Flight {
    pub(super) fn new<B>(request: &Request<B>, reading: &Reading) -> Self {
        let mut scope = Scope::inherit();
        scope.push("http_method", request.method().as_str());
        match reading.path.as_ref().and_then(|path| path(request.extensions())) {
            Some(path) => scope.push("http_path", &path),
            None => scope.push("http_path", request.uri().path()),
        }
        let headers = request.headers();
        if let Some(id) = text(headers, "x-request-id") {
            scope.push("request_id", id);
        }
        if let Some(context) = text(headers, "traceparent").and_then(|text| TraceContext::parse(text).ok()) {
            scope.push("trace_id", context.trace_id());
            scope.push("span_id", context.span_id());
        }
        let open = Open::open();
        scope.work_for(open.ticket());
        let told =
            reading.deadline_header.as_ref().and_then(|name| text(headers, name.as_str())?.parse().ok());
        let limits = [reading.deadline, told.map(Duration::from_millis)];
        let extension = request.extensions().get::<Deadline>().map(|deadline| deadline.0);
        let deadline = if extension.is_none() && limits == [None; 2] {
            None
        } else {
            let now = Instant::now();
            limits.into_iter().flatten().filter_map(|limit| now.checked_add(limit)).chain(extension).min()
        };
        let token = request.extensions().get::<CancelToken>().cloned();
        Self { scope, open: Some(open), deadline, token }
    }

    /// How it stands with the request.
    pub(super) fn situation(&self) -> Situation {
        if self.token.as_ref().is_some_and(CancelToken::is_cancelled) {
            Situation::Cancelled
        } else if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            Situation::Expired
        } else {
            Situation::Awaited
        }
    }

    /// The request is over: panics from here on are late.
    pub(super) fn close(&mut self) {
        self.open = None;
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
