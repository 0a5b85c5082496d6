//! What `scan` and `crosscheck` write as SARIF, judged by the validator of the format's authors with the rules of GitHub.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Place, lines, skip};

/// The validator; one version, so that a newer one with more rules breaks nothing by itself.
const PACKAGE: &str = "@microsoft/sarif-multitool-linux@5.7.0";

/// What it may note, and why that stays as it is.
const ACCEPTED: &[&str] = &[
    // Messages by the rule's templates: ours say what is there, and GitHub shows `message.text` alone.
    "SARIF2002",
    // Where the repository lies: its address in git may hold a password.
    "SARIF2003",
    // Whether addresses can be reached, which they cannot on a machine without a network.
    "SARIF2006",
    // Names of rules as in `CS2001`: ours are words, as in comments and policies.
    "SARIF2009",
    // The text of a place: a cross-check has no source, and a manifest may have none.
    "SARIF2010",
    // The lines around it: viewers have the file.
    "SARIF2011",
    // Addresses of files that are absolute: a place in a dependency is nowhere in the repository.
    "SARIF2016",
];

/// The validator, out of the npm registry, in cargo's directory for tests. An error is the reason why it cannot be had.
fn validator() -> Result<PathBuf, String> {
    if cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
        return Err("the SARIF validator is a program for Linux on x86_64".to_owned());
    }
    let tests = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = |place: &Path| place.join("node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool");
    let place = tests.join("sarif-multitool-5.7.0");
    if !place.exists() {
        let making = tempfile::tempdir_in(tests).map_err(|error| error.to_string())?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(making.path())
            .arg(PACKAGE);
        let output = npm.stdin(Stdio::null()).output().map_err(|error| format!("`npm`: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().last().unwrap_or_default();
            return Err(format!("`npm install {PACKAGE}` failed: {last}"));
        }
        // Another process may have been faster.
        if fs::rename(making.path(), &place).is_ok() {
            let _gone = making.keep();
        }
    }
    Ok(program(&place))
}

/// What the validator says of a file: rule and level of each result.
fn verdict(program: &Path, place: &Place, name: &str) -> BTreeSet<(String, String)> {
    let out = place.path(&format!("{name}.out"));
    let mut validate = Command::new(program);
    validate.args(["validate", "--rule-kind", "Sarif;Ghas", "--level", "Error;Warning;Note"]);
    validate.args(["--log", "ForceOverwrite", "-o"]).arg(&out).arg(place.path(name));
    let output =
        validate.env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1").output().expect("the validator runs");
    let said = fs::read(&out).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let said: Value = serde_json::from_slice(said.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&said)).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or("warning").to_owned();
    let results = said["runs"][0]["results"].as_array().expect("results").iter();
    results.map(|result| (text(&result["ruleId"]), text(&result["level"]))).collect()
}

fn complaints(verdict: &BTreeSet<(String, String)>) -> Vec<&(String, String)> {
    verdict.iter().filter(|(rule, level)| level != "note" || !ACCEPTED.contains(&rule.as_str())).collect()
}

/// A source that many rules complain of, in files whose names are no URIs.
fn source(place: &Place) {
    let code = "use std::thread;\n/// [x](y) {0}\npub fn start() {\n    thread::spawn(|| ());\n}\npub fn stop(worker: thread::JoinHandle<()>) \
                {\n    // panic-agent: allow(ignored-join) known\n    let _ = worker.join();\n    std::process::exit(1);\n}\n\
                pub extern \"C\" fn c(x: Option<u8>) {\n    x.unwrap();\n}\n";
    fs::create_dir_all(place.path("agent-demo/src/scenarios")).unwrap();
    place.put("agent-demo/src/scenarios/100 % sure#ü.rs", code);
    let landed = lines("catch-swallowed");
    let line: Value =
        serde_json::from_str(landed.lines().find(|line| line.contains("\"landing\":{")).unwrap()).unwrap();
    let number = usize::try_from(line["landing"]["line"].as_u64().unwrap()).unwrap();
    let catch = "fn catch_swallowed() { let _ = std::panic::catch_unwind(|| panic!()); }\n";
    place.put("agent-demo/src/scenarios/catching.rs", "\n".repeat(number - 1) + catch);
}

#[test]
fn the_validator_of_its_authors_has_nothing_against_what_is_written_and_much_against_less() {
    let program = match validator() {
        Ok(program) => program,
        Err(why) => return skip(&why),
    };
    let place = Place::new(&["catch-swallowed", "thread-handle-dropped"]);
    source(&place);
    place.put("evil.jsonl", lines("catch-swallowed").replace("nobody looks", r"[a](https://evil) {0} {x\\"));
    place.text(&["scan", ".", "--format", "sarif", "-o", "scan.sarif"]);
    place.text(&["scan", ".", "--format", "json", "-o", "scan.json"]);
    // One answer of each kind: confirmed, only at run time, only in source.
    let crosscheck = place.text(&[
        "crosscheck",
        "scan.json",
        "evil.jsonl",
        "thread-handle-dropped.jsonl",
        "--format",
        "sarif",
    ]);
    place.put("crosscheck.sarif", &crosscheck);
    for (name, least) in [("scan.sarif", 5), ("crosscheck.sarif", 3)] {
        let text = fs::read_to_string(place.path(name)).unwrap();
        let mut value: Value = serde_json::from_str(&text).unwrap();
        let results = value["runs"][0]["results"].as_array().unwrap();
        assert!(results.len() >= least, "{name}: {text}");
        let verdict_of_it = verdict(&program, &place, name);
        assert_eq!(complaints(&verdict_of_it), Vec::<&(String, String)>::new(), "{name}: {text}");

        // The same with what GitHub requires taken away, and with a path that is none of this format.
        let run = &mut value["runs"][0];
        run["tool"]["driver"]["rules"][0].as_object_mut().unwrap().remove("help");
        run["tool"]["driver"].as_object_mut().unwrap().remove("informationUri");
        run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] = "a b".into();
        place.put("less.sarif", value.to_string());
        let less = verdict(&program, &place, "less.sarif");
        let rules: BTreeSet<&str> = complaints(&less).into_iter().map(|(rule, _)| rule.as_str()).collect();
        assert!(
            rules.is_superset(&BTreeSet::from(["GH2012", "SARIF2005"])) && rules.len() > 2,
            "{name}: {rules:?}"
        );
    }
    assert!(
        crosscheck.contains(r"\\[a\\](https://evil) {{0}} {{x"),
        "no link and no placeholder: {crosscheck}"
    );
    let scan = fs::read_to_string(place.path("scan.sarif")).unwrap();
    assert!(scan.contains("100%20%25%20sure%23%C3%BC.rs") && scan.contains("\"suppressions\""), "{scan}");
    assert!(scan.contains("\"snippet\"") && scan.contains("thread::spawn(|| ())"), "{scan}");
}
