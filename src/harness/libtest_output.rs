//! What a test harness says of its tests: reads the text that libtest prints by default.
//!
//! Runs on: the writer thread, and threads that audit. Must not: do I/O; take for the harness's what a test printed.

use crate::record::{Head, TestEvent, TestLine, TestResult};

/// Bytes of a line that are looked at. Longer ones are nothing that libtest prints.
const LINE: usize = 4096;

/// One thing that the harness said, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// Nanoseconds of the monotonic clock.
    pub(crate) mono_ns: u64,
    pub(crate) what: Word,
}

/// What it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// So many tests are going to run.
    Planned(u64),
    /// A test ended or was left out.
    Finished { name: String, result: TestResult, should_panic: bool },
    /// It came to its own end.
    Ended,
}

impl Said {
    /// The line of it; the end has none.
    pub(crate) fn into_line(self, head: Head) -> Option<TestLine> {
        let blank = TestLine {
            head,
            message: String::new(),
            event: TestEvent::Planned,
            name: None,
            planned: None,
            result: None,
            should_panic: false,
            mono_ns: self.mono_ns,
        };
        match self.what {
            Word::Planned(number) => {
                Some(TestLine { message: format!("running {number} tests"), planned: Some(number), ..blank })
            }
            Word::Finished { name, result, should_panic } => {
                let word = match result {
                    TestResult::Ok => "ok",
                    TestResult::Failed => "failed",
                    TestResult::Ignored => "ignored",
                };
                Some(TestLine {
                    message: format!("test {name} ... {word}"),
                    event: TestEvent::Finished,
                    name: Some(name),
                    result: Some(result),
                    should_panic,
                    ..blank
                })
            }
            Word::Ended => None,
        }
    }
}

/// The text so far, as it comes in pieces.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    line: Vec<u8>,
    /// The line goes on, but is not worth reading.
    spoiled: bool,
}

impl Reader {
    /// Takes the next piece; gives what the lines that it completes say. With `cut` the end of the piece is missing.
    pub(crate) fn read(&mut self, piece: &[u8], cut: bool, mono_ns: u64) -> Vec<Said> {
        let mut said = Vec::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + part.len() > LINE {
                self.spoiled = true;
            }
            if !self.spoiled {
                self.line.extend_from_slice(part);
            }
            if part.ends_with(b"\n") {
                if !self.spoiled {
                    said.extend(word(&self.line).map(|what| Said { mono_ns, what }));
                }
                self.line.clear();
                self.spoiled = false;
            }
        }
        if cut {
            self.line.clear();
            self.spoiled = true;
        }
        said
    }
}

/// What one line says, if it is one of libtest's.
fn word(line: &[u8]) -> Option<Word> {
    let line = without_colours(core::str::from_utf8(line).ok()?);
    let line = line.trim_end();
    if let Some(rest) = line.strip_prefix("running ") {
        let number = rest.strip_suffix(" tests").or_else(|| rest.strip_suffix(" test"))?;
        return number.parse().ok().map(Word::Planned);
    }
    if line.starts_with("test result: ") {
        return Some(Word::Ended);
    }
    let (name, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let result = result_of(result)?;
    let (name, should_panic) = match name.trim_end().strip_suffix(" - should panic") {
        Some(name) => (name.trim_end(), true),
        None => (name.trim_end(), false),
    };
    (!name.is_empty()).then(|| Word::Finished { name: name.to_owned(), result, should_panic })
}

fn result_of(text: &str) -> Option<TestResult> {
    let word = text.split([' ', ',', ':']).next().unwrap_or_default();
    // What may follow: `, reason`, ` <0.001s>`, ` (time limit exceeded)`; after `bench:` the numbers.
    let follows = &text[word.len()..];
    let plain = follows.is_empty() || follows.starts_with(" <") || follows.starts_with(" (");
    match word {
        "ok" if plain => Some(TestResult::Ok),
        "bench" if follows.starts_with(':') => Some(TestResult::Ok),
        "FAILED" if plain => Some(TestResult::Failed),
        "ignored" if plain || follows.starts_with(", ") => Some(TestResult::Ignored),
        _ => None,
    }
}

/// The text without the sequences that set colours.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        // `[0;32m`, and `(B`, which terminfo's reset has before it.
        let end = match after.as_bytes().first() {
            Some(b'[') => after.find(|letter: char| letter.is_ascii_alphabetic()).map(|at| at + 1),
            Some(b'(') => (after.len() >= 2).then_some(2),
            _ => Some(0),
        };
        rest = end.and_then(|end| after.get(end..)).unwrap_or_default();
    }
    plain.push_str(rest);
    plain.replace('\u{f}', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&str]) -> Vec<Word> {
        let mut reader = Reader::default();
        let said = pieces.iter().flat_map(|piece| reader.read(piece.as_bytes(), false, 7));
        said.map(|said| said.what).collect()
    }

    fn finished(name: &str, result: TestResult, should_panic: bool) -> Word {
        Word::Finished { name: name.to_owned(), result, should_panic }
    }

    #[test]
    fn what_libtest_prints_is_read_in_whatever_pieces_it_comes() {
        let text = "\nrunning 3 tests\ntest tests::a ... ok\ntest tests::b - should panic ... FAILED\n\
                    test tests::c ... ignored, not today\n\nfailures:\n\ntest result: FAILED. 1 passed; 1 failed; \
                    1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n";
        let expected = [
            Word::Planned(3),
            finished("tests::a", TestResult::Ok, false),
            finished("tests::b", TestResult::Failed, true),
            finished("tests::c", TestResult::Ignored, false),
            Word::Ended,
        ];
        assert_eq!(read(&[text]), expected);
        let letters: Vec<&str> = text.split("").collect();
        assert_eq!(read(&letters), expected);
        assert_eq!(read(&["running 1 test\n"]), [Word::Planned(1)]);
    }

    #[test]
    fn colours_times_and_benches_do_not_disturb() {
        let doc = "src/lib.rs - a (line 3) - compile fail";
        for (text, name, result) in [
            ("test a ... \u{1b}[32mok\u{1b}(B\u{1b}[m <0.001s>\n", "a", TestResult::Ok),
            ("test bench   ... bench:          12 ns/iter (+/- 3)\n", "bench", TestResult::Ok),
            (&format!("test {doc} ... ok\n"), doc, TestResult::Ok),
            ("test a ... FAILED (time limit exceeded)\n", "a", TestResult::Failed),
        ] {
            assert_eq!(read(&[text]), [finished(name, result, false)]);
        }
    }

    #[test]
    fn what_is_none_of_libtests_lines_says_nothing() {
        let texts = [
            "running late\n",
            "running out of tests\n",
            "test a has been running for over 60 seconds\n",
            "test a ... hello\nok\n",
            "test a ... okay\n",
            "test a ... ignored_by_me\n",
            "test  ... ok\n",
            "...F.\n",
            "{\"type\":\"test\",\"event\":\"ok\",\"name\":\"a\"}\n",
            "test a ... ok",
            "\u{1b}",
            "\u{1b}[3",
        ];
        for text in texts {
            assert_eq!(read(&[text]), [], "{text:?}");
        }
    }

    #[test]
    fn a_line_that_is_cut_too_long_or_no_text_is_passed_over_and_the_next_is_read() {
        let next = "test b ... ok\n";
        let b = [finished("b", TestResult::Ok, false)];
        let mut reader = Reader::default();
        assert_eq!(reader.read(b"test a ... ", true, 7), []);
        assert_eq!(reader.read(b"ok\n", false, 7), []);
        assert_eq!(reader.read(next.as_bytes(), false, 7).into_iter().map(|s| s.what).collect::<Vec<_>>(), b);
        let long = "x".repeat(LINE);
        assert_eq!(read(&["test ", &long, " ... ok\n", next]), b);
        assert!(reader.line.capacity() <= 2 * LINE);
        let mut reader = Reader::default();
        assert_eq!(reader.read(b"test \xff ... ok\n", false, 7), []);
    }
}
