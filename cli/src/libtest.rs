//! What a test harness says of its tests, read from its output while it passes.
//!
//! Understood is the text that libtest prints by default. Anything else says nothing: it makes no result.

use serde_json::json;

/// Longest line that is looked at.
const MAX_LINE: usize = 4096;

/// Reads the output piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    line: Vec<u8>,
    /// Lines of the record for what was said.
    pub(crate) said: Vec<serde_json::Value>,
    /// Whether the harness began, and whether it came to its end.
    pub(crate) began: bool,
    pub(crate) ended: bool,
}

impl Reader {
    /// Takes the next piece.
    pub(crate) fn take(&mut self, piece: &[u8]) {
        for byte in piece {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.line_is(&without_colours(&String::from_utf8_lossy(&line)));
            } else if self.line.len() < MAX_LINE {
                self.line.push(*byte);
            }
        }
    }

    fn line_is(&mut self, line: &str) {
        if let Some(planned) = line.strip_prefix("running ").and_then(|rest| {
            let (number, word) = rest.split_once(' ')?;
            matches!(word, "test" | "tests").then(|| number.parse::<u64>().ok()).flatten()
        }) {
            self.began = true;
            self.ended = false;
            let message = format!("the harness is going to run {planned} tests");
            self.say(json!({"event": "planned", "planned": planned, "message": message}));
        } else if line.starts_with("test result: ") {
            self.ended = true;
        } else if let Some((name, result)) =
            line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
        {
            let result = match result {
                "ok" => "ok",
                "FAILED" => "failed",
                _ if result == "ignored" || result.starts_with("ignored, ") => "ignored",
                _ => return,
            };
            let (name, should_panic) = match name.strip_suffix(" - should panic") {
                Some(name) => (name, true),
                None => (name, false),
            };
            let message = format!("test {name}: {result}");
            self.say(json!({
                "event": "finished", "name": name, "result": result, "should_panic": should_panic, "message": message
            }));
        }
    }

    /// Adds what every line has.
    fn say(&mut self, mut line: serde_json::Value) {
        let common = json!({
            "schema": 1, "kind": "test", "id": "", "ts": "", "ts_ms": 0, "pid": 0, "level": "info", "service": null,
            "version": null, "environment": null, "host": null, "mono_ns": 0, "name": null, "planned": null,
            "result": null, "should_panic": false
        });
        if let (Some(line), Some(common)) = (line.as_object_mut(), common.as_object()) {
            for (key, value) in common {
                line.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        self.said.push(line);
    }
}

/// A line without the escapes that colour it.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            // An escape ends with a letter; `(B` has one more character before it.
            let _end = letters.find(|letter| letter.is_ascii_alphabetic());
        } else if letter != '\r' {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Reader {
        let mut reader = Reader::default();
        // In pieces that end anywhere.
        for piece in text.as_bytes().chunks(7) {
            reader.take(piece);
        }
        reader
    }

    #[test]
    fn the_output_of_libtest_becomes_lines_of_the_record() {
        let reader = read(
            "\nrunning 4 tests\ntest a::b ... ok\ntest c - should panic ... ok\ntest d ... \u{1b}[31mFAILED\u{1b}(B\u{1b}[m\n\
             test e ... ignored, too slow\n\ntest result: FAILED. 2 passed\n",
        );
        let kinds: Vec<_> =
            reader.said.iter().map(|line| (line["name"].clone(), line["result"].clone())).collect();
        let expected = [("a::b", "ok"), ("c", "ok"), ("d", "failed"), ("e", "ignored")];
        assert_eq!(reader.said[0]["planned"], 4);
        for ((name, result), (wanted, how)) in kinds[1..].iter().zip(expected) {
            assert_eq!((name.as_str(), result.as_str()), (Some(wanted), Some(how)));
        }
        assert_eq!(reader.said[2]["should_panic"], true);
        assert!(reader.began && reader.ended);
        for line in reader.said {
            let line: Result<panic_agent::TestLine, _> = serde_json::from_value(line);
            assert!(line.is_ok(), "{line:?}");
        }
    }

    #[test]
    fn what_is_not_libtests_says_nothing_and_a_harness_that_stops_has_not_ended() {
        assert!(read("running late\ntest of patience ... begins\n{\"type\":\"suite\"}\n").said.is_empty());
        let reader = read("running 2 tests\ntest a ... ok\n");
        assert!(reader.began && !reader.ended && reader.said.len() == 2);
    }
}
