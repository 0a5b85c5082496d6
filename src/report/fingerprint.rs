//! A short name for the cause of a panic: equal for panics that one change would cure.
//!
//! Runs on: the writer thread. Must not: depend on addresses, the thread, numbers in the message, or
//! anything std may change between releases (its hashers).

use crate::record::{Fnv, digits};
use crate::symbolize::{Stack, portable};

/// Innermost frames of the program that count.
const FRAMES: usize = 3;
/// Normalised characters of the message that count: the rest of a long message is usually its subject.
const MESSAGE_CHARS: usize = 200;
/// Shortest run of hex digits that is an identifier rather than a word.
const MIN_HEX: usize = 8;
/// Form of a UUID.
const UUID: &[u8; 36] = b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

/// What was hashed so far; see [`Fnv`] for why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(Fnv);

impl Fingerprint {
    /// The part that a stack contributes: the functions of the nearest frames of the program, or of the
    /// nearest frames at all when none belongs to the program.
    pub(crate) fn of_stack(stack: &Stack) -> Self {
        let mut state = Self::without_stack();
        let nearest = |in_app: bool| {
            stack
                .kept_logical()
                .filter(move |frame| frame.in_app != Some(false) || !in_app)
                .filter(|frame| !frame.plain.is_empty())
        };
        let any_in_app = nearest(true).next().is_some();
        for frame in nearest(any_in_app).take(FRAMES) {
            state.text(&frame.plain);
            state.byte(0xff);
        }
        state
    }

    /// The start, to which a stack without names contributes nothing.
    pub(crate) fn without_stack() -> Self {
        Self(Fnv::new())
    }

    /// Adds the place and the message. `file` is a portable path; `line` is given when the stack has no names.
    pub(crate) fn with(mut self, file: Option<&str>, line: Option<u32>, message: Option<&str>) -> Self {
        if let Some(file) = file {
            self.text(file);
        }
        self.byte(0xff);
        if let Some(line) = line {
            self.0.add(line.to_le_bytes());
        }
        self.byte(0xff);
        if let Some(message) = message {
            normalise(message, &mut |found| {
                let mut utf8 = [0; 4];
                self.text(found.encode_utf8(&mut utf8));
            });
        }
        self
    }

    /// 16 hex digits.
    pub(crate) fn to_text(self) -> String {
        let mut text = String::with_capacity(16);
        digits::push(&mut text, &digits::digits::<16>(self.0.get(), 16));
        text
    }

    fn text(&mut self, text: &str) {
        self.0.add(text.bytes());
    }

    fn byte(&mut self, byte: u8) {
        self.0.add([byte]);
    }
}

/// The file of the last panic and its portable path: in a storm it is always the same one.
#[derive(Debug, Default)]
pub(crate) struct PortableFile {
    file: String,
    portable: String,
}

impl PortableFile {
    /// The portable path of a file.
    pub(crate) fn of(&mut self, file: &str) -> &str {
        if self.file != file {
            file.clone_into(&mut self.file);
            self.portable = portable(file);
        }
        &self.portable
    }
}

/// Gives the characters of a message without its particulars: numbers, addresses and identifiers become
/// one `0`, text between double quotes goes away, white space becomes one space.
fn normalise(message: &str, give: &mut dyn FnMut(char)) {
    let mut rest = message;
    let mut before = ' ';
    for _ in 0..MESSAGE_CHARS {
        let Some(first) = rest.chars().next() else { return };
        let at_start = !before.is_ascii_alphanumeric();
        let (found, length) = if first == '"' {
            ('"', quoted(rest))
        } else if first.is_whitespace() {
            (' ', rest.find(|next: char| !next.is_whitespace()).unwrap_or(rest.len()))
        } else if let Some(length) =
            at_start.then(|| identifier(rest)).flatten().or_else(|| number(rest, at_start))
        {
            ('0', length)
        } else {
            (first, first.len_utf8())
        };
        give(found);
        before = rest[..length].chars().next_back().unwrap_or(found);
        rest = &rest[length..];
    }
}

/// Bytes of a UUID, an address (`0x…`), or a long run of hex digits at the start of a text.
fn identifier(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let ends = |length: usize| !bytes.get(length).is_some_and(u8::is_ascii_alphanumeric);
    let uuid = bytes.get(..UUID.len()).is_some_and(|bytes| {
        bytes
            .iter()
            .zip(UUID)
            .all(|(byte, form)| if *form == b'-' { *byte == b'-' } else { byte.is_ascii_hexdigit() })
    });
    if uuid && ends(UUID.len()) {
        return Some(UUID.len());
    }
    if let Some(hex) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
        return Some(2 + hex.bytes().take_while(|byte| byte.is_ascii_hexdigit() || *byte == b'_').count());
    }
    let hex = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let has_digit = bytes.iter().take(hex).any(u8::is_ascii_digit);
    (hex >= MIN_HEX && has_digit && ends(hex)).then_some(hex)
}

/// Bytes of a number at the start of a text, with its sign when it starts a word, its groups and its
/// fraction: `-1_000.5`, `10:22:01`.
fn number(rest: &str, at_start: bool) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut length = usize::from(at_start && bytes.first() == Some(&b'-'));
    let digits = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let mut group = digits(length);
    if group == 0 {
        return None;
    }
    while group > 0 {
        length += group;
        let joined = bytes.get(length).is_some_and(|byte| matches!(byte, b'.' | b'_' | b',' | b':'));
        group = if joined { digits(length + 1) } else { 0 };
        length += usize::from(group > 0);
    }
    Some(length)
}

/// Bytes of a text in double quotes, with its quotes; one byte when it is not closed.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, found) in rest.char_indices().skip(1) {
        match found {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return at + 1,
            _ => escaped = false,
        }
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::symbolize::test_stacks::stack;

    fn normal(message: &str) -> String {
        let mut text = String::new();
        normalise(message, &mut |found| text.push(found));
        text
    }

    #[test]
    fn particulars_go_and_words_stay() {
        for (message, expected) in [
            (
                "index out of bounds: the len is 3 but the index is 17",
                "index out of bounds: the len is 0 but the index is 0",
            ),
            ("at 0x7f3a_0010 and 0xDEADBEEF", "at 0 and 0"),
            ("no key \"user \\\" 7\" here", "no key \" here"),
            ("request 550e8400-e29b-41d4-a716-446655440000 failed", "request 0 failed"),
            ("took 1.5s of 1_000ms, 10:22:01", "took 0s of 0ms, 0"),
            ("a\n  left: 1\n right: 2", "a left: 0 right: 0"),
            ("deadbeef is a word and deadbee1 is not", "deadbeef is a word and 0 is not"),
            ("utf8 v2 x86_64 -5 a-5 7-8.", "utf0 v0 x0 0 a-0 0-0."),
            ("unclosed \"quote 5", "unclosed \"quote 0"),
            ("größe 5 ✗", "größe 0 ✗"),
            ("", ""),
        ] {
            assert_eq!(normal(message), expected, "{message}");
        }
    }

    /// A small deterministic generator: the property must hold for every seed.
    fn random(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *seed >> 33
    }

    #[test]
    fn any_numbers_in_one_message_give_one_fingerprint() {
        let print = Fingerprint::of_stack(&stack(&["app::work @ /a/src/m.rs:1"], 0));
        let mut seed = 7;
        let mut seen = std::collections::HashSet::new();
        for _ in 0..2000 {
            let (a, b, c) = (random(&mut seed), random(&mut seed) as u32 % 100, random(&mut seed));
            let message = format!("job {a} of {b} at {c:#x} for \"{a:x}\" failed after {b}.{a} s");
            seen.insert(print.with(Some("src/m.rs"), None, Some(&message)).to_text());
        }
        assert_eq!(seen.len(), 1);
        let text = seen.into_iter().next().unwrap();
        assert!(text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
    }

    #[test]
    fn any_text_is_normalised_without_a_panic_and_within_the_bound() {
        let alphabet: Vec<char> = "ab0f9x\"\\ -_.:,\n\tä✗0x".chars().collect();
        let mut seed = 3;
        for _ in 0..3000 {
            let length = random(&mut seed) % 300;
            let text: String =
                (0..length).map(|_| alphabet[random(&mut seed) as usize % alphabet.len()]).collect();
            let once = normal(&text);
            assert!(once.chars().count() <= MESSAGE_CHARS, "{text:?}");
        }
    }

    #[test]
    fn lines_of_frames_hashes_homes_and_versions_do_not_count() {
        let one = stack(
            &["app::work::{{closure}} @ /home/a/app/src/m.rs:10", "app::main @ /home/a/app/src/m.rs:20"],
            0,
        );
        let two = stack(
            &["app::work::{closure#3} @ /home/b/app/src/m.rs:11", "app::main @ /home/b/app/src/m.rs:99"],
            0,
        );
        assert_eq!(Fingerprint::of_stack(&one), Fingerprint::of_stack(&two));
        let place = "/home/a/.cargo/registry/src/index-1/serde-1.0.1/src/de.rs";
        let other = "/home/b/.cargo/registry/src/index-2/serde-1.0.9/src/de.rs";
        let print = Fingerprint::of_stack(&one);
        let mut files = PortableFile::default();
        let mut of = |file: &str| print.with(Some(files.of(file)), None, None);
        assert_eq!(of(place), of(other));
        assert_ne!(of(place), of("src/m.rs"));
    }

    #[test]
    fn another_function_place_or_message_is_another_cause() {
        let print = Fingerprint::of_stack(&stack(&["app::a @ /x/src/m.rs:1"], 0));
        let other = Fingerprint::of_stack(&stack(&["app::b @ /x/src/m.rs:1"], 0));
        let base = print.with(Some("src/m.rs"), None, Some("boom"));
        assert_ne!(base, other.with(Some("src/m.rs"), None, Some("boom")));
        assert_ne!(base, print.with(Some("src/n.rs"), None, Some("boom")));
        assert_ne!(base, print.with(Some("src/m.rs"), None, Some("bang")));
        assert_ne!(base, print.with(Some("src/m.rs"), None, None));
        assert_ne!(print.with(Some("m"), Some(1), None), print.with(Some("m"), Some(2), None));
    }

    #[test]
    fn the_value_is_fixed_for_ever() {
        let print = Fingerprint::of_stack(&stack(&["app::work @ /a/src/m.rs:1"], 0));
        assert_eq!(print.with(Some("src/m.rs"), None, Some("boom 1")).to_text(), "e572c3f849f5b444");
    }
}
