//! Packs the source of the preloaded library, so that one `cargo install` brings everything: the library is built with
//! the compiler of whoever uses it.
//!
//! What is packed has the layout of the repository, with the manifest of the root cut down to what the library needs.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Table;

fn main() {
    let own = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let root = own.parent().expect("this package lies in a workspace").to_owned();
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = vec![root.join("build.rs"), root.join("Cargo.lock")];
    for directory in ["src", "preload"] {
        println!("cargo::rerun-if-changed={}", root.join(directory).display());
        collect(&root.join(directory), &mut files);
    }
    files.sort();
    let manifest = root.join("Cargo.toml");
    println!("cargo::rerun-if-changed={}", manifest.display());
    let cut = out.join("root-manifest.toml");
    fs::write(&cut, cut_down(&manifest)).expect("the output directory can be written");

    let mut list = String::from("&[\n");
    let mut add = |name: &str, path: &Path| {
        writeln!(list, "    ({name:?}, include_bytes!({:?})),", path.display().to_string())
            .expect("a string can be written");
    };
    add("Cargo.toml", &cut);
    for path in &files {
        println!("cargo::rerun-if-changed={}", path.display());
        let parts = path.strip_prefix(&root).expect("below the root").iter();
        let name = parts.map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        add(&name, path);
    }
    list.push(']');
    fs::write(out.join("source.rs"), list).expect("the output directory can be written");
}

/// Every file below a directory that cargo needs to build the library.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("cannot list `{}`: {error}", directory.display()));
    for entry in entries {
        let path = entry.expect("an entry of a directory").path();
        if is_left_out(&path) {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "toml") {
            files.push(path);
        }
    }
}

/// Whether the library is compiled without it: tests, and abilities that are features of their own.
fn is_left_out(path: &Path) -> bool {
    const FEATURES: [&str; 4] = ["src/audit", "src/wrap/tokio", "src/wrap/tower", "src/wrap/tracing"];
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_test = name == "tests" || name == "tests.rs" || name.ends_with("_tests.rs");
    name == "target" || is_test || FEATURES.iter().any(|feature| path.ends_with(feature))
}

/// The manifest of the root with the preloaded library as its only member, without tests.
fn cut_down(manifest: &Path) -> String {
    let text = fs::read_to_string(manifest)
        .unwrap_or_else(|error| panic!("cannot read `{}`: {error}", manifest.display()));
    let mut table: Table = text.parse().expect("the manifest of the root is TOML");
    for part in ["dev-dependencies", "test", "bench", "example", "profile"] {
        table.remove(part);
    }
    let workspace = table["workspace"].as_table_mut().expect("the root is a workspace");
    for part in ["members", "exclude", "default-members"] {
        workspace.remove(part);
    }
    workspace.insert("members".to_owned(), vec!["preload"].into());
    toml::to_string(&table).expect("a table can be written")
}
