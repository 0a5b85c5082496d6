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
use crate::wrap::cancel::CancelToken;

/// The time after which the client no longer wants a response. Layers that know it set it as an extension of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub Instant);

/// A wait as a header says it: a number of milliseconds, or a number with the unit that gRPC gives it, such as
/// `250m` and `2S`.
fn wait(text: &str) -> Option<Duration> {
    let last = *text.as_bytes().last()?;
    let number = if last.is_ascii_digit() { text } else { text.get(..text.len() - 1)? };
    // `parse` takes a sign, too.
    let number: u64 = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??;
    match last {
        b'H' => number.checked_mul(3600).map(Duration::from_secs),
        b'M' => number.checked_mul(60).map(Duration::from_secs),
        b'S' => Some(Duration::from_secs(number)),
        b'0'..=b'9' | b'm' => Some(Duration::from_millis(number)),
        b'u' => Some(Duration::from_micros(number)),
        b'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// Where the path of a request is read from.
pub(super) type PathOf = dyn Fn(&Extensions) -> Option<String> + Send + Sync;

/// What is read from every request.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) deadline: Option<Duration>,
    /// A header with a [`wait`].
    pub(super) deadline_header: Option<HeaderName>,
    /// Whether requests get a token.
    pub(super) cancel: bool,
    /// Stands for all requests.
    pub(super) cancelled_by: Option<CancelToken>,
    pub(super) path: Option<Box<PathOf>>,
}

/// One request.
pub(super) struct Flight {
    pub(super) scope: Scope,
    open: Option<Open>,
    deadline: Option<Instant>,
    token: Option<CancelToken>,
    /// The token that was made for this request.
    own: Option<Own>,
}

/// Cancels its token when the request is over.
struct Own(CancelToken);

impl Drop for Own {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Flight {
    pub(super) fn new<B>(request: &mut Request<B>, reading: &Reading) -> Self {
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
        let told = reading.deadline_header.as_ref().and_then(|name| wait(headers.get(name)?.to_str().ok()?));
        let limits = [reading.deadline, told];
        let extension = request.extensions().get::<Deadline>().map(|deadline| deadline.0);
        let deadline = if extension.is_none() && limits == [None; 2] {
            None
        } else {
            let now = Instant::now();
            limits.into_iter().flatten().filter_map(|limit| now.checked_add(limit)).chain(extension).min()
        };
        let mut token = request.extensions().get::<CancelToken>().cloned();
        let own = (reading.cancel && token.is_none()).then(|| {
            let own = CancelToken::new();
            if let Some(deadline) = deadline {
                own.cancel_at(deadline);
            }
            request.extensions_mut().insert(own.clone());
            token = Some(own.clone());
            Own(own)
        });
        Self { scope, open: Some(open), deadline, token, own }
    }

    /// How it stands with the request. `all` stands for all requests.
    pub(super) fn situation(&self, all: Option<&CancelToken>) -> Situation {
        if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            Situation::Expired
        } else if self.token.iter().chain(all).any(CancelToken::is_cancelled) {
            Situation::Cancelled
        } else {
            Situation::Awaited
        }
    }

    /// The request is over: panics from here on are late.
    pub(super) fn close(&mut self) {
        self.open = None;
        self.own = None;
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_milliseconds_or_has_a_unit_of_grpc() {
        let millis = |text| wait(text).map(|wait| wait.as_millis());
        let waits = ["0", "250", "250m", "2S", "3M", "1H", "1500u", "2000000n"].map(millis);
        assert_eq!(waits, [0, 250, 250, 2000, 180_000, 3_600_000, 1, 2].map(Some));
        for nonsense in
            ["", "m", "-1", "+1", "1.5", " 1", "1 m", "1s", "9999999999999999999999", "99999999999999999H"]
        {
            assert_eq!(wait(nonsense), None, "{nonsense:?}");
        }
    }
}
