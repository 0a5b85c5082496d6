//! Reads the flat fields that every line begins with, and nothing behind them: a line of 10 kB costs what one of 600 bytes
//! does.
//!
//! The agent writes them in one order. A line with another order, or from another hand, is read by `serde_json`.
//!
//! Runs on: the threads that read. Must not: allocate for a line that is as usual.
//!
//! A little longer than other files: the quick way and the one by `serde_json` must read the same fields.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Process instance, and number of the panic in it.
pub(crate) type Id = (u64, u64);

/// What counts of a line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Head<'a> {
    pub(crate) kind: Kind,
    pub(crate) id: Id,
    pub(crate) ts_ms: i64,
    pub(crate) service: Option<Cow<'a, str>>,
    pub(crate) version: Option<Cow<'a, str>>,
    pub(crate) host: Option<Cow<'a, str>>,
    pub(crate) fingerprint: u64,
    pub(crate) message: Option<Text<'a>>,
    pub(crate) thread: Option<Text<'a>>,
    pub(crate) uncaught: Option<bool>,
    pub(crate) silent: Option<bool>,
    pub(crate) swallowed: Option<bool>,
    /// The panic that its chain began with.
    pub(crate) incident: Id,
    /// Panics that the line stands for.
    pub(crate) count: u64,
}

/// Lines that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Panic,
    Verdict,
    Repeats,
    /// Says nothing of a panic.
    Other,
}

/// A text that is decoded when somebody wants it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Text<'a> {
    /// As it stands between the quotation marks.
    Raw(&'a [u8]),
    Plain(Cow<'a, str>),
}

impl Text<'_> {
    pub(crate) fn decoded(&self) -> String {
        match self {
            Self::Raw(bytes) => decode(bytes).unwrap_or_default().into_owned(),
            Self::Plain(text) => text.clone().into_owned(),
        }
    }
}

/// Why a line is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    Torn,
    Foreign,
    Newer,
}

/// The head of a line, and whether it had the usual order.
pub(crate) fn head(line: &[u8]) -> Result<(Head<'_>, bool), Bad> {
    if !line.ends_with(b"}") {
        return Err(if line.starts_with(b"{\"schema\":") { Bad::Torn } else { Bad::Foreign });
    }
    match quick(line) {
        Some(head) => Ok((head, true)),
        None => slow(line).map(|head| (head, false)),
    }
}

/// Kind, id and incident alone, of a line on a panic that is as usual; `None`: [`head`] must tell.
pub(crate) fn ids(line: &[u8]) -> Option<(Kind, Id, Id)> {
    static INCIDENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b",\"incident\":\""));
    let mut at = Cursor { rest: line.strip_suffix(b"}")? };
    at.skip(b"{\"schema\":1,\"kind\":\"")?;
    let kind = match at.until_quote()? {
        b"panic" => Kind::Panic,
        b"verdict" => Kind::Verdict,
        _ => return None,
    };
    at.skip(b",\"id\":\"")?;
    let own = id(at.until_quote()?)?;
    // What stands before it are texts, in which quotation marks are escaped, and numbers.
    at.rest = at.rest.get(INCIDENT.find(at.rest)? + INCIDENT.needle().len()..)?;
    Some((kind, own, id(at.until_quote()?)?))
}

fn quick(line: &[u8]) -> Option<Head<'_>> {
    let mut at = Cursor { rest: line };
    at.skip(b"{\"schema\":1,\"kind\":\"")?;
    let kind = at.until_quote()?;
    let kind = match kind {
        b"panic" => Kind::Panic,
        b"verdict" => Kind::Verdict,
        // Its number of panics comes later.
        b"repeats" => return None,
        b"process" | b"finding" | b"test" | b"losses" | b"end" | b"death" => return Some(other()),
        _ => return None,
    };
    at.skip(b",\"id\":\"")?;
    let id = id(at.until_quote()?)?;
    at.skip(b",\"ts\":\"")?;
    at.until_quote()?;
    at.skip(b",\"ts_ms\":")?;
    let ts_ms = at.integer()?;
    at.skip(b",\"pid\":")?;
    at.integer()?;
    at.skip(b",\"level\":\"")?;
    at.until_quote()?;
    at.skip(b",\"service\":")?;
    let service = at.plain()?;
    at.skip(b",\"version\":")?;
    let version = at.plain()?;
    at.skip(b",\"environment\":")?;
    at.text()?;
    at.skip(b",\"host\":")?;
    let host = at.plain()?;
    at.skip(b",\"fingerprint\":\"")?;
    let fingerprint = hex(at.until_quote()?)?;
    at.skip(b",\"message\":")?;
    let message = at.text()?.map(Text::Raw);
    at.skip(b",\"thread\":")?;
    let thread = at.text()?.map(Text::Raw);
    at.skip(b",\"fate\":\"")?;
    at.until_quote()?;
    at.skip(b",\"receipt\":\"")?;
    at.until_quote()?;
    at.skip(b",\"basis\":\"")?;
    at.until_quote()?;
    at.skip(b",\"uncaught\":")?;
    let uncaught = at.word()?;
    at.skip(b",\"silent\":")?;
    let silent = at.word()?;
    at.skip(b",\"swallowed\":")?;
    let swallowed = at.word()?;
    at.skip(b",\"reason\":")?;
    at.text()?;
    at.skip(b",\"incident\":\"")?;
    let incident = self::id(at.until_quote()?)?;
    let count = 1;
    Some(Head {
        kind,
        id,
        ts_ms,
        service,
        version,
        host,
        fingerprint,
        message,
        thread,
        uncaught,
        silent,
        swallowed,
        incident,
        count,
    })
}

fn other() -> Head<'static> {
    Head {
        kind: Kind::Other,
        id: (0, 0),
        ts_ms: 0,
        service: None,
        version: None,
        host: None,
        fingerprint: 0,
        message: None,
        thread: None,
        uncaught: None,
        silent: None,
        swallowed: None,
        incident: (0, 0),
        count: 0,
    }
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn skip(&mut self, expected: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(())
    }

    /// A text without escapes, up to its end.
    fn until_quote(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'"', self.rest.get(..64).unwrap_or(self.rest))?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..)?;
        (!text.contains(&b'\\')).then_some(text)
    }

    fn integer(&mut self) -> Option<i64> {
        let len = self.rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
        let (digits, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// `null` or a text, escapes and all.
    fn text(&mut self) -> Option<Option<&'a [u8]>> {
        if let Some(rest) = self.rest.strip_prefix(b"null") {
            self.rest = rest;
            return Some(None);
        }
        let text = self.rest.strip_prefix(b"\"")?;
        let mut from = 0;
        loop {
            let at = from + memchr::memchr2(b'"', b'\\', text.get(from..)?)?;
            if text.get(at) == Some(&b'"') {
                let (text, rest) = text.split_at(at);
                self.rest = rest.get(1..)?;
                return Some(Some(text));
            }
            // Whatever is escaped is no end.
            from = at + 2;
        }
    }

    fn plain(&mut self) -> Option<Option<Cow<'a, str>>> {
        match self.text()? {
            None => Some(None),
            Some(text) => decode(text).map(Some),
        }
    }

    fn word(&mut self) -> Option<Option<bool>> {
        let words: [(&[u8], Option<bool>); 3] =
            [(b"true", Some(true)), (b"false", Some(false)), (b"null", None)];
        for (word, value) in words {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Some(value);
            }
        }
        None
    }
}

/// What stands between quotation marks, without its escapes.
fn decode(text: &[u8]) -> Option<Cow<'_, str>> {
    if !text.contains(&b'\\') {
        return std::str::from_utf8(text).ok().map(Cow::Borrowed);
    }
    let quoted = [b"\"", text, b"\""].concat();
    serde_json::from_slice(&quoted).ok().map(Cow::Owned)
}

fn id(text: &[u8]) -> Option<Id> {
    let (instance, number) = text.split_at_checked(16)?;
    let number = std::str::from_utf8(number.strip_prefix(b"-")?).ok()?.parse().ok()?;
    Some((hex(instance)?, number))
}

fn hex(text: &[u8]) -> Option<u64> {
    if text.len() != 16 {
        return None;
    }
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(u64::from(byte - b'0')),
        b'a'..=b'f' => Some(u64::from(byte - b'a' + 10)),
        _ => None,
    };
    text.iter().try_fold(0, |number, byte| Some(number << 4 | digit(byte)?))
}

/// The same fields, in any order.
#[derive(Deserialize)]
struct Slow<'a> {
    schema: u32,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    ts_ms: i64,
    #[serde(borrow, default)]
    service: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    version: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    host: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    fingerprint: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    thread: Option<Cow<'a, str>>,
    #[serde(default)]
    uncaught: Option<bool>,
    #[serde(default)]
    silent: Option<bool>,
    #[serde(default)]
    swallowed: Option<bool>,
    #[serde(borrow, default)]
    incident: Option<Cow<'a, str>>,
    #[serde(default)]
    count: Option<u64>,
}

fn slow(line: &[u8]) -> Result<Head<'_>, Bad> {
    let line: Slow<'_> = match serde_json::from_slice(line) {
        Ok(line) => line,
        Err(_)
            if line.starts_with(b"{\"schema\":") && serde_json::from_slice::<IgnoredAny>(line).is_err() =>
        {
            return Err(Bad::Torn);
        }
        Err(_) => return Err(Bad::Foreign),
    };
    if line.schema != 1 {
        return Err(Bad::Newer);
    }
    let kind = match &*line.kind {
        "panic" => Kind::Panic,
        "verdict" => Kind::Verdict,
        "repeats" => Kind::Repeats,
        _ => return Ok(other()),
    };
    let number = match kind {
        Kind::Repeats => (0, 0),
        _ => id(line.id.as_bytes()).ok_or(Bad::Foreign)?,
    };
    let incident = line.incident.as_deref().and_then(|text| id(text.as_bytes()));
    let fingerprint = line.fingerprint.as_deref().and_then(|text| hex(text.as_bytes()));
    Ok(Head {
        kind,
        id: number,
        ts_ms: line.ts_ms,
        service: line.service,
        version: line.version,
        host: line.host,
        fingerprint: fingerprint.ok_or(Bad::Foreign)?,
        message: line.message.map(Text::Plain),
        thread: line.thread.map(Text::Plain),
        uncaught: line.uncaught,
        silent: line.silent,
        swallowed: line.swallowed,
        // Lines of before have none: such a panic stands alone.
        incident: incident.unwrap_or(number),
        count: if kind == Kind::Repeats { line.count.unwrap_or(0) } else { 1 },
    })
}

/// The value behind a key that can stand nowhere else in a line: inside a text its quotation marks would be escaped.
pub(crate) fn behind<'d, T: Deserialize<'d>>(line: &'d [u8], key: &str) -> Option<T> {
    let at = memchr::memmem::find(line, key.as_bytes())?;
    let rest = line.get(at + key.len()..)?;
    serde_json::Deserializer::from_slice(rest).into_iter().next()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<String> {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lines");
        let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        files
            .flat_map(|path| {
                std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn the_quick_way_reads_what_the_slow_way_does_on_every_real_line() {
        let lines = lines();
        let mut counted = 0;
        for line in &lines {
            let (quick, slow) =
                (quick(line.as_bytes()).expect("the usual order"), slow(line.as_bytes()).unwrap());
            let text = |text: &Option<Text<'_>>| text.as_ref().map(Text::decoded);
            assert_eq!(text(&quick.message), text(&slow.message));
            assert_eq!(text(&quick.thread), text(&slow.thread));
            assert_eq!(
                Head { message: None, thread: None, ..quick.clone() },
                Head { message: None, thread: None, ..slow }
            );
            let of_panic = matches!(quick.kind, Kind::Panic | Kind::Verdict);
            let wanted = of_panic.then_some((quick.kind, quick.id, quick.incident));
            assert_eq!(ids(line.as_bytes()), wanted);
            counted += usize::from(quick.kind == Kind::Panic);
        }
        assert!(counted >= 10, "{counted}");
    }

    #[test]
    fn every_cut_of_a_line_is_bad_and_another_order_is_read_all_the_same() {
        let line = lines().into_iter().find(|line| line.contains("\"kind\":\"panic\"")).unwrap();
        for end in 1..line.len() {
            assert!(head(&line.as_bytes()[..end]).is_err() || line.as_bytes()[end - 1] == b'}', "{end}");
        }
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        let sorted = value.to_string();
        let ((a, quick), (b, other)) = (head(line.as_bytes()).unwrap(), head(sorted.as_bytes()).unwrap());
        assert_eq!((quick, other), (true, false));
        assert_eq!((a.id, a.fingerprint, a.silent), (b.id, b.fingerprint, b.silent));
        assert_eq!(head(line.replace("\"schema\":1", "\"schema\":2").as_bytes()), Err(Bad::Newer));
        assert_eq!(head(b"{}"), Err(Bad::Foreign));
    }
}
