//! Source paths as text. A compiler on Windows writes `C:\app\src\main.rs`, and `/rustc/…/library\std\src\panicking.rs`.
//!
//! Runs on: the writer thread, recoveries, threads that audit. Must not: do I/O; the machine that built it is another one.

use std::borrow::Cow;

/// The path with `/` between its parts, as the rules compare it.
pub(crate) fn with_slashes(file: &str) -> Cow<'_, str> {
    if file.contains('\\') { Cow::Owned(file.replace('\\', "/")) } else { Cow::Borrowed(file) }
}

/// What follows a directory, whose path ends with a separator of either kind.
pub(crate) fn inside<'a>(file: &'a str, directory: &str) -> Option<&'a str> {
    let (start, rest) = file.split_at_checked(directory.len())?;
    let part = |byte| if byte == b'\\' { b'/' } else { byte };
    start.bytes().map(part).eq(directory.bytes().map(part)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_separators_are_one() {
        assert_eq!(with_slashes(r"/rustc/ab/library\std\src\panic.rs"), "/rustc/ab/library/std/src/panic.rs");
        assert!(matches!(with_slashes("/home/u/app/src/main.rs"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_file_is_inside_a_directory_whichever_separator_each_of_them_has() {
        // As `concat!(env!("CARGO_MANIFEST_DIR"), "/src/")` is there.
        let directory = r"C:\work\agent/src/";
        assert_eq!(inside(r"C:\work\agent\src\wrap\thread.rs", directory), Some(r"wrap\thread.rs"));
        assert_eq!(inside("C:/work/agent/src/lib.rs", directory), Some("lib.rs"));
        assert_eq!(inside("/work/agent/src/lib.rs", "/work/agent/src/"), Some("lib.rs"));
        for other in [
            r"C:\work\agent\srcs\lib.rs",
            r"D:\work\agent\src\lib.rs",
            r"C:\work\agent",
            "",
            "C:/work/agent/src\u{e9}",
        ] {
            assert_eq!(inside(other, directory), None, "{other}");
        }
    }
}
