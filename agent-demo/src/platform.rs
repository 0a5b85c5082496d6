//! What the agent can do on the platform of this program, as the documentation says it.
//!
//! Runs on: the thread that checks. Must not: ask the agent.

use serde::Deserialize;

use crate::{Probes, Profile};

/// The data of the tables in the README and on the page about platforms.
const DATA: &str = include_str!("../../docs/platforms.json");

/// A row of the table.
#[derive(Clone, Debug, Deserialize)]
struct Row {
    id: String,
    can: Vec<String>,
}

/// Which row is this program's; `None` where the twin for other systems is compiled on one that has more.
fn id() -> Option<&'static str> {
    let is_static = cfg!(target_feature = "crt-static");
    Some(if cfg!(panic_agent_fallback) {
        return None;
    } else if cfg!(all(target_os = "linux", target_env = "gnu")) {
        if is_static { "linux-gnu-static" } else { "linux-gnu" }
    } else if cfg!(all(target_os = "linux", target_env = "musl")) {
        if is_static { "linux-musl-static" } else { "linux-musl" }
    } else if cfg!(windows) {
        "windows"
    } else if cfg!(target_vendor = "apple") {
        "macos"
    } else if cfg!(target_os = "android") {
        "android"
    } else {
        "other"
    })
}

/// The abilities that an agent of this program must say it has, in alphabetical order; `None` where the table has no row.
///
/// # Panics
/// If the table cannot be read, or lacks the row: it is a part of this program.
pub(crate) fn abilities(asked: Probes, profile: Profile) -> Option<Vec<String>> {
    let id = id()?;
    let rows: Vec<Row> = serde_json::from_str(DATA).expect("docs/platforms.json is of rows");
    let row = rows.into_iter().find(|row| row.id == id).expect("docs/platforms.json has each platform");
    let probes = asked == Probes::On && profile != Profile::Abort;
    let mut can: Vec<String> =
        row.can.into_iter().filter(|ability| probes || !ability.starts_with("probe_")).collect();
    can.sort_unstable();
    Some(can)
}
