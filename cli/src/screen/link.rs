//! Links on places: terminals that know OSC 8 open the editor, others show the text alone.
//!
//! Runs on: the main thread. Must not: put text of a line into an escape sequence unquoted.

use std::fmt::Write as _;
use std::path::Path;

/// Variable with the format: a URL with `{path}`, `{line}` and `{host}`, a name from [`NAMED`], or `none`.
const VARIABLE: &str = "PANIC_AGENT_LINKS";
/// Formats by name.
const NAMED: [(&str, &str); 5] = [
    ("file", "file://{host}{path}"),
    ("vscode", "vscode://file{path}:{line}"),
    ("zed", "zed://file{path}:{line}"),
    ("idea", "idea://open?file={path}&line={line}"),
    ("none", ""),
];

/// How places become links.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    format: String,
}

impl Links {
    pub(crate) fn none() -> Self {
        Self { format: String::new() }
    }

    pub(crate) fn from_environment() -> Self {
        let word = std::env::var(VARIABLE).unwrap_or_else(|_| "file".to_owned());
        let named = NAMED.iter().find(|(name, _)| *name == word).map(|(_, format)| (*format).to_owned());
        Self { format: named.unwrap_or(word) }
    }

    /// The text, as a link to a line of a file that is there.
    pub(crate) fn on(&self, text: &str, file: Option<&Path>, line: Option<u32>) -> String {
        let Some(path) = file.filter(|_| !self.format.is_empty()) else { return text.to_owned() };
        let url = self.format.replace("{path}", &quoted(&path.to_string_lossy()));
        let url = url.replace("{line}", &line.unwrap_or(1).to_string()).replace("{host}", "localhost");
        format!("\u{1b}]8;;{url}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\")
    }
}

/// A path as a part of a URL.
fn quoted(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {
                out.push(byte.into())
            }
            other => write!(out, "%{other:02X}").unwrap_or_default(),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_leave_its_link_and_a_named_format_has_the_line() {
        let links = Links { format: "vscode://file{path}:{line}".to_owned() };
        let link = links.on("x", Some(Path::new("/a b/\u{1b}c.rs")), Some(7));
        assert_eq!(link, "\u{1b}]8;;vscode://file/a%20b/%1Bc.rs:7\u{1b}\\x\u{1b}]8;;\u{1b}\\");
        assert_eq!(Links::none().on("x", Some(Path::new("/a")), None), "x");
    }
}
