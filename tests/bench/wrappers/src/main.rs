//! What the wrappers cost when nothing panics, on this machine.
//!
//! `cargo run --release --manifest-path tests/bench/wrappers/Cargo.toml [ROUNDS]`. The two sides of a comparison are
//! measured in turns, so that a noisy moment hits both; the table has the median of the rounds and their spread.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use panic_agent::tower::RecoverLayer;
use tower_layer::Layer as _;
use tower_service::Service;

fn main() {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(31);
    let file = std::env::temp_dir().join("wrapper-bench.jsonl");
    let agent = panic_agent::Agent::builder().file(file).install().expect("an agent");
    println!("| what | without | with | difference | ratio (10 %..90 % of rounds) |");
    println!("|---|---|---|---|---|");
    compare("`catch` over `catch_unwind`", rounds, 1_000_000, std_catch, our_catch);
    compare("`spawn` and join over `thread::spawn` and join", rounds, 2_000, std_spawn, our_spawn);
    let mut plain = Plain;
    let mut wrapped = RecoverLayer::new().layer(Plain);
    compare("a request through the tower layer", rounds, 100_000, || serve(&mut plain), || serve(&mut wrapped));
    compare("`breadcrumb!` with a text", rounds, 1_000_000, nothing, || panic_agent::breadcrumb!("loading the order"));
    compare("`breadcrumb!` with a number", rounds, 1_000_000, nothing, || {
        panic_agent::breadcrumb!("loading order {}", black_box(17_u32));
    });
    drop(agent);
}

#[inline(never)]
fn nothing() {
    black_box(());
}

#[inline(never)]
fn work(value: u64) -> u64 {
    black_box(value).wrapping_mul(3)
}

fn std_catch() {
    let _never = black_box(catch_unwind(AssertUnwindSafe(|| work(7)))).is_ok();
}

fn our_catch() {
    let _never = black_box(panic_agent::catch(|| work(7))).is_ok();
}

fn std_spawn() {
    std::thread::spawn(|| work(7)).join().expect("no panic");
}

fn our_spawn() {
    panic_agent::spawn(|| work(7)).join().expect("no panic");
}

/// Nanoseconds per call of both, in turns.
fn compare(what: &str, rounds: usize, calls: u32, mut without: impl FnMut(), mut with: impl FnMut()) {
    let time = |f: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..calls).for_each(|_| f());
        start.elapsed().as_nanos() as f64 / f64::from(calls)
    };
    time(&mut without);
    time(&mut with);
    let mut pairs: Vec<(f64, f64)> = (0..rounds)
        .map(|round| {
            if round % 2 == 0 {
                let without = time(&mut without);
                (without, time(&mut with))
            } else {
                let with = time(&mut with);
                (time(&mut without), with)
            }
        })
        .collect();
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let without = median(&mut pairs.iter().map(|pair| pair.0).collect());
    let with = median(&mut pairs.iter().map(|pair| pair.1).collect());
    let difference = median(&mut pairs.iter().map(|pair| pair.1 - pair.0).collect());
    pairs.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
    let ratio = |at: usize| pairs[at.min(pairs.len() - 1)].1 / pairs[at.min(pairs.len() - 1)].0;
    let (low, middle, high) = (ratio(rounds / 10), ratio(rounds / 2), ratio(rounds * 9 / 10));
    println!(
        "| {what} | {without:.1} ns | {with:.1} ns | {difference:.1} ns | {middle:.3} ({low:.3}..{high:.3}) |"
    );
}

/// A service that answers at once.
struct Plain;

impl Service<Request<()>> for Plain {
    type Response = Response<Whole>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Whole>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(Whole(Some(Bytes::from_static(b"hello"))))))
    }
}

/// A body of one frame.
struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// One request with the headers that the layer reads, to the end of its body.
fn serve<S, B>(service: &mut S)
where
    S: Service<Request<()>, Response = Response<B>, Error = Infallible>,
    B: Body<Data = Bytes>,
{
    let request = Request::get("/orders/17")
        .header("x-request-id", "0af7651916cd43dd")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .body(())
        .expect("a request");
    let mut context = Context::from_waker(Waker::noop());
    let mut future = pin!(service.call(request));
    let Poll::Ready(Ok(response)) = future.as_mut().poll(&mut context) else { panic!("not at once") };
    let mut body = pin!(response.into_body());
    while let Poll::Ready(Some(frame)) = body.as_mut().poll_frame(&mut context) {
        black_box(frame.is_ok());
    }
}
