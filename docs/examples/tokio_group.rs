//! Tasks that stop together: the first panic cancels the others, and no failure is lost.

use panic_agent::task::{Stop, TaskError};
use panic_agent::tokio::TaskGroup;

#[tokio::main]
async fn main() {
    let _agent = panic_agent::init!();

    let group = TaskGroup::<&str, String>::new().limit(8);
    group.spawn(|_cancel| async { panic!("no such shard") });
    for _ in 0..3 {
        group.spawn(|cancel| async move {
            cancel.cancelled().await; // a real task selects between this and its work
            Err(Stop::Cancelled)
        });
    }

    let error = group.wait().await.expect_err("one of them panics");
    match &error.cause {
        TaskError::Panicked(caught) => println!("cause: {}", caught.message().unwrap_or_default()),
        other => println!("cause: {other}"),
    }
    println!("{} cancelled, {} other failures", error.cancelled, error.others.len());
}
