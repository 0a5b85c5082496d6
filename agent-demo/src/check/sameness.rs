//! Compares two runs of a scenario, of which only one had an agent: nobody but the reader of its lines may see a
//! difference.
//!
//! Runs on: any thread of the parent. Must not: run anything; it is a function of its arguments.

use super::Deviation;
use crate::child::Observed;

/// What differs: exit status, standard output, standard error. Expected is what came of the run without the agent.
///
/// Lines are compared in alphabetical order: threads that panic at the same time do so in any order.
pub fn differences(off: &Observed, on: &Observed) -> Vec<Deviation> {
    [
        ("exit", off.exit.to_string(), on.exit.to_string()),
        ("stdout", sorted(&off.stdout), sorted(&on.stdout)),
        ("stderr", sorted(&off.stderr), sorted(&on.stderr)),
    ]
    .into_iter()
    .filter(|(_, off, on)| off != on)
    .map(|(subject, expected, found)| Deviation { subject: subject.to_owned(), expected, found })
    .collect()
}

fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::{Exit, Lines};

    fn observed(exit: Exit, stdout: &str, stderr: &str) -> Observed {
        Observed {
            exit,
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
            lines: Lines::default(),
            file: PathBuf::new(),
            took: Duration::ZERO,
        }
    }

    #[test]
    fn the_order_of_lines_makes_no_difference_and_a_line_more_does() {
        let off = observed(Exit::Code(0), "a\nb\n", "c\n");
        assert!(differences(&off, &observed(Exit::Code(0), "b\na\n", "c\n")).is_empty());
        let found = differences(&off, &observed(Exit::Code(1), "a\n", "c\nd\n"));
        let subjects: Vec<_> = found.iter().map(|deviation| deviation.subject.as_str()).collect();
        assert_eq!(subjects, ["exit", "stdout", "stderr"]);
    }
}
