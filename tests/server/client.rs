//! A client with a connection per request.
//!
//! Runs on: the runtime of the test. Must not: wait for an answer that does not come.

use std::net::SocketAddr;

use axum::http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::kind;

/// What a client got.
#[derive(Debug)]
pub(crate) enum Got {
    Answer(StatusCode, String),
    /// The connection ended in the middle of the body.
    Broken(StatusCode),
    /// The client went first.
    Left,
}

pub(crate) async fn request(
    address: SocketAddr,
    number: usize,
    leave: Option<tokio::sync::oneshot::Receiver<()>>,
) -> Got {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let path = if kind(number) == Some("timeout") { "timed" } else { "work" };
    let mut builder = Request::get(format!("/{path}/{number}")).header("x-request-id", format!("r{number}"));
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
