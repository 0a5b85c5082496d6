//! An audit as a library: which panics of a finished process did nobody see?
//!
//! For test suites there is `cargo panic-agent test`, and `panic_agent::audit!()` in a test crate; both apply these rules.

use std::fs::File;
use std::io::BufReader;
use std::process::Command;

use panic_agent::audit::{Auditor, Detail, Ending, Policy};
use panic_agent::record::LineReader;

const POLICY: &str = r#"
deny = ["swallowed"]

[[expect]]
message = "^planned"
reason = "the pool is told to lose this worker"
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().nth(1).as_deref() == Some("program") {
        return program();
    }
    // Run a program with an agent in it: this one again.
    let log = std::env::temp_dir().join(format!("audit-example-{}.jsonl", std::process::id()));
    let mut program = Command::new(std::env::current_exe()?);
    let status = program.arg("program").env("PANIC_AGENT_FILE", &log).status()?;

    // Audit the lines that it left.
    let mut auditor = Auditor::new(Policy::parse(POLICY, "panic-audit.toml")?).binary("program");
    for line in LineReader::new(BufReader::new(File::open(&log)?)) {
        auditor.line(line?.content);
    }
    let audit = auditor.finish(status.code().map_or(Ending::Unknown, Ending::Exited));
    print!("{}", audit.table(Detail::default()));
    std::fs::remove_file(&log)?;
    Ok(())
}

fn program() -> Result<(), Box<dyn std::error::Error>> {
    let _agent = panic_agent::init();
    let _ = std::panic::catch_unwind(|| panic!("a result that nobody looks at"));
    for message in ["no such order", "planned"] {
        let worker = std::thread::spawn(move || panic!("{message}"));
        while !worker.is_finished() {
            std::thread::yield_now();
        }
    } // no handle is joined
    Ok(())
}
