//! `GET /health` answers 503 once a part of the service has died and nobody can ever see why.
//!
//! Run it with `cargo run --example health --features tokio`.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use tower::ServiceExt as _;

async fn health() -> (StatusCode, String) {
    let health = panic_agent::stats().health();
    let status = if health.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, health.to_string())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _agent = panic_agent::init!();
    let lines = panic_agent::subscribe(64);
    let service = Router::new().route("/health", get(health));
    ask(&service).await?;

    // A thread that is joined is no concern.
    assert!(std::thread::spawn(|| panic!("its parent knows")).join().is_err());
    panic_agent::flush(Duration::from_secs(60));
    ask(&service).await?;

    // Nobody ever learns of this one.
    drop(std::thread::spawn(|| panic!("the index is gone")));
    let is_silent =
        |line: &panic_agent::Line| line.verdict().is_some_and(|verdict| verdict.silent == Some(true));
    lines.iter().find(is_silent).ok_or("the agent has ended")?;
    panic_agent::flush(Duration::from_secs(60));
    ask(&service).await
}

/// Asks as a client does, and prints the answer.
async fn ask(service: &Router) -> Result<(), Box<dyn std::error::Error>> {
    let response = service.clone().oneshot(Request::get("/health").body(Body::empty())?).await?;
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1024).await?;
    println!("{status}: {}", String::from_utf8_lossy(&body));
    Ok(())
}
