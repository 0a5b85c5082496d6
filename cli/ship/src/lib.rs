//! Carries the lines of an agent into the systems that people run, at least once: beside the program, which is
//! `panic-agent ship`, or inside it, as here.
//!
//! The lines on the disk stay what counts. The agent's writer knows nothing of this crate: a thread per destination follows the
//! file that the agent writes, remembers how far it came, and goes on there after the next start. It needs Linux. These threads have
//! a low priority.
//!
//! ```
//! # let dir = std::env::temp_dir().join(format!("ship-example-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir)?;
//! # let file = dir.join("ship.toml");
//! # std::fs::write(&file, "log = \"panics.jsonl\"\nstate = \"state\"\n[[destination]]\nkind = \"stdout\"\n")?;
//! # let log = dir.join("panics.jsonl");
//! // First the shipper, so that it is dropped last: the agent has written everything down by then.
//! let shipper = panic_agent_ship::start(&file)?;
//! let agent = panic_agent::Agent::builder().file(&log).install()?;
//!
//! let caught = std::panic::catch_unwind(|| panic!("out of order"));
//! assert!(caught.is_err());
//!
//! drop(agent);
//! let ended = shipper.finish(std::time::Duration::from_secs(30));
//! assert!(ended.is_complete());
//! # std::fs::remove_dir_all(&dir)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The page on shipping describes the configuration, and what is promised.
//!
//! Reading order: `config` (what the user says), `shipper` (threads), `worker` (one destination), then in the order of the
//! data: `follow` (the log), `names`, `line`, `merge` and `record` (one record per panic), `deliver` with `answer`, `retry` and
//! `dead_letter` (what an answer means), `destination` (encodings and wires) with `http`, `tls` and `proxy`, `state` (what is
//! remembered), `metrics`.
//!
//! Runs on: the caller's thread (`start`), and one per destination. Must not: keep a panicking thread or the agent's writer
//! waiting, or lose a line that is on the disk.
#![forbid(unsafe_code)]

#[cfg(not(target_os = "linux"))]
compile_error!("`panic-agent-ship` needs Linux; let it run there, over a copy of the log");

mod answer;
mod attributes;
mod config;
mod dead_letter;
mod deliver;
mod destination;
mod ecs;
mod facts;
mod failure;
mod fingerprints;
mod follow;
mod format;
mod http;
mod line;
mod merge;
mod metrics;
mod names;
mod notice;
mod priority;
mod proxy;
mod record;
mod retry;
mod shipper;
mod state;
mod stop;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "tls_absent.rs"]
mod tls;
mod worker;

pub use config::Config;
pub use failure::Failure;
pub use metrics::Numbers;
pub use shipper::{Ended, Shipper, start};
pub use stop::Stop;
