//! The hook in processes of its own: each case runs in a child that is this test binary, run again for one
//! test.

mod allocations;
#[allow(unsafe_code)]
mod allocator;
mod contract;
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod obstruction;
mod previous_hook;
mod threads;
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod unix;

use core::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// Names the test whose case the process shall run.
const CASE: &str = "PANIC_AGENT_TEST_CASE";

/// Calls of the hook that was set before the agent's.
static PREVIOUS_CALLS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Whether the thread is to panic now.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `case`, a closure of a test, in a process of its own and gives what came of it; gives nothing in that process.
fn alone<F: FnOnce()>(case: F) -> Option<Output> {
    // The closure is named after its function.
    let (_, name) = core::any::type_name::<F>().split_once("::").unwrap();
    let name = name.trim_end_matches("::{{closure}}");
    if std::env::var(CASE).as_deref() == Ok(name) {
        case();
        return None;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(CASE, name);
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("running 1 test"), "no such test: {name}");
    Some(output)
}

/// Like [`alone`], for cases that must end well.
fn passes_alone(case: impl FnOnce()) {
    if let Some(output) = alone(case) {
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}\n{text}", output.status);
    }
}

/// Installs a previous hook that counts, and prints only failures, and the agent's hook.
fn install_with(slots: usize, change: impl FnOnce(&mut HookState)) -> &'static HookState {
    panic::set_hook(Box::new(|info| {
        PREVIOUS_CALLS.fetch_add(1, Ordering::Relaxed);
        if !EXPECTED.get() {
            eprintln!("{info}");
        }
    }));
    // As the agent does. Without a look at the images the system's unwinder would walk, with the loader's lock.
    crate::capture::stack::prepare();
    let channel = Box::leak(Box::new(Channel::new(slots, 0, 0).unwrap()));
    let mut state = HookState::new(channel, None, &mut Options::default());
    change(&mut state);
    let state = Box::leak(Box::new(state));
    install(state).unwrap();
    state
}

/// What a test looks at of a record.
#[derive(Debug)]
struct Seen {
    sequence: u64,
    message: String,
    thread: String,
    labels: Vec<(String, String)>,
    nested_in: u32,
    flags: u32,
}

impl Seen {
    fn has(&self, flag: RawFlag) -> bool {
        self.flags & flag as u32 != 0
    }
}

/// Takes everything out of the channel, as the writer would.
fn drain(state: &HookState) -> Vec<Seen> {
    let next = || {
        let slot = state.channel.try_receive()?;
        let record = slot.record();
        let labels = record.labels.pairs().map(|(key, value)| (key.to_owned(), value.to_owned()));
        Some(Seen {
            sequence: record.sequence,
            message: record.message.as_str().to_owned(),
            thread: record.thread_name.as_str().to_owned(),
            labels: labels.collect(),
            nested_in: record.nested_in,
            flags: record.flags,
        })
    };
    core::iter::from_fn(next).collect()
}

/// Runs something that panics; panics if it does not.
fn caught(body: impl FnOnce()) {
    let outer = EXPECTED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    EXPECTED.set(outer);
    assert!(result.is_err());
}
