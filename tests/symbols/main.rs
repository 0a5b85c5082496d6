//! Runs `tests/fixtures/symbols` over files with every kind of debug information, and over files that look like the right
//! ones: names and lines are exact, or there are none. What `objcopy` cannot do here is printed as skipped.
#![cfg(all(
    feature = "symbols",
    target_os = "linux",
    target_env = "gnu",
    not(panic_agent_fallback),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

mod case;
#[path = "../fixtures/mod.rs"]
mod fixtures;

use std::fs;
use std::path::{Path, PathBuf};

use case::{Build, Case, Known, PROGRAM, assert_refused, build, by_build_id, objcopy, taken_apart};

#[test]
fn the_program_has_every_name_and_line_also_when_its_file_was_replaced_or_deleted() {
    for arguments in [&["panic"][..], &["replaced", "new"], &["deleted"]] {
        let case = Case::new();
        let program = case.path("program");
        fs::copy(&*PROGRAM, &program).unwrap();
        fs::copy("/bin/true", case.path("new")).unwrap();
        let panics = case.run(&program, arguments);
        assert_eq!(panics.len(), 1);
        panics[0].assert_program();
    }
}

#[test]
fn a_library_that_is_loaded_later_has_the_names_that_its_file_has() {
    let strip = |case: &Case, how: &str| {
        let whole = case.library("whole", Build::This, &["-g"]);
        let path = case.path("libenter.so");
        assert!(objcopy(&[how], &whole, &path));
        path
    };
    for (expected, make) in [
        (
            Known::Lines,
            (|case, _| case.library(".", Build::This, &["-g"]))
                as fn(&Case, &dyn Fn(&Case, &str) -> PathBuf) -> PathBuf,
        ),
        (Known::LineTables, |case, _| case.library(".", Build::This, &["-C", "debuginfo=line-tables-only"])),
        (Known::Symbols, |case, _| case.library(".", Build::This, &["-C", "debuginfo=0"])),
        (Known::Symbols, |case, strip| strip(case, "--strip-debug")),
        (Known::Exported, |case, strip| strip(case, "--strip-all")),
    ] {
        let case = Case::new();
        assert_eq!(case.through(&make(&case, &strip)), (expected, Vec::new()));
    }
}

#[test]
fn compressed_sections_are_read() {
    for how in ["zlib", "zlib-gnu", "zstd"] {
        let case = Case::new();
        let whole = case.library("whole", Build::This, &["-g"]);
        let path = case.path("libenter.so");
        if !objcopy(&[&format!("--compress-debug-sections={how}")], &whole, &path) {
            println!("skipped: this objcopy does not know {how}");
            continue;
        }
        assert!(fs::metadata(&path).unwrap().len() < fs::metadata(&whole).unwrap().len() * 3 / 4, "{how}");
        assert_eq!(case.through(&path), (Known::Lines, Vec::new()), "{how}");
    }
}

#[test]
fn a_replaced_library_has_no_names() {
    for flags in [&["-g"][..], &["-g", "-C", "link-arg=-Wl,--build-id=none"]] {
        let case = Case::new();
        let library = case.library("loaded", Build::This, flags);
        assert_eq!(case.through(&library), (Known::Lines, Vec::new()));
        fs::remove_file(case.path("panics.jsonl")).unwrap();
        let new = case.library("new", Build::Other, flags);
        let (path, new) = (library.to_str().unwrap(), new.to_str().unwrap());
        let panics = case.run(&PROGRAM, &["library", path, new]);
        if panics[0].library("library_enter") == Known::Nothing {
            assert_refused(&panics[0].refused(), "stale_image_file", &library);
        } else {
            // Who may read every mapping has the deleted file still.
            assert_eq!(panics[0].library("library_enter"), Known::Lines);
            assert_eq!(panics[0].refused(), []);
            assert!(
                fs::read_dir("/proc/self/map_files")
                    .unwrap()
                    .flatten()
                    .any(|file| fs::File::open(file.path()).is_ok())
            );
        }
    }
}

#[test]
fn a_library_that_is_changed_where_it_lies_is_opened_again() {
    let case = Case::new();
    let library = case.library(".", Build::This, &["-g"]);
    let panics = case.run(&PROGRAM, &["cut", library.to_str().unwrap()]);
    assert_eq!(panics.len(), 2);
    assert_eq!(panics[0].library("library_enter"), Known::Lines);
    let again = panics[1].frames("libenter");
    assert!(again.iter().any(|(name, _)| name.as_deref() == Some("library_enter_again")), "{again:?}");
}

#[test]
fn a_debug_link_is_followed_to_the_file_that_it_means_and_to_no_other() {
    for beside in ["enter.debug", ".debug/enter.debug"] {
        for (linked, expected) in [
            (Some(Build::This), Known::Lines),
            (Some(Build::Other), Known::Exported),
            (None, Known::Exported),
        ] {
            for flags in [&["-g"][..], &["-g", "-C", "link-arg=-Wl,--build-id=none"]] {
                let case = Case::new();
                let (stripped, debug) = taken_apart(&case, "this", Build::This, flags);
                let (_, other) = taken_apart(&case, "other", Build::Other, flags);
                let place = case.path("this").join(beside);
                fs::create_dir_all(place.parent().unwrap()).unwrap();
                let right = fs::read(&debug).unwrap();
                fs::remove_file(&debug).unwrap();
                match linked {
                    Some(Build::This) => fs::write(&place, right).unwrap(),
                    Some(Build::Other) => fs::rename(other, &place).unwrap(),
                    None => {}
                }
                let (known, refused) = case.through(&stripped);
                assert_eq!(known, expected, "{beside} {linked:?} {flags:?}");
                if linked == Some(Build::Other) {
                    assert_refused(&refused, "stale_debug_file", &place);
                } else {
                    assert_eq!(refused, []);
                }
            }
        }
    }
}

#[test]
fn a_debug_directory_is_searched_by_build_id_and_by_path() {
    for by_id in [true, false] {
        for (build, expected) in [(Build::This, Known::Lines), (Build::Other, Known::Exported)] {
            let mut case = Case::new();
            let (stripped, debug) = taken_apart(&case, "this", Build::This, &["-g"]);
            let (_, other) = taken_apart(&case, "other", Build::Other, &["-g"]);
            let directory = case.path("debug");
            let place = if by_id {
                by_build_id(&directory, &stripped)
            } else {
                directory.join(stripped.parent().unwrap().strip_prefix("/").unwrap()).join("enter.debug")
            };
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::rename(if build == Build::This { &debug } else { &other }, &place).unwrap();
            let _ = fs::remove_file(&debug);
            // It is not looked for where nobody said.
            assert_eq!(case.through(&stripped), (Known::Exported, Vec::new()));
            fs::remove_file(case.path("panics.jsonl")).unwrap();
            case.debug_directory = Some(directory);
            let (known, refused) = case.through(&stripped);
            assert_eq!(known, expected, "{by_id} {build:?}");
            match build {
                Build::This => assert_eq!(refused, []),
                Build::Other => assert_refused(&refused, "stale_debug_file", &place),
            }
        }
    }
}

#[test]
fn split_debug_information_is_found_packed_and_unpacked_and_only_that_of_this_build() {
    for how in ["packed", "unpacked"] {
        let split = format!("split-debuginfo={how}");
        let flags = ["-g", "-C", split.as_str()];
        let parts = |library: &Path| {
            let files = fs::read_dir(library.parent().unwrap()).unwrap().map(|file| file.unwrap().path());
            let is_part = |path: &PathBuf| path.extension().is_some_and(|end| end == "dwp" || end == "dwo");
            let mut parts: Vec<PathBuf> = files.filter(is_part).collect();
            parts.sort();
            assert!(!parts.is_empty(), "{how}");
            parts
        };
        let case = Case::new();
        // Where they were built, as the library names its parts by their paths.
        let [library, other] = [("this", Build::This), ("other", Build::Other)].map(|(directory, which)| {
            fs::create_dir(case.path(directory)).unwrap();
            let path = case.path(directory).join("libenter.so");
            build(&path, which, &flags);
            path
        });
        let (own, other) = (parts(&library), parts(&other));
        assert_eq!(own.len(), other.len());
        assert_eq!(case.through(&library), (Known::Lines, Vec::new()), "{how}");

        for (own, other) in own.iter().zip(&other) {
            fs::rename(other, own).unwrap();
        }
        fs::remove_file(case.path("panics.jsonl")).unwrap();
        let (known, refused) = case.through(&library);
        assert_eq!(known, Known::Symbols, "{how}");
        assert_refused(&refused, "stale_debug_file", &own[0]);

        own.iter().for_each(|part| fs::remove_file(part).unwrap());
        fs::remove_file(case.path("panics.jsonl")).unwrap();
        assert_eq!(case.through(&library), (Known::Symbols, Vec::new()), "{how}");
    }
}
