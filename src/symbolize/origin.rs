//! Tells from a source path where code comes from: std, a dependency, or the program.
//!
//! Runs on: the writer thread. Must not: do I/O; the path is only text.

use super::source_path::with_slashes;

/// Crates that come with the compiler.
const STD_CRATES: [&str; 9] = [
    "std",
    "core",
    "alloc",
    "test",
    "proc_macro",
    "panic_unwind",
    "panic_abort",
    "compiler_builtins",
    "std_detect",
];

/// Packages that are nobody's own program: runtimes, and what surrounds them on every stack. What lies in a directory of
/// this name is theirs, wherever the sources were vendored to and however their paths were remapped.
const LIBRARIES: [&str; 33] = [
    "actix-rt",
    "actix-server",
    "actix-web",
    "async-executor",
    "async-io",
    "async-std",
    "async-task",
    "axum",
    "axum-core",
    "blocking",
    "crossbeam-channel",
    "crossbeam-deque",
    "crossbeam-utils",
    "futures-core",
    "futures-executor",
    "futures-lite",
    "futures-util",
    "h2",
    "hyper",
    "hyper-util",
    "mio",
    "rayon",
    "rayon-core",
    "smol",
    "tokio",
    "tokio-stream",
    "tokio-util",
    "tonic",
    "tower",
    "tower-http",
    "tower-layer",
    "tower-service",
    "tracing",
];

/// Where a source file belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// std, core, alloc, test and what they bring along.
    Std,
    /// A crate from a registry, a git checkout of cargo or a vendored directory, or one that is known by its name.
    Dependency,
    /// A package with a version in the name of its directory: a dependency whose path was remapped, or the program
    /// itself, unpacked from an archive.
    Package,
    /// Anything else.
    Program,
}

impl Origin {
    /// Reads it from a source path as the compiler recorded it.
    pub(crate) fn of_file(file: &str) -> Self {
        let file = &*with_slashes(file);
        if library(file).is_some() || file.starts_with("/rustc/") {
            Self::Std
        } else if dependency_root(file).is_some() {
            Self::Dependency
        } else if versioned_root(file).is_some() {
            Self::Package
        } else {
            Self::Program
        }
    }
}

/// Whether a crate of this name is a runtime or one of the libraries around them.
pub(crate) fn is_library_crate(name: &str) -> bool {
    LIBRARIES.iter().any(|library| same_crate(library, name))
}

/// Whether a package, whose name may have dashes, has this crate.
fn same_crate(package: &str, crate_name: &str) -> bool {
    package.len() == crate_name.len()
        && package.bytes().zip(crate_name.bytes()).all(|(a, b)| a == b || (a == b'-' && b == b'_'))
}

/// The crate that an image was made of, by the name of its file: `app` for `target/release/app`, for
/// `deps/app-0123456789abcdef`, for `app.exe`, `app.dll`, `libapp.so` and `libapp.dylib`.
pub(crate) fn crate_of_image(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let library = [".so", ".dylib"].iter().find_map(|end| name.split_once(end));
    let name = library.map_or(name, |(name, _)| name.strip_prefix("lib").unwrap_or(name));
    let name = [".exe", ".dll"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let is_hash = |end: &str| end.len() == 16 && end.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name = name.rsplit_once('-').filter(|(_, end)| is_hash(end)).map_or(name, |(name, _)| name);
    name.replace('-', "_")
}

/// The crate of the package whose directory a file lies in, if its path tells.
pub(crate) fn crate_of_file(file: &str) -> Option<String> {
    let file = with_slashes(file);
    let (directory, _) = package_root(&file)?.split_once('/')?;
    Some(without_version(directory).replace('-', "_"))
}

/// Whether a crate of this name comes with the compiler.
pub(crate) fn is_std_crate(name: &str) -> bool {
    name == "__rustc" || STD_CRATES.contains(&name)
}

/// The module that a file of std or of a dependency holds, such as `tokio::runtime::task::harness`.
///
/// Builds with `debug = "line-tables-only"` have function names without their path; the file then says
/// which `catch_unwind` it is. `None` for files of the program, whose crate the path does not tell.
pub(crate) fn module_of_file(file: &str) -> Option<String> {
    let file = &*with_slashes(file);
    let (crate_name, inside) = match library(file) {
        Some(found) => (found.0.to_owned(), found.1),
        None => {
            let (directory, inside) = package_root(file)?
                .rsplit_once("/src/")
                .map(|(before, inside)| (before.rsplit('/').next().unwrap_or(before), inside))?;
            (without_version(directory).replace('-', "_"), inside)
        }
    };
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    let inside = inside.strip_suffix("/mod").unwrap_or(inside);
    Some(match inside {
        "lib" | "main" => crate_name,
        _ => format!("{crate_name}::{}", inside.replace('/', "::")),
    })
}

/// A path that is equal on every machine that builds the same sources: without the directories that
/// depend on the builder and without the version of a dependency.
pub(crate) fn portable(file: &str) -> String {
    let file = &*with_slashes(file);
    if let Some((crate_name, inside)) = library(file) {
        return format!("library/{crate_name}/src/{inside}");
    }
    match package_root(file).and_then(|package| package.split_once('/')) {
        Some((directory, inside)) => format!("{}/{inside}", without_version(directory)),
        None => file.to_owned(),
    }
}

/// `(crate, path under its src)` for a file of the standard library.
fn library(file: &str) -> Option<(&str, &str)> {
    let inside = match file.strip_prefix("/rustc/") {
        Some(rest) => rest.split_once("/library/")?.1,
        None => {
            let component = file.split_once("/lib/rustlib/src/rust/library/").map(|(_, inside)| inside);
            component.or_else(|| in_source_package(file))?
        }
    };
    let (crate_name, rest) = inside.split_once('/')?;
    Some((crate_name, rest.strip_prefix("src/").unwrap_or(rest)))
}

/// What follows the `library` of an unpacked source package of the compiler, as distributions have it that build the
/// compiler themselves: `/usr/src/rustc-1.96.0/library/…` (Debian), `/build/rustc-1.96.0-src/library/…` (Nix, Arch).
fn in_source_package(file: &str) -> Option<&str> {
    let (before, inside) = file.split_once("/library/")?;
    let version = before.rsplit('/').next()?.strip_prefix("rustc-")?;
    let is_version = version.starts_with(|first: char| first.is_ascii_digit())
        || ["beta", "nightly"].iter().any(|channel| version.starts_with(channel));
    is_version.then_some(inside)
}

/// The path from the directory of the package on: `tokio-1.54.1/src/…`.
fn package_root(file: &str) -> Option<&str> {
    dependency_root(file).or_else(|| versioned_root(file))
}

/// The same for a package that is a dependency for certain.
fn dependency_root(file: &str) -> Option<&str> {
    let vendored = || {
        let (_, rest) = file
            .rsplit_once("vendor/")
            .filter(|(before, _)| matches!(before.chars().last(), None | Some('/')))?;
        rest.contains("/src/").then_some(rest)
    };
    let is_known_library = |root: &&str| {
        let directory = root.split('/').next().unwrap_or_default();
        LIBRARIES.contains(&without_version(directory))
    };
    fetched_root(file).or_else(vendored).or_else(|| roots(file).find(is_known_library))
}

/// The same for a package whose directory has a version in its name, the innermost one.
fn versioned_root(file: &str) -> Option<&str> {
    let has_version = |root: &&str| {
        let directory = root.split('/').next().unwrap_or_default();
        let version = directory.get(without_version(directory).len()..).unwrap_or_default();
        version.matches('.').count() >= 2
    };
    roots(file).filter(has_version).last()
}

/// Each rest of a path that begins with a directory that has a `src` in it.
fn roots(file: &str) -> impl Iterator<Item = &str> {
    let starts = core::iter::once(0).chain(file.match_indices('/').map(|(at, _)| at + 1));
    starts.filter_map(|at| file.get(at..)).filter(|root| {
        root.split_once('/')
            .is_some_and(|(directory, rest)| !directory.is_empty() && rest.starts_with("src/"))
    })
}

/// What follows the index or checkout directory of cargo's home, whether or not the path of the home was cut off.
fn fetched_root(file: &str) -> Option<&str> {
    if let Some((_, rest)) = file.split_once("/registry/src/") {
        return Some(rest.split_once('/')?.1);
    }
    let index = ["index.crates.io-", "github.com-1ecc6299db9ec823"];
    if let Some(at) = index.iter().find_map(|index| file.find(index)) {
        return Some(file.get(at..)?.split_once('/')?.1);
    }
    if let Some((_, rest)) = file.split_once("/git/checkouts/") {
        // `<repository>-<hash>/<revision>/<package>/src/…`
        return Some(rest.split_once('/')?.1.split_once('/')?.1);
    }
    None
}

/// `tokio` for `tokio-1.54.1`.
fn without_version(directory: &str) -> &str {
    let has_digit = |at: &usize| directory[at + 1..].starts_with(|first: char| first.is_ascii_digit());
    let mut dashes = directory.match_indices('-').map(|(at, _)| at);
    &directory[..dashes.find(has_digit).unwrap_or(directory.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKIO: &str =
        "/root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/tokio-1.54.1/src/runtime/task/harness.rs";
    const STD: &str = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/panicking.rs";
    const LOCAL_STD: &str =
        "/home/u/.rustup/toolchains/stable/lib/rustlib/src/rust/library/core/src/ptr/mod.rs";
    const DEBIAN_STD: &str = "/usr/src/rustc-1.96.0/library/std/src/thread/scoped.rs";
    const GIT: &str = "/h/.cargo/git/checkouts/rayon-8f3a/1b2c3d4/rayon-core/src/unwind.rs";

    #[test]
    fn the_path_tells_std_dependency_and_program_apart() {
        assert_eq!(Origin::of_file(STD), Origin::Std);
        assert_eq!(Origin::of_file(LOCAL_STD), Origin::Std);
        assert_eq!(Origin::of_file(DEBIAN_STD), Origin::Std);
        assert_eq!(Origin::of_file("/build/rustc-nightly-src/library/core/src/option.rs"), Origin::Std);
        assert_eq!(Origin::of_file("/home/u/rustc-driver/library/std/src/lib.rs"), Origin::Program);
        assert_eq!(Origin::of_file("/home/u/app/library/std/src/lib.rs"), Origin::Program);
        assert_eq!(Origin::of_file(TOKIO), Origin::Dependency);
        assert_eq!(Origin::of_file(GIT), Origin::Dependency);
        assert_eq!(Origin::of_file("/home/u/app/src/main.rs"), Origin::Program);
        assert_eq!(Origin::of_file("src/main.rs"), Origin::Program);
    }

    #[test]
    fn a_dependency_is_known_where_it_was_vendored_or_its_path_remapped() {
        for file in [
            "/home/u/app/vendor/other/src/lib.rs",
            "vendor/other-1.0.0/src/lib.rs",
            "/home/u/app/third_party/rust/tokio/src/runtime/mod.rs",
            "/deps/tokio-1.54.1/src/runtime/mod.rs",
            "tokio-1.54.1/src/runtime/mod.rs",
            "index.crates.io-1949cf8c6b5b557f/other-1.0.0/src/lib.rs",
        ] {
            assert_eq!(Origin::of_file(file), Origin::Dependency, "{file}");
        }
        assert_eq!(Origin::of_file("/deps/other-1.2.3/src/lib.rs"), Origin::Package);
        assert_eq!(Origin::of_file("/home/u/my-tokio/src/main.rs"), Origin::Program);
        assert_eq!(Origin::of_file("/home/u/app-2/src/main.rs"), Origin::Program);
        let remapped = module_of_file("/deps/tokio-1.54.1/src/runtime/task/harness.rs");
        assert_eq!(remapped.as_deref(), Some("tokio::runtime::task::harness"));
        let vendored = module_of_file("/home/u/app/vendor/rayon-core/src/unwind.rs");
        assert_eq!(vendored.as_deref(), Some("rayon_core::unwind"));
    }

    #[test]
    fn a_path_of_windows_says_what_the_same_path_says_elsewhere() {
        for (file, origin, module, path) in [
            (
                r"C:\Users\u\.cargo\registry\src\index.crates.io-1949cf8c6b5b557f\tokio-1.54.1\src\runtime\task\mod.rs",
                Origin::Dependency,
                Some("tokio::runtime::task"),
                "tokio/src/runtime/task/mod.rs",
            ),
            (
                r"/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library\std\src\sys\backtrace.rs",
                Origin::Std,
                Some("std::sys::backtrace"),
                "library/std/src/sys/backtrace.rs",
            ),
            (
                r"C:\Users\u\.rustup\toolchains\stable\lib\rustlib\src\rust\library\core\src\ptr\mod.rs",
                Origin::Std,
                Some("core::ptr"),
                "library/core/src/ptr/mod.rs",
            ),
            (r"D:\deps\other-1.2.3\src\lib.rs", Origin::Package, Some("other"), "other/src/lib.rs"),
            (r"src\pool\mod.rs", Origin::Program, None, "src/pool/mod.rs"),
        ] {
            assert_eq!(Origin::of_file(file), origin, "{file}");
            assert_eq!(module_of_file(file).as_deref(), module, "{file}");
            assert_eq!(portable(file), path, "{file}");
        }
        assert_eq!(crate_of_file(r"D:\deps\my-crate-1.2.3\src\lib.rs").as_deref(), Some("my_crate"));
    }

    #[test]
    fn an_image_is_named_after_its_crate() {
        for (path, name) in [
            ("/srv/my-app", "my_app"),
            ("/b/target/debug/deps/my_app-0123456789abcdef", "my_app"),
            ("/usr/lib/libplugin.so.1", "plugin"),
            (r"C:\app\target\debug\my-app.exe", "my_app"),
            (r"C:\app\deps\my_app-0123456789abcdef.exe", "my_app"),
            (r"C:\app\plugin.dll", "plugin"),
            ("/app/libplugin.dylib", "plugin"),
            ("app-1", "app_1"),
        ] {
            assert_eq!(crate_of_image(path), name, "{path}");
        }
    }

    #[test]
    fn a_file_names_its_module() {
        assert_eq!(module_of_file(TOKIO).as_deref(), Some("tokio::runtime::task::harness"));
        assert_eq!(module_of_file(STD).as_deref(), Some("std::panicking"));
        assert_eq!(module_of_file(LOCAL_STD).as_deref(), Some("core::ptr"));
        assert_eq!(module_of_file(DEBIAN_STD).as_deref(), Some("std::thread::scoped"));
        assert_eq!(module_of_file(GIT).as_deref(), Some("rayon_core::unwind"));
        assert_eq!(module_of_file("/rustc/ab/library/test/src/lib.rs").as_deref(), Some("test"));
        assert_eq!(module_of_file("/home/u/app/src/main.rs"), None);
    }

    #[test]
    fn a_portable_path_has_no_home_and_no_version() {
        assert_eq!(portable(TOKIO), "tokio/src/runtime/task/harness.rs");
        assert_eq!(portable(GIT), "rayon-core/src/unwind.rs");
        assert_eq!(portable(STD), portable(&STD.replace("59807616", "00000000")));
        assert_eq!(portable(DEBIAN_STD), "library/std/src/thread/scoped.rs");
        assert_eq!(portable("src/a2.rs"), "src/a2.rs");
    }

    #[test]
    fn a_version_ends_the_name_of_a_package() {
        assert_eq!(without_version("aws-lc-rs-1.19.0"), "aws-lc-rs");
        assert_eq!(without_version("x2-0.1.0-rc.1"), "x2");
        assert_eq!(without_version("tokio"), "tokio");
    }
}
