//! What the agent has seen, in the text format of Prometheus.
//!
//! Runs on: any thread that asks. Must not: be used on a panicking thread.
//! Source: Prometheus, "Exposition formats", text format 0.0.4.

use core::fmt::Write as _;

use super::Stats;

impl Stats {
    /// The same numbers in the text format of Prometheus, for an endpoint of your own: `Content-Type: text/plain; version=0.0.4`.
    ///
    /// The names begin with `panic_agent_process_`, so they are told apart from those of `panic-agent ship`, which speak of
    /// a log. Every reason of losses is there from the start, with 0: a counter that begins with 1 has not grown.
    ///
    /// # Examples
    /// ```
    /// let sink = panic_agent::sink::MemorySink::new();
    /// let _agent = panic_agent::Agent::builder().sink(sink).install()?;
    /// assert!(std::panic::catch_unwind(|| panic!("counted")).is_err());
    /// let text = panic_agent::stats().to_prometheus();
    /// assert!(text.contains("\npanic_agent_process_panics_total 1\n"));
    /// assert!(text.contains("\npanic_agent_process_losses_total{reason=\"pool_full\"} 0\n"));
    /// # Ok::<(), panic_agent::Error>(())
    /// ```
    #[must_use]
    pub fn to_prometheus(&self) -> String {
        let mut text = String::with_capacity(2048);
        let Self { panics, written, pending, losses, silent, uncaught, tasks_died, swallowed } = *self;
        let numbers = [
            ("panics_total", "Panics since the agent was installed.", panics),
            ("written_total", "Panics whose line reached a sink.", written),
            ("silent_total", "Panics that nobody can ever see.", silent),
            ("uncaught_total", "Panics that a thread died of.", uncaught),
            ("tasks_died_total", "Panics of tasks that nobody awaits.", tasks_died),
            ("swallowed_total", "Panics whose error was dropped unread.", swallowed),
        ];
        for (name, help, number) in numbers {
            head(&mut text, name, "counter", help);
            // A string can be written to.
            let _written = writeln!(text, "panic_agent_process_{name} {number}");
        }
        head(&mut text, "pending", "gauge", "Reports that the writer has not processed yet.");
        let _written = writeln!(text, "panic_agent_process_pending {pending}");
        head(&mut text, "losses_total", "counter", "Lost reports, by reason.");
        let losses = serde_json::to_value(losses).unwrap_or_default();
        for (reason, number) in losses.as_object().into_iter().flatten() {
            let _written = writeln!(text, "panic_agent_process_losses_total{{reason=\"{reason}\"}} {number}");
        }
        text
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let name = format_args!("panic_agent_process_{name}");
    // A string can be written to.
    let _written = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{LossReason, Losses};

    #[test]
    fn each_count_has_its_own_line_and_each_reason_of_losses_too() {
        let losses = Losses { pool_full: 11, folded: 12, ..Losses::default() };
        let stats = Stats {
            panics: 1,
            written: 2,
            pending: 3,
            losses,
            silent: 4,
            uncaught: 5,
            tasks_died: 6,
            swallowed: 7,
        };
        let text = stats.to_prometheus();
        for line in [
            "panics_total 1",
            "written_total 2",
            "pending 3",
            "silent_total 4",
            "uncaught_total 5",
            "tasks_died_total 6",
            "swallowed_total 7",
            "losses_total{reason=\"pool_full\"} 11",
            "losses_total{reason=\"folded\"} 12",
        ] {
            assert_eq!(
                text.matches(&format!("\npanic_agent_process_{line}\n")).count(),
                1,
                "{line} in {text}"
            );
        }
        let reasons = text.matches("{reason=").count();
        assert_eq!(reasons, LossReason::ALL.len());
        for reason in LossReason::ALL {
            let word = serde_json::to_string(&reason).unwrap();
            assert!(text.contains(&format!("{{reason={word}}}")), "{word} in {text}");
        }
    }
}
