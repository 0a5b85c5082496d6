//! `panic-agent scan`: its forms, what is accepted, and what it cannot read.

use std::fs;

use crate::support::{Place, assert_schema, skip};

/// A package with one orphan, one ignored join and one catch, and a test with another orphan.
const LIB: &str = "use std::thread;\n\npub fn start() {\n    thread::spawn(|| work(1));\n}\n\npub fn stop(worker: thread::JoinHandle<()>) {\n    \
                   let _ = worker.join();\n}\n\npub fn guarded() {\n    match std::panic::catch_unwind(|| work(2)) {\n        Ok(()) => {}\n        \
                   Err(payload) => log(payload),\n    }\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn starts() {\n        \
                   std::thread::spawn(|| ());\n    }\n}\n";

fn package(place: &Place) {
    fs::create_dir_all(place.path("app/src")).unwrap();
    place.put("app/Cargo.toml", "[package]\nname = \"app\"\nversion = \"1.2.3\"\nedition = \"2024\"\n");
    place.put("app/src/lib.rs", LIB);
}

fn json(place: &Place, args: &[&str]) -> serde_json::Value {
    let ran = place.run(&[&["scan", "app", "--format", "json"], args].concat());
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

fn open(report: &serde_json::Value) -> usize {
    report["findings"].as_array().unwrap().iter().filter(|finding| finding["allowed"].is_null()).count()
}

#[test]
fn findings_look_as_the_compiler_shows_them_and_the_last_line_counts() {
    let place = Place::new(&[]);
    package(&place);
    let text = place.text(&["scan", "app"]);
    assert!(text.contains("warning[dropped-handle]: the handle of a thread is dropped"), "{text}");
    assert!(
        text.contains("--> src/lib.rs:4:5") && text.contains("4 |     thread::spawn(|| work(1));"),
        "{text}"
    );
    assert!(text.contains("resolved; in `app::start`") && !text.contains("app::tests"), "{text}");
    assert!(
        text.ends_with("2 findings and 1 note in 1 file of 24 lines (--notes shows the notes)\n"),
        "{text}"
    );
    assert!(place.text(&["scan", "app", "--notes"]).contains("app::tests::starts"));
    place.put(
        "app/src/lib.rs",
        "\u{feff}pub fn a() { b(\"\u{1b}[31m\", std::thread::spawn(|| 1).join().ok()); }\n",
    );
    let text = place.text(&["scan", "app"]);
    assert!(text.contains("ignored-join") && !text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn each_form_has_the_same_findings() {
    let place = Place::new(&[]);
    package(&place);
    let report = json(&place, &[]);
    assert_schema("scan", std::slice::from_ref(&report));
    assert_eq!(report["packages"][0]["version"], "1.2.3");
    assert_eq!(
        (report["findings"].as_array().unwrap().len(), report["sites"].as_array().unwrap().len()),
        (3, 4)
    );
    let catch = report["sites"].as_array().unwrap().iter().find(|site| site["kind"] == "catch").unwrap();
    assert_eq!((&catch["becomes"], &catch["runs"]), (&"read".into(), &"|| work(2)".into()));
    assert_eq!(catch["function"], "app::guarded");
    let github = place.text(&["scan", "app", "--format", "github"]);
    assert!(
        github.starts_with("::warning file=src/lib.rs,line=4,endLine=4,title=panic-agent dropped-handle::"),
        "{github}"
    );
    assert_eq!(github.lines().count(), 2, "{github}");
    let markdown = place.text(&["scan", "app", "--format", "markdown"]);
    assert!(markdown.contains("| warn | `ignored-join` | `src/lib.rs:8` |"), "{markdown}");
    let sarif: serde_json::Value =
        serde_json::from_str(&place.text(&["scan", "app", "--format", "sarif"])).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 3);
    assert_eq!(results[0]["locations"][0]["physicalLocation"]["region"]["startLine"], 4);
    assert!(results.iter().all(|result| result.get("kind").is_none()), "{results:#?}");
    let inventory = place.text(&["scan", "app", "--inventory"]);
    assert!(
        inventory.contains("What begins to run beside its caller: 2 places (1 orphan, 1 in tests)"),
        "{inventory}"
    );
    assert!(inventory.contains("Where a panic is stopped: 1 place (1 read)"), "{inventory}");
    place.text(&["scan", "app", "--format", "json", "-o", "scan.json"]);
    assert!(fs::read_to_string(place.path("scan.json")).unwrap().contains("panic-agent.scan/1"));
}

#[test]
fn the_status_is_that_of_what_is_denied_by_options_and_by_the_policy() {
    let place = Place::new(&[]);
    package(&place);
    let status = |args: &[&str]| place.run(&[&["scan", "app"], args].concat()).status;
    assert_eq!(status(&[]), 0);
    assert_eq!(status(&["--deny", "warnings"]), 1);
    assert_eq!(status(&["--deny", "ignored-join"]), 1);
    assert_eq!(status(&["--deny", "replaced-hook"]), 0);
    assert_eq!(status(&["--deny", "warnings", "--allow", "ignored-join", "--allow", "dropped-handle"]), 0);
    let wrong = place.run(&["scan", "app", "--deny", "nothing"]);
    assert!(wrong.status == 2 && wrong.err.contains("dropped-handle"), "{wrong:?}");
    place.put(
        "app/panic-audit.toml",
        "deny = [\"received\"]\n[scan]\ndeny = [\"dropped-handle\"]\nallow = [\"ignored-join\"]\n",
    );
    assert_eq!(status(&[]), 1);
    assert_eq!(status(&["--warn", "dropped-handle"]), 0);
    place.put("app/panic-audit.toml", "[scan]\ndeny = [\"warnings\", \"nothing\"]\n");
    let wrong = place.run(&["scan", "app"]);
    assert!(wrong.status == 2 && wrong.err.contains("panic-audit.toml:2: there is no rule"), "{wrong:?}");
    place.put("app/panic-audit.toml", "[scan]\nexclude = [\"src/*.rs\"]\n");
    assert_eq!(status(&[]), 2);
}

#[test]
fn a_baseline_accepts_what_is_there_and_not_what_comes() {
    let place = Place::new(&[]);
    package(&place);
    let written = place.run(&["scan", "app", "--write-baseline"]);
    assert!(written.status == 0 && written.err.ends_with("panic-scan-baseline.json`: 3\n"), "{written:?}");
    assert_eq!(open(&json(&place, &[])), 0);
    // What moves is the same; what is new is not.
    place.put(
        "app/src/lib.rs",
        format!("// a line\n\n{LIB}\npub fn more() {{\n    thread::spawn(|| work(3));\n}}\n"),
    );
    let report = json(&place, &["--deny", "warnings"]);
    assert_eq!(open(&report), 1, "{report:#}");
    assert_eq!(place.run(&["scan", "app", "--deny", "warnings"]).status, 1);
    place.put("app/src/lib.rs", "");
    let stale = place.run(&["scan", "app"]);
    assert!(stale.err.contains("entries of the baseline that matched nothing: 3"), "{stale:?}");
}

#[test]
fn a_comment_with_a_reason_allows_and_one_without_does_not() {
    let place = Place::new(&[]);
    package(&place);
    let with = |comment: &str| {
        place.put(
            "app/src/lib.rs",
            LIB.replace("    thread::spawn", &format!("    {comment}\n    thread::spawn")),
        );
        let report = json(&place, &[]);
        let rules =
            report["findings"].as_array().unwrap().iter().filter(|finding| finding["allowed"].is_null());
        rules.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(with("// nothing"), ["dropped-handle", "ignored-join", "dropped-handle"]);
    assert_eq!(with("// panic-agent: allow(dropped-handle) it logs"), ["ignored-join", "dropped-handle"]);
    assert_eq!(
        with("// panic-agent: allow(dropped-handle)"),
        ["bare-allow", "dropped-handle", "ignored-join", "dropped-handle"]
    );
    assert_eq!(
        with("// panic-agent: allow(ignored-join) no"),
        ["unused-allow", "dropped-handle", "ignored-join", "dropped-handle"]
    );
    assert_eq!(
        with("// panic-agent: allow(dropped) no"),
        ["bare-allow", "dropped-handle", "ignored-join", "dropped-handle"]
    );
}

#[test]
fn names_are_followed_between_the_files_of_a_workspace() {
    let place = Place::new(&[]);
    package(&place);
    place.put("app/src/lib.rs", "pub mod rt;\nmod user;\n#[cfg(test)]\nmod checks;\n");
    place.put("app/src/rt.rs", "pub use std::thread::spawn as go;\npub type Worker = std::thread::JoinHandle<()>;\npub fn start() -> Worker { go(|| ()) }\n");
    place.put(
        "app/src/user.rs",
        "use crate::rt::{self, start};\nfn a() {\n    rt::go(|| ());\n    start();\n}\n",
    );
    place.put("app/src/checks.rs", "fn a() { std::thread::spawn(|| ()); }\n");
    let report = json(&place, &[]);
    let lines: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            (
                finding["file"].as_str().unwrap(),
                finding["span"]["line"].as_u64().unwrap(),
                finding["level"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        lines,
        [("src/checks.rs", 1, "note"), ("src/user.rs", 3, "warn"), ("src/user.rs", 4, "warn")],
        "{report:#}"
    );
}

#[test]
fn a_profile_that_aborts_beside_a_catch_is_found_in_the_manifest() {
    let place = Place::new(&[]);
    package(&place);
    let manifest = fs::read_to_string(place.path("app/Cargo.toml")).unwrap();
    place.put("app/Cargo.toml", format!("{manifest}\n[profile.release]\npanic = \"abort\"\n"));
    let text = place.text(&["scan", "app"]);
    assert!(text.contains("warning[abort-beside-catch]") && text.contains("--> Cargo.toml:7:1"), "{text}");
    place.put("app/Cargo.toml", format!("{manifest}\n[profile.release]\npanic = \"unwind\"\n"));
    assert!(!place.text(&["scan", "app"]).contains("abort-beside-catch"));
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_scanned() {
    let place = Place::new(&[]);
    package(&place);
    place.put("app/src/bad.rs", "fn a() {\n    std::thread::spawn(|| ();\n}\n");
    place.put("app/src/bytes.rs", b"// catch_unwind\n\xff\n");
    place.put("app/src/deep.rs", format!("fn a() {{ spawn({}1{}) }}", "(".repeat(9000), ")".repeat(9000)));
    let ran = place.run(&["scan", "app"]);
    assert_eq!(ran.status, 0, "{ran:?}");
    for named in [
        "src/bad.rs:3:1: not scanned: cannot be split into tokens",
        "src/bytes.rs:2:1: not scanned: not UTF-8",
        "src/deep.rs:1:",
    ] {
        assert!(ran.err.contains(named), "{named}: {}", ran.err);
    }
    assert!(ran.out.contains("src/lib.rs:4:5") && ran.out.contains("3 files not scanned"), "{}", ran.out);
    let none = place.run(&["scan", "nowhere"]);
    assert!(none.status == 2 && none.err.contains("cannot find `nowhere`"), "{none:?}");
}

/// A package whose dropped errors can all be mended by a patch, in a repository of its own.
fn repository(place: &Place) -> bool {
    package(place);
    let code = "//! Mended by a test.\nuse std::thread;\n\n/// Ends it.\npub fn stop(worker: thread::JoinHandle<()>, other: thread::JoinHandle<u8>) {\n    \
                let _ = worker.join();\n    other.join().ok();\n    if true {\n        let _ = std::panic::catch_unwind(|| 1);\n    }\n    \
                // panic-agent: allow(dropped-handle) nothing\n}\n";
    place.put("app/src/lib.rs", code);
    let git = |args: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.args(["-c", "user.name=x", "-c", "user.email=x@x"]).args(args).current_dir(place.path("app"));
        git.output().is_ok_and(|output| output.status.success())
    };
    git(&["init", "-q"]) && git(&["add", "."]) && git(&["commit", "-q", "-m", "x"])
}

#[test]
fn changes_are_shown_and_made_and_what_they_make_compiles_and_is_found_no_more() {
    let place = Place::new(&[]);
    if !repository(&place) {
        return crate::support::skip("there is no git");
    }
    let text = place.text(&["scan", "app", "--suggest"]);
    assert!(
        text.contains("-     let _ = worker.join();\n+     if let Err(payload) = worker.join() {"),
        "{text}"
    );
    let fixed = place.run(&["scan", "app", "--fix", "--notes"]);
    assert!(fixed.status == 0 && fixed.err.contains("changed: 4, of 4"), "{fixed:?}");
    let mut check = std::process::Command::new(env!("CARGO"));
    check.args(["check", "--offline", "--quiet"]).current_dir(place.path("app"));
    let check = check.env("CARGO_TARGET_DIR", place.path("target")).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    assert_eq!(open(&json(&place, &[])), 0, "{}", fs::read_to_string(place.path("app/src/lib.rs")).unwrap());
}

#[test]
fn what_is_not_committed_is_not_changed() {
    let place = Place::new(&[]);
    if !repository(&place) {
        return crate::support::skip("there is no git");
    }
    let path = place.path("app/src/lib.rs");
    let text = fs::read_to_string(&path).unwrap() + "// more\n";
    fs::write(&path, &text).unwrap();
    let refused = place.run(&["scan", "app", "--fix"]);
    assert!(refused.status == 2 && refused.err.contains("changes that are not committed"), "{refused:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    fs::remove_dir_all(place.path("app/.git")).unwrap();
    let refused = place.run(&["scan", "app", "--fix"]);
    assert!(refused.status == 2 && refused.err.contains("no git repository"), "{refused:?}");
}

/// Catches in each form that compilers make of them: in a function, in a closure, in a generic function, twice in a line.
const CATCHES: &str = "use std::panic::{self, AssertUnwindSafe, catch_unwind};\n\nfn generic<T>(run: impl FnOnce() -> T) -> Option<T> {\n    \
                       catch_unwind(AssertUnwindSafe(run)).ok() // catch\n}\n\nfn main() {\n    let n = std::env::args().count();\n    \
                       let a = panic::catch_unwind(|| n + 1); // catch\n    let b = std::thread::spawn(move || {\n        \
                       catch_unwind(|| [1, 2][n]) // catch\n    });\n    let c = generic(|| n * 2);\n    let d = generic(|| \
                       format!(\"{n}\"));\n    let e = catch_unwind(\n        // Over lines.\n        || 10 / n,\n    );\n    println!(\"{a:?} \
                       {:?} {c:?} {d:?} {e:?}\", b.join());\n}\n";

#[test]
fn every_catch_of_a_program_is_found_in_its_debug_information_and_none_that_is_not_there() {
    let place = Place::new(&[]);
    place.put("catches.rs", CATCHES);
    let mut marked: Vec<u64> = (1..)
        .zip(CATCHES.lines())
        .filter(|(_, line)| line.ends_with("// catch"))
        .map(|(number, _)| number)
        .collect();
    marked.push((1..).zip(CATCHES.lines()).find(|(_, line)| line.contains("let e =")).unwrap().0);
    marked.sort_unstable();
    for (flags, compressed) in [
        (&["-Cdebuginfo=2"][..], None),
        (&["-O", "-Cdebuginfo=line-tables-only"], None),
        (&["-O", "-Cdebuginfo=line-tables-only"], Some("--compress-debug-sections=zlib")),
        (&["-O", "-Cdebuginfo=2", "-Clto=fat"], None),
    ] {
        let mut rustc = std::process::Command::new("rustc");
        place.prepare(&mut rustc);
        let rustc =
            rustc.args(["--edition=2024", "-Awarnings", "-o", "catches", "catches.rs"]).args(flags).output();
        let rustc = rustc.expect("a compiler");
        assert!(rustc.status.success(), "{}", String::from_utf8_lossy(&rustc.stderr));
        if let Some(how) = compressed {
            let made = std::process::Command::new("objcopy").arg(how).arg(place.path("catches")).status();
            if !made.is_ok_and(|status| status.success()) {
                skip("there is no `objcopy` that compresses debug information");
                continue;
            }
        }
        let report = place.text(&["scan", "--binary", "catches", "--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        assert_schema("scan", std::slice::from_ref(&report));
        assert!(report["build_id"].as_str().is_some(), "{flags:?}");
        let sites = report["sites"].as_array().unwrap().iter();
        let own = sites.filter(|site| site["file"].as_str().unwrap().ends_with("catches.rs"));
        let lines: Vec<u64> = own.map(|site| site["span"]["line"].as_u64().unwrap()).collect();
        assert_eq!(lines, marked, "{flags:?}: {report:#}");
        let text = place.text(&["scan", "--binary", "catches"]);
        assert!(text.contains("std: ") && text.contains(", build-id "), "{text}");
    }
    place.put("text", "no program");
    let wrong = place.run(&["scan", "--binary", "text"]);
    assert!(wrong.status == 2 && wrong.err.contains("`text`: "), "{wrong:?}");
}
