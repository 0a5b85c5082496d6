//! A layer for HTTP services: a handler that panics answers 500, and its report has the labels of the request.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::get;
use panic_agent::Line;
use panic_agent::tower::RecoverLayer;
use tower::ServiceExt as _;

async fn price() -> String {
    let prices = [3, 5, 8];
    format!("{}", prices.iter().position(|price| *price > 8).expect("a price above 8"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _agent = panic_agent::init!();
    let lines = panic_agent::subscribe(16);

    let app = Router::new().route("/price", get(price)).layer(RecoverLayer::new());
    let request = Request::get("/price").header("x-request-id", "r-17").body(Body::empty())?;
    let response = app.oneshot(request).await?;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    println!("GET /price: {}", response.status());

    let report = lines.iter().find_map(|line| match line {
        Line::Panic(report) => Some(report),
        _ => None,
    });
    let report = report.ok_or("no report")?;
    println!("{}", report.message.as_deref().unwrap_or_default());
    for (key, value) in &report.labels {
        println!("  {key} = {value}");
    }
    Ok(())
}
