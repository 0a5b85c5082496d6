//! What the layer answers, with real servers and clients: custom answers, deadlines, cancellation, timeout layers on
//! either side, and connections that live on.

mod tools;

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::error_handling::HandleError;
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use axum::routing::get;
use axum::{Extension, Router};
use http_body_util::Empty;
use hyper::body::Bytes;
use panic_agent::task::CancelToken;
use panic_agent::tower::{Deadline, RecoverLayer, Situation};
use tokio::sync::mpsc;
use tower::ServiceExt as _;
use tower_http::timeout::TimeoutLayer;
use tower_layer::Layer as _;

use tools::{LONG, Last, ask, connect, connected, panics, reported, run, serve, stuck, word};

#[test]
fn answers_have_the_status_and_what_the_program_chose_and_connections_live_on() {
    run(async {
        let plain = Router::new()
            .route("/plain", panics("plain"))
            .route("/late", panics("late"))
            .route("/fine", get(async || "fine"))
            .layer(
                RecoverLayer::new()
                    .deadline_header(HeaderName::from_static("grpc-timeout"))
                    .retry_after(Duration::from_secs(7)),
            );
        let mut connection = connected(plain).await;
        let (status, headers, body) = ask(&mut connection, "/plain", &[("grpc-timeout", "1H")]).await;
        assert_eq!((status, body.as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"));
        assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
        assert!(!headers.contains_key("retry-after"), "only for 503");
        let (status, headers, body) = ask(&mut connection, "/late", &[("grpc-timeout", "1n")]).await;
        assert_eq!((status, body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"));
        assert_eq!(headers["retry-after"], "7");
        let (status, _, body) = ask(&mut connection, "/fine", &[("grpc-timeout", "1n")]).await;
        assert_eq!(
            (status, body.as_str()),
            (StatusCode::OK, "fine"),
            "the same connection, past its deadline"
        );

        let chosen = Router::new().route("/chosen", panics("chosen")).layer(
            RecoverLayer::new()
                .body("{\"error\":true}")
                .header("content-type".parse().unwrap(), HeaderValue::from_static("application/json"))
                .header("x-side".parse().unwrap(), HeaderValue::from_static("server")),
        );
        let (status, headers, body) = ask(&mut connected(chosen).await, "/chosen", &[]).await;
        assert_eq!((status, body.as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "{\"error\":true}"));
        assert_eq!([&headers["content-type"], &headers["x-side"]], ["application/json", "server"]);
        assert_eq!(headers.get_all("content-type").iter().count(), 1);

        let own = RecoverLayer::new().respond_with(|caught, situation| {
            assert_ne!(caught.message(), Some("of both"), "respond panics");
            let mut response = Response::new(Bytes::from(format!("{situation:?}: {caught}")));
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
            response
        });
        let own = Router::new().route("/own", panics("own")).route("/both", panics("of both")).layer(own);
        let mut connection = connected(own).await;
        let (status, _, body) = ask(&mut connection, "/own", &[]).await;
        assert_eq!(status, StatusCode::IM_A_TEAPOT);
        assert!(
            body.starts_with("Awaited: panicked at tests/recover_layer/tools.rs:") && body.ends_with(": own"),
            "{body}"
        );
        let (status, _, body) = ask(&mut connection, "/both", &[]).await;
        assert_eq!((status, body.as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"));
    });
    for message in ["plain", "late", "chosen", "own", "of both"] {
        let (report, last) = reported(message, |last| last["receipt"] == "read");
        assert_eq!(word(&last), ["runtime_caught", "tower", "read"], "{message}");
        assert_eq!((&report["late"], &last["silent"]), (&false.into(), &false.into()), "{message}");
    }
}

#[test]
fn a_panic_of_the_call_itself_is_an_answer_in_a_bare_service() {
    run(async {
        let service = tower::service_fn(|request: Request<Empty<Bytes>>| {
            assert_ne!(request.uri().path(), "/call", "in the call");
            std::future::ready(Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())))
        });
        let service = RecoverLayer::new().layer(service);
        let request = |path: &str| Request::get(path).body(Empty::new()).unwrap();
        let status = async |path| service.clone().oneshot(request(path)).await.unwrap().status();
        assert_eq!(status("/call").await, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(status("/else").await, StatusCode::OK);
    });
}

#[test]
fn the_earliest_deadline_decides_and_what_is_no_deadline_does_not() {
    run(async {
        let layer = || RecoverLayer::new().deadline_header("x-wait".parse().unwrap());
        let router = |extension: Option<Duration>, layer: RecoverLayer| {
            let router = Router::new().route("/", panics("decided")).layer(layer);
            match extension {
                Some(by) => router.layer(Extension(Deadline(Instant::now() + by))),
                None => router,
            }
        };
        let cases = [
            (None, layer(), None, 500),
            (None, layer(), Some("0"), 503),
            (None, layer(), Some("60000"), 500),
            (None, layer(), Some("soon"), 500),
            (None, layer(), Some("-1"), 500),
            (None, layer().deadline(Duration::ZERO), Some("60000"), 503),
            (None, layer().deadline(LONG), Some("60000"), 500),
            (Some(Duration::ZERO), layer().deadline(LONG), Some("60000"), 503),
            (Some(LONG), layer().deadline(LONG), None, 500),
        ];
        for (extension, layer, header, expected) in cases {
            let headers: Vec<_> = header.iter().map(|wait| ("x-wait", *wait)).collect();
            let (status, ..) = ask(&mut connected(router(extension, layer)).await, "/", &headers).await;
            assert_eq!(status, expected, "extension {extension:?}, header {header:?}");
        }
    });
}

#[test]
fn cancelled_requests_are_503_with_no_token_of_the_program_or_with_one() {
    run(async {
        let going_down = CancelToken::new();
        let layer = RecoverLayer::new().cancelled_by(going_down.clone());
        let mut connection = connected(Router::new().route("/", panics("going down")).layer(layer)).await;
        assert_eq!(ask(&mut connection, "/", &[]).await.0, StatusCode::INTERNAL_SERVER_ERROR);
        going_down.cancel();
        assert_eq!(ask(&mut connection, "/", &[]).await.0, StatusCode::SERVICE_UNAVAILABLE);

        let handler = async |Extension(token): Extension<CancelToken>| -> &'static str {
            token.cancel();
            panic!("gave itself up")
        };
        let kept =
            async |Extension(_): Extension<CancelToken>| -> &'static str { panic!("was not given up") };
        let router = Router::new().route("/cancelled", get(handler)).route("/kept", get(kept));
        let mut connection = connected(router.layer(RecoverLayer::new().cancel_token())).await;
        assert_eq!(ask(&mut connection, "/cancelled", &[]).await.0, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(ask(&mut connection, "/kept", &[]).await.0, StatusCode::INTERNAL_SERVER_ERROR);

        // One that a layer further out put there is used and left alone.
        let token = CancelToken::new();
        let router = Router::new().route("/", get(kept)).layer(RecoverLayer::new().cancel_token());
        let mut connection = connected(router.layer(Extension(token.clone()))).await;
        assert_eq!(ask(&mut connection, "/", &[]).await.0, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!token.is_cancelled(), "the request is over, but its token was not ours");
        token.cancel();
        assert_eq!(ask(&mut connection, "/", &[]).await.0, StatusCode::SERVICE_UNAVAILABLE);
    });
}

#[test]
fn a_token_is_cancelled_past_the_deadline_and_when_its_client_goes() {
    run(async {
        let (tell, mut told) = mpsc::unbounded_channel();
        let waits = async move |Extension(token): Extension<CancelToken>| {
            drop(tell.send(token));
            pending::<()>().await;
        };
        let past = async |Extension(token): Extension<CancelToken>| token.is_cancelled().to_string();
        let router = Router::new().route("/waits", get(waits)).route("/past", get(past));
        let layer = RecoverLayer::new().cancel_token().deadline_header("x-wait".parse().unwrap());
        let address = serve(router.layer(layer)).await;
        let mut connection = connect(address).await;
        assert_eq!(ask(&mut connection, "/past", &[]).await.2, "false");
        assert_eq!(ask(&mut connection, "/past", &[("x-wait", "0")]).await.2, "true");
        let client = tokio::spawn(async move { ask(&mut connect(address).await, "/waits", &[]).await });
        let token = told.recv().await.unwrap();
        assert!(!token.is_cancelled(), "its client waits");
        client.abort();
        tokio::time::timeout(LONG, token.cancelled()).await.expect("its client has gone");
    });
}

#[test]
fn a_timeout_layer_further_out_answers_itself_and_what_comes_then_is_late() {
    run(async {
        let timeout = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_millis(1));
        let (route, mut child) = stuck("dropped by tower-http", "child of tower-http");
        let http = Router::new().route("/", route);
        let mut connection = connected(http.layer(RecoverLayer::new()).layer(timeout)).await;
        let (status, ..) = ask(&mut connection, "/", &[("x-request-id", "http")]).await;
        assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
        child.recv().await.expect("it ends");

        // The timeout of tower is an error, of which this program makes an answer.
        let (route, mut child) = stuck("dropped by tower", "child of tower");
        let inner = route.layer::<_, Infallible>(RecoverLayer::new());
        let timeout = tower::timeout::Timeout::new(inner, Duration::from_millis(1));
        let handled = HandleError::new(timeout, async |_: tower::BoxError| StatusCode::GATEWAY_TIMEOUT);
        let router = Router::new().route_service("/", handled);
        let (status, ..) = ask(&mut connected(router).await, "/", &[("x-request-id", "tower")]).await;
        assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
        child.recv().await.expect("it ends");
    });
    for by in ["tower-http", "tower"] {
        let (report, last) = reported(&format!("dropped by {by}"), |last| last["receipt"] == "discarded");
        assert_eq!(word(&last), ["runtime_caught", "tower", "discarded"], "{by}");
        let (child, _) = reported(&format!("child of {by}"), |last| last["receipt"] == "discarded");
        let id = if by == "tower" { "tower" } else { "http" };
        for report in [report, child] {
            assert_eq!(
                (&report["late"], &report["labels"]["request_id"]),
                (&true.into(), &id.into()),
                "{by}"
            );
        }
    }
}

#[test]
fn a_timeout_layer_further_in_makes_a_destructor_that_panics_a_503() {
    run(async {
        let timeout = |status| TimeoutLayer::with_status_code(status, Duration::from_millis(1));
        for (status, message) in [
            (StatusCode::REQUEST_TIMEOUT, "given up with 408"),
            (StatusCode::GATEWAY_TIMEOUT, "given up with 504"),
        ] {
            let route = get(async move || -> () {
                let _last = Last(message);
                pending().await
            });
            let router = Router::new().route("/", route).layer((RecoverLayer::new(), timeout(status)));
            let (status, _, body) = ask(&mut connected(router).await, "/", &[]).await;
            assert_eq!((status, body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"));
        }
        // A router drops what a layer of its own gave up before any other sees the answer: there the layer must be told.
        for (layer, status, message) in [
            (RecoverLayer::new().deadline(Duration::from_millis(1)), 503, "given up and told"),
            (RecoverLayer::new(), 500, "given up and not told"),
        ] {
            let route = get(async move || -> () {
                let _last = Last(message);
                pending().await
            });
            let router = Router::new().route("/", route).layer(timeout(StatusCode::REQUEST_TIMEOUT));
            assert_eq!(ask(&mut connected(router.layer(layer)).await, "/", &[]).await.0, status, "{message}");
        }
        // The twin: the same panic of a handler that nobody gave up.
        let route = get(async || {
            let _last = Last("was done");
            "done"
        });
        let router = Router::new().route("/", route).layer(timeout(StatusCode::REQUEST_TIMEOUT));
        let (status, ..) = ask(&mut connected(router.layer(RecoverLayer::new())).await, "/", &[]).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        // And a timeout whose handler has no such destructor keeps its own answer.
        let router = Router::new().route("/", get(pending::<()>)).layer(timeout(StatusCode::REQUEST_TIMEOUT));
        let (status, ..) = ask(&mut connected(router.layer(RecoverLayer::new())).await, "/", &[]).await;
        assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    });
    for message in ["given up with 408", "given up with 504", "was done"] {
        let (report, last) = reported(message, |last| last["receipt"] == "read");
        assert_eq!(word(&last), ["runtime_caught", "tower", "read"]);
        assert_eq!(report["late"], false, "it was noticed in time: {message}");
    }
}

#[test]
fn a_program_learns_the_situation() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    run(async {
        let noted = seen.clone();
        let layer = RecoverLayer::new().deadline_header("x-wait".parse().unwrap()).respond_with(
            move |_, situation| {
                noted.lock().unwrap().push(situation);
                Response::new(Bytes::new())
            },
        );
        let cancels = async |Extension(token): Extension<CancelToken>| -> () {
            token.cancel();
            panic!("cancelled itself")
        };
        let router = Router::new().route("/", panics("seen")).route("/cancels", get(cancels));
        let mut connection = connected(router.layer(layer.cancel_token())).await;
        for (path, wait) in [("/", "60000"), ("/", "0"), ("/cancels", "60000")] {
            assert_eq!(ask(&mut connection, path, &[("x-wait", wait)]).await.0, StatusCode::OK);
        }
    });
    assert_eq!(*seen.lock().unwrap(), [Situation::Awaited, Situation::Expired, Situation::Cancelled]);
}
