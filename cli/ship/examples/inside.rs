//! Ships the panics of a program from inside of it.
//!
//! ```sh
//! cargo run -p panic-agent-ship --example inside -- ship.toml panics.jsonl
//! ```

use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let config = args.next().ok_or("name the configuration, and the log that it names")?;
    let log = args.next().ok_or("name the log, too")?;

    // Declared first, so dropped last: the agent has written everything down by then.
    let shipper = panic_agent_ship::start(config)?;
    let agent = panic_agent::Agent::builder().file(log).install()?;

    let worker = std::thread::spawn(|| panic!("out of order"));
    drop(worker.join());

    drop(agent);
    // Also without this line: a shipper that is dropped goes on for two seconds at most.
    let ended = shipper.finish(Duration::from_secs(10));
    eprintln!("everything is delivered: {}", ended.is_complete());
    Ok(())
}
