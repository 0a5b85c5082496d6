//! Labels: what the process, the request and the thread were doing when it panicked.

use std::time::Duration;

use panic_agent::labels::{TraceContext, set_process_label};
use panic_agent::{catch, label, labels};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _agent = panic_agent::init!();
    set_process_label("region", "eu-1"); // every panic of the process, from now on
    let _request = label("request", 17); // panics of this thread, until the guard is dropped
    let _details = labels! { "http.method" = "GET", attempt = 2 };
    let trace = TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")?;
    let _trace = trace.label(); // `trace_id` and `span_id`

    let caught = catch(|| {
        let _stage = label("stage", "billing"); // gone before `catch` returns, yet in the report
        panic!("no price for this order");
    })
    .map(|(): ()| ())
    .unwrap_err();

    let report = caught.report_within(Duration::from_secs(60))?;
    println!("{}", report.message.as_deref().unwrap_or_default());
    for (key, value) in &report.labels {
        println!("  {key} = {value}");
    }
    Ok(())
}
