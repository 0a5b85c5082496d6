//! Puts lines together again whose stack stands in an earlier line of their file.
//!
//! Runs on: readers. Must not: panic, or grow beyond its bounds, whatever is in the file.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Before the 16 hex digits of a name.
const NAME: &[u8] = br#","stack_id":""#;
/// Behind them, at the end of the line.
const CLOSED: &[u8] = br#""}"#;
/// How what a line says of its stack begins. Quotes in a text are escaped, and no map has an object as a value.
const STACK: &[u8] = br#","prediction":{"#;
/// Digits of a name.
const DIGITS: usize = 16;
/// Stacks that are kept. A process takes for granted that 256 of its own are.
const MAX_STACKS: usize = 4096;
/// Bytes of them.
const MAX_BYTES: usize = 128 << 20;
/// In place of a stack that is not there.
const ELSEWHERE: &[u8] = br#","prediction":{"stop":"unknown","abort_reason":null,"frame":null,"action":null,"handler":null,"reason":"stack_elsewhere","source":null},"stack":{"source":"none","end":"not_walked","physical":0,"trimmed_inner":0,"not_recorded":0,"cut_for_size":0},"soft_errors":[{"field":"frames","code":"stack_elsewhere","detail":"an earlier line of the file shows the stack, and that line was not read"}],"images":[],"frames":[]"#;

type Name = [u8; DIGITS];

/// The stacks of a file that is read from its beginning, written with
/// [`Stacks::Once`](crate::sink::Stacks::Once).
///
/// [`LineReader`](super::LineReader) has one and uses it. It is for readers that look at the bytes of lines themselves.
///
/// # Examples
/// ```
/// use panic_agent::record::StackBook;
///
/// let mut book = StackBook::default();
/// let mut line = Vec::new();
/// let first = br#"{"id":"1","prediction":{},"frames":[1],"stack_id":"00000000000000ab"}"#;
/// assert!(!book.complete(first, &mut line), "it is whole");
/// assert!(book.complete(br#"{"id":"2","stack_id":"00000000000000ab"}"#, &mut line));
/// assert_eq!(line, br#"{"id":"2","prediction":{},"frames":[1],"stack_id":"00000000000000ab"}"#);
/// ```
#[derive(Debug, Default)]
pub struct StackBook {
    ends: HashMap<Name, Arc<[u8]>>,
    /// Oldest first.
    order: VecDeque<Name>,
    bytes: usize,
}

impl StackBook {
    /// Takes the next line of the file, without its newline. If it only names its stack, puts the whole line into `whole`
    /// and gives true. If it shows a stack, that is kept.
    ///
    /// The stack of a line that was not taken is replaced by none at all, with the soft error `stack_elsewhere`.
    ///
    /// # Bounds
    /// The last 4096 stacks are kept, 128 MiB at most.
    pub fn complete(&mut self, line: &[u8], whole: &mut Vec<u8>) -> bool {
        let Some((said, name)) = split(line) else { return false };
        if let Some(at) = find(said, STACK) {
            self.learn(name, said.get(at..).unwrap_or_default());
            return false;
        }
        whole.clear();
        whole.extend_from_slice(said);
        whole.extend_from_slice(self.ends.get(&name).map_or(ELSEWHERE, |end| end));
        whole.extend_from_slice(line.get(said.len()..).unwrap_or_default());
        true
    }

    /// Whether the line only names its stack, and that is not known.
    pub fn lacks(&self, line: &[u8]) -> bool {
        split(line).is_some_and(|(said, name)| !self.ends.contains_key(&name) && find(said, STACK).is_none())
    }

    fn learn(&mut self, name: Name, end: &[u8]) {
        if let Some(before) = self.ends.insert(name, end.into()) {
            self.bytes = self.bytes.saturating_sub(before.len());
            self.order.retain(|known| *known != name);
        }
        self.order.push_back(name);
        self.bytes = self.bytes.saturating_add(end.len());
        while self.order.len() > MAX_STACKS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.order.pop_front() else { return };
            let gone = self.ends.remove(&oldest).map_or(0, |end| end.len());
            self.bytes = self.bytes.saturating_sub(gone);
        }
    }
}

/// What a line says before the name of its stack, and that name: the last field. Nothing inside of the line can be taken
/// for it, because the brace closes the line.
fn split(line: &[u8]) -> Option<(&[u8], Name)> {
    let rest = line.strip_suffix(CLOSED)?;
    let (rest, name) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
    let name: Name = name.try_into().ok()?;
    let is_name = name.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    rest.strip_suffix(NAME).filter(|_| is_name).map(|said| (said, name))
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: u64) -> Vec<u8> {
        let said = r#"{"id":"1","labels":{"stack_id":"00000000000000ff","prediction":"{"}"#;
        format!(r#"{said},"prediction":{{"of":{name}}},"frames":[],"stack_id":"{name:016x}"}}"#).into_bytes()
    }

    fn named(name: u64) -> Vec<u8> {
        format!(r#"{{"id":"2","message":"\",\"prediction\":{{\"","stack_id":"{name:016x}"}}"#).into_bytes()
    }

    #[test]
    fn a_stack_that_was_shown_is_put_in_and_another_is_missed() {
        let (mut book, mut whole) = (StackBook::default(), Vec::new());
        for name in [7, 8] {
            assert!(book.lacks(&named(name)));
            assert!(!book.complete(&shown(name), &mut whole));
            assert!(!book.lacks(&named(name)) && !book.lacks(&shown(9)));
        }
        for name in [8, 7, 9] {
            assert!(book.complete(&named(name), &mut whole));
            let line: serde_json::Value = serde_json::from_slice(&whole).unwrap();
            assert_eq!(line["id"], "2");
            assert_eq!(line["stack_id"], format!("{name:016x}"));
            let elsewhere = &line["soft_errors"][0]["code"];
            match name {
                9 => assert_eq!(elsewhere, "stack_elsewhere"),
                _ => assert_eq!((&line["prediction"]["of"], elsewhere.is_null()), (&name.into(), true)),
            }
        }
    }

    #[test]
    fn what_names_no_stack_stays_as_it_is() {
        let mut whole = Vec::new();
        let line = String::from_utf8(named(7)).unwrap();
        for other in [
            String::new(),
            "\"}".to_owned(),
            line.replace("stack_id", "stack"),
            line.replace("07\"", "0G\""),
            line.replace("00007\"", "7\""),
            line.replace("\"}", "\"}}"),
            line.trim_end_matches('}').to_owned(),
        ] {
            assert!(!StackBook::default().complete(other.as_bytes(), &mut whole), "{other}");
        }
    }

    #[test]
    fn the_oldest_are_given_up_and_who_is_shown_again_is_young() {
        let (mut book, mut whole) = (StackBook::default(), Vec::new());
        for name in 0..MAX_STACKS as u64 {
            book.complete(&shown(name), &mut whole);
        }
        book.complete(&shown(0), &mut whole);
        book.complete(&shown(1 << 20), &mut whole);
        assert!(book.lacks(&named(1)) && !book.lacks(&named(0)) && !book.lacks(&named(2)));
        assert_eq!((book.ends.len(), book.order.len()), (MAX_STACKS, MAX_STACKS));
        assert_eq!(book.bytes, book.ends.values().map(|end| end.len()).sum::<usize>());
    }
}
