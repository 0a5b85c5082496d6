//! What only `view --full` says of a panic: the thread, the payload, the walk, the images, what the report lacks, and every
//! word that was said on it.
//!
//! Runs on: the main thread. Must not: say more than the lines do.

use super::tale::{Teller, fact};
use crate::screen::{clean, one_line};
use crate::story::{Told, Word, words};
use crate::time::span;

impl Teller {
    /// What only `--full` says.
    pub(super) fn more(&self, told: &Told, out: &mut String) {
        let Some(report) = &told.report else { return };
        let facts = &report.thread_facts;
        let thread = format!(
            "system's id {:?}, std's id {:?}, main {}, foreign {}, {}",
            facts.os_id,
            facts.std_id,
            facts.main,
            facts.foreign,
            words::schema_word(facts.detached)
        );
        fact(out, "thread", &thread.replace("Some(", "").replace("),", ","));
        for ancestor in report.lineage.iter().skip(1) {
            fact(
                out,
                "",
                &format!(
                    "descends from {} ({})",
                    ancestor.os_id,
                    one_line(ancestor.name.as_deref().unwrap_or("gone"))
                ),
            );
        }
        let payload = report.payload_type.as_deref().unwrap_or("a type that is not known");
        let length = report.message_len.map_or(String::new(), |bytes| format!(", message of {bytes} bytes"));
        fact(out, "payload", &format!("{}{length}", clean(payload)));
        let stack = &report.stack;
        let walked = format!("{} physical frames by {}, to {}", stack.physical, stack.source, stack.end);
        fact(out, "walk", &clean(&walked));
        fact(out, "group", &clean(&report.fingerprint));
        for image in report.images.iter() {
            let path = image.path.as_deref().unwrap_or(&image.name);
            fact(
                out,
                "image",
                &clean(&format!("{path}, build-id {}", image.build_id.as_deref().unwrap_or("none"))),
            );
        }
        for error in &report.soft_errors {
            fact(out, "lacks", &one_line(&format!("{} ({}): {}", error.field, error.code, error.detail)));
        }
        let first = Word::from(report.verdict());
        let said =
            std::iter::once(first).chain(told.verdicts.iter().map(|verdict| Word::from(verdict.verdict())));
        for (number, word) in said.enumerate() {
            let key = if number == 0 { "said" } else { "" };
            let later = span(word.ts_ms.saturating_sub(report.head.ts_ms));
            let text = format!(
                "after {later}: {}, {}, {}{}",
                words::schema_word(word.fate),
                words::schema_word(word.receipt),
                words::schema_word(word.basis),
                word.reason.as_deref().map_or(String::new(), |reason| format!(", {reason}")),
            );
            fact(out, key, &clean(&text));
        }
        fact(out, "line", &clean(&told.at.to_string()));
    }
}
