//! Logical frames of one address, and the rules that read them.
//!
//! Runs on: the writer thread. Must not: do I/O.

use super::name::{crate_of, plain_path};
use super::origin::{Origin, crate_of_file, crate_of_image, is_library_crate, is_std_crate};
use super::resolve::Found;
use super::source_path::inside;

/// Directories of images that the system brings.
const SYSTEM_DIRECTORIES: [&str; 5] = ["/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/", "/System/"];

/// The same of Windows, behind the letter of the drive; upper and lower case are one.
const WINDOWS_DIRECTORY: &[u8] = br":\windows\";

/// Where the sources of this crate lie in this build.
const OWN_SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/");

/// A function at an address: the physical one, or one inlined into the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Logical {
    /// Demangled name, for people.
    pub(crate) function: Option<String>,
    /// The name reduced to a path, for rules; empty without a name.
    pub(crate) plain: String,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
    pub(crate) column: Option<u32>,
    /// Whether the name or the file says that it was not compiled from Rust.
    pub(crate) foreign: bool,
    /// Whether it belongs to the program; `None` when neither its path nor its file tells.
    pub(crate) in_app: Option<bool>,
}

impl Logical {
    /// Judges what a resolver found; `image` is the path of the image at the address.
    pub(crate) fn new(found: Found<'_>, image: Option<&str>) -> Self {
        let Found { function, raw_name, file, line, column } = found;
        let plain = function.as_deref().map(|name| plain_path(name, file.as_deref())).unwrap_or_default();
        let foreign = is_foreign(raw_name.unwrap_or_default(), file.as_deref());
        let in_app = if foreign { Some(false) } else { is_in_app(&plain, file.as_deref(), image) };
        Self { function, plain, file, line, column, foreign, in_app }
    }

    /// Whether this is one of the functions between a `catch_unwind` call and the code it guards.
    pub(crate) fn is_catch_machinery(&self) -> bool {
        self.is_catch()
            || matches!(
                self.plain.as_str(),
                "std::panicking::do_call"
                    | "std::panicking::catch_unwind::do_call"
                    | "std::panicking::try::do_call"
            )
    }

    /// Whether this function holds the landing pad of a `catch_unwind` call.
    pub(crate) fn is_catch(&self) -> bool {
        matches!(
            self.plain.as_str(),
            "std::panicking::catch_unwind" | "std::panicking::try" | "std::panic::catch_unwind"
        ) || self.plain.starts_with("__rust_try")
            || self.plain.ends_with("::__rust_try")
    }

    /// Whether this is one of the functions between `panic!` and the hook.
    pub(crate) fn is_panic_machinery(&self) -> bool {
        const EXACT: [&str; 10] = [
            "rust_begin_unwind",
            "__rustc::rust_begin_unwind",
            "std::sys::backtrace::__rust_end_short_backtrace",
            "std::sys_common::backtrace::__rust_end_short_backtrace",
            "__rust_end_short_backtrace",
            "std::panic::panic_any",
            // The closure of `panic_handler`, where line tables give the last part of its name only.
            "std::panicking::{closure}",
            "core::option::unwrap_failed",
            "core::option::expect_failed",
            "core::result::unwrap_failed",
        ];
        const WITHIN: [&str; 9] = [
            "core::panicking::",
            "std::panicking::panic_with_hook",
            "std::panicking::rust_panic",
            "std::panicking::panic_handler",
            "std::panicking::begin_panic",
            "std::panicking::default_hook",
            "std::panicking::resume_unwind",
            "core::cell::panic_already_",
            "core::str::slice_error_fail",
        ];
        EXACT.contains(&self.plain.as_str())
            || WITHIN.iter().any(|prefix| self.plain.starts_with(prefix))
            || (self.plain.starts_with("core::slice::index::slice_") && self.plain.contains("_fail"))
    }

    /// Whether this is the function of std that calls the hook; what is inlined into it is the call.
    pub(crate) fn is_hook_caller(&self) -> bool {
        self.plain.ends_with("panicking::panic_with_hook")
            || self.plain.ends_with("panicking::rust_panic_with_hook")
    }

    /// Whether this runs a destructor.
    pub(crate) fn is_drop(&self) -> bool {
        self.plain.starts_with("core::ptr::drop_in_place")
            || self.plain.starts_with("core::ptr::drop_glue")
            || self.function.as_deref().is_some_and(|name| {
                name == "drop"
                    || name.starts_with("drop<")
                    || name.ends_with(" as core::ops::drop::Drop>::drop")
            })
    }

    /// Whether this belongs to std rather than to a crate of somebody.
    pub(crate) fn is_std(&self) -> bool {
        match &self.file {
            Some(file) => Origin::of_file(file) == Origin::Std,
            None => crate_of(&self.plain).is_some_and(is_std_crate) || self.plain.starts_with("__rust"),
        }
    }
}

/// Whether a function belongs to the program, by its crate first: paths can be remapped, and sources vendored.
fn is_in_app(plain: &str, file: Option<&str>, image: Option<&str>) -> Option<bool> {
    if image.is_some_and(is_system_image) {
        return Some(false);
    }
    let crate_name = crate_of(plain);
    if crate_name.is_some_and(|name| is_std_crate(name) || is_library_crate(name) || name == "panic_agent") {
        return Some(false);
    }
    let own = |name: &str| image.is_some_and(|image| crate_of_image(image) == name);
    // Also where a macro of another crate wrote it.
    if crate_name.is_some_and(own) {
        return Some(true);
    }
    match file {
        // The agent's own code, where names have no path.
        Some(file) if inside(file, OWN_SOURCES).is_some() => Some(false),
        Some(file) => match Origin::of_file(file) {
            Origin::Std | Origin::Dependency => Some(false),
            Origin::Program => Some(true),
            // The program, where it was built out of an archive.
            Origin::Package => crate_of_file(file).is_some_and(|name| own(&name)).then_some(true),
        },
        // A name without a path is C's, or the linker's.
        None => (crate_name.is_none() && !plain.is_empty()).then_some(false),
    }
}

/// Whether an image is part of the system, by its path.
pub(crate) fn is_system_image(path: &str) -> bool {
    path.starts_with('[')
        || path.starts_with("linux-vdso")
        || SYSTEM_DIRECTORIES.iter().any(|directory| path.starts_with(directory))
        || path
            .as_bytes()
            .get(1..=WINDOWS_DIRECTORY.len())
            .is_some_and(|directory| directory.eq_ignore_ascii_case(WINDOWS_DIRECTORY))
}

/// Whether an image is the C library or the loader, which call the program and are called by it at the ends of a stack.
pub(crate) fn is_c_library(path: &str) -> bool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let is_windows = ["ntdll.dll", "kernel32.dll", "kernelbase.dll", "ucrtbase.dll", "msvcrt.dll"]
        .iter()
        .any(|library| name.eq_ignore_ascii_case(library));
    is_windows
        || [
            "libsystem_",
            "libdyld",
            "dyld",
            "libc.so",
            "libc-",
            "libc.musl-",
            "ld-musl-",
            "libpthread",
            "ld-linux",
            "ld-2",
            "linux-vdso",
            "[vdso]",
        ]
        .iter()
        .any(|start| name.starts_with(start))
}

fn is_foreign(raw_name: &[u8], file: Option<&str>) -> bool {
    if let Some((_, extension)) = file.and_then(|file| file.rsplit_once('.')) {
        return extension != "rs" && !extension.contains(['/', '\\']);
    }
    // An Itanium name; Rust's own old scheme is told apart by the hash at its end.
    raw_name.starts_with(b"_Z") && !is_old_rust_name(raw_name)
}

fn is_old_rust_name(name: &[u8]) -> bool {
    // LLVM marks what it split, cloned or made local: `…E.llvm.1234`, `…E.cold`.
    let marked = name.windows(2).rposition(|pair| pair == b"E.").and_then(|at| name.get(..=at));
    let name = if name.ends_with(b"E") { name } else { marked.unwrap_or(name) };
    let Some(end) = name.strip_suffix(b"E").and_then(|name| name.len().checked_sub(19).map(|at| &name[at..]))
    else {
        return false;
    };
    end.starts_with(b"17h") && end[3..].iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logical(function: &str, raw: &[u8], file: Option<&str>, image: Option<&str>) -> Logical {
        let found = Found {
            function: Some(function.to_owned()),
            raw_name: Some(raw),
            file: file.map(str::to_owned),
            line: None,
            column: None,
        };
        Logical::new(found, image)
    }

    #[test]
    fn in_app_is_neither_std_nor_a_dependency_nor_the_system() {
        let program = Some("/home/u/app/src/main.rs");
        let exe = Some("/home/u/app/target/debug/app");
        let windows = Some(r"C:\work\app\target\debug\app.exe");
        let own = format!("{OWN_SOURCES}hook/driver.rs").replace('/', r"\");
        for (name, file, image, expected) in [
            ("app::work", program, exe, true),
            ("app::work", None, exe, true),
            ("tokio::spawn", None, exe, false),
            ("tokio::spawn", Some("/build/app/third_party/tokio/src/lib.rs"), exe, false),
            ("spawn", Some("/build/app/vendor/other/src/lib.rs"), exe, false),
            ("spawn", Some("/index.crates.io-1949cf8c6b5b557f/other-1.0.0/src/lib.rs"), exe, false),
            ("work", Some("/build/app-1.2.3/src/main.rs"), exe, true),
            ("work", Some(r"C:\work\app\src\main.rs"), windows, true),
            ("spawn", Some(r"C:\Users\u\.cargo\registry\src\index-1\other-1.0.0\src\lib.rs"), windows, false),
            ("call_once", Some(r"/rustc/ab/library\core\src\ops\function.rs"), windows, false),
            ("on_panic", Some(&*own), windows, false),
            ("work", program, exe, true),
            ("tokio::spawn", Some("/r/registry/src/i-1/tokio-1.0/src/lib.rs"), exe, false),
            ("core::ptr::drop_in_place<app::X>", None, exe, false),
            ("<app::X as core::fmt::Display>::fmt", None, exe, true),
            ("app::work", None, Some("/home/u/app/target/debug/deps/app-0123456789abcdef"), true),
            ("<alloc::boxed::Box<F> as core::ops::function::FnOnce<A>>::call_once", None, exe, false),
            ("__libc_start_main_impl", None, Some("/usr/lib/x86_64-linux-gnu/libc.so.6"), false),
            ("main", None, exe, false),
            ("panic_agent::hook::on_panic", program, exe, false),
            ("plugin::run", None, Some("/usr/lib/plugin.so"), false),
        ] {
            assert_eq!(logical(name, b"", file, image).in_app, Some(expected), "{name} {file:?}");
        }
        for (name, file) in
            [("other::work", None), ("", None), ("work", Some("/remapped/other-1.2.3/src/lib.rs"))]
        {
            assert_eq!(logical(name, b"", file, exe).in_app, None, "{name} {file:?}");
        }
    }

    #[test]
    fn the_c_library_is_known_by_the_name_of_its_file() {
        for path in [
            "/lib/x86_64-linux-gnu/libc.so.6",
            "/lib64/ld-linux-x86-64.so.2",
            "/usr/lib/libpthread.so.0",
            "/lib/ld-musl-x86_64.so.1",
            "/lib/libc.musl-x86_64.so.1",
        ] {
            assert!(is_c_library(path), "{path}");
        }
        for path in [r"C:\WINDOWS\System32\KERNEL32.DLL", "/usr/lib/system/libsystem_c.dylib"] {
            assert!(is_c_library(path) && is_system_image(path), "{path}");
        }
        assert!(!is_system_image(r"C:\windows-app\app.exe") && !is_system_image(r":\windows\a"));
        for path in ["/srv/app/target/debug/app", "/usr/lib/rustlib/libstd-01.so", "/lib/libcurl.so.4", ""] {
            assert!(!is_c_library(path), "{path}");
        }
    }

    #[test]
    fn another_language_is_told_by_file_or_mangling() {
        assert!(logical("run()", b"_Z3runv", None, None).foreign);
        assert!(logical("run", b"run", Some("/a/run.cc"), None).foreign);
        assert!(!logical("app::f", b"_ZN3app1f17h0123456789abcdefE", None, None).foreign);
        assert!(!logical("app::f", b"_ZN3app1f17h0123456789abcdefE.llvm.1234", None, None).foreign);
        let job = b"_ZN83_$LT$a..job..Job$u20$as$u20$a..Job$GT$7execute17h0123456789abcdefE.llvm.99";
        assert!(!logical("<a::job::Job as a::Job>::execute", job, None, None).foreign);
        assert!(logical("run()", b"_Z3runv.cold", None, None).foreign);
        assert!(!logical("app::f", b"_RNvC3app1f", None, None).foreign);
        assert!(!logical("f", b"f", Some("/a/b.c/f.rs"), None).foreign);
        assert!(
            !logical("f", b"f", Some(r"C:\b.c\f"), None).foreign
                && logical("f", b"f", Some(r"C:\b\f.c"), None).foreign
        );
    }

    #[test]
    fn machinery_is_known_by_path_and_by_file() {
        let panicking = Some("/rustc/a/library/std/src/panicking.rs");
        let panic = Some("/rustc/a/library/std/src/panic.rs");
        assert!(logical("catch_unwind<(), app::C>", b"", panicking, None).is_catch());
        assert!(logical("catch_unwind<app::C, ()>", b"", panic, None).is_catch());
        assert!(logical("do_call<app::C, ()>", b"", panicking, None).is_catch_machinery());
        assert!(!logical("catch_unwind", b"", Some("/home/u/app/src/main.rs"), None).is_catch());
        assert!(logical("panic_any<u8>", b"", panic, None).is_panic_machinery());
        assert!(logical("std::panicking::panic_handler::{closure#0}", b"", None, None).is_panic_machinery());
        assert!(!logical("std::panicking::catch_unwind::do_call", b"", None, None).is_panic_machinery());
        assert!(logical("{closure#0}", b"", panicking, None).is_panic_machinery());
        for helper in [
            "core::option::unwrap_failed",
            "core::option::expect_failed",
            "core::result::unwrap_failed",
            "core::slice::index::slice_index_fail",
            "core::slice::index::slice_end_index_len_fail::do_panic::runtime",
            "core::str::slice_error_fail_rt",
            "core::cell::panic_already_borrowed",
            "core::panicking::panic_bounds_check",
        ] {
            assert!(logical(helper, b"", None, None).is_panic_machinery(), "{helper}");
        }
        for kept in [
            "core::option::Option<T>::unwrap",
            "core::result::Result<T,E>::expect",
            "<usize as core::slice::index::SliceIndex<[T]>>::index",
            "core::slice::index::slice_of",
            "core::str::traits::index",
        ] {
            assert!(!logical(kept, b"", None, None).is_panic_machinery(), "{kept}");
        }
    }

    #[test]
    fn destructors_are_known_in_both_kinds_of_debug_information() {
        assert!(logical("core::ptr::drop_in_place<app::X>", b"", None, None).is_drop());
        assert!(logical("<app::X as core::ops::drop::Drop>::drop", b"", None, None).is_drop());
        assert!(logical("drop", b"", Some("/home/u/app/src/main.rs"), None).is_drop());
        assert!(!logical("app::dropper::drop_all", b"", None, None).is_drop());
    }
}
