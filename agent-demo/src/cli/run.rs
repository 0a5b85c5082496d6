//! `agent-demo run NAME`: the scenario, in this very process.
//!
//! Runs on: the main thread, which may not come back. Must not: catch anything.

use agent_demo::Scenario;

/// Runs the scenario under the agent.
pub(super) fn run(scenario: &Scenario) {
    #[cfg(unix)]
    forbid_core_dumps();
    if let Some(before) = scenario.before_agent {
        before();
    }
    let _agent = panic_agent::init();
    (scenario.run)();
}

/// Many scenarios abort on purpose; their core dumps are of no use to anybody.
#[cfg(unix)]
fn forbid_core_dumps() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `none` lives across the call. A failure leaves core dumps on, which harms nothing.
    let _ = unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) };
}
