//! `panic-agent symbolize`: the demo without names, with its debug file, against the demo with names.
//!
//! With `SYMBOLIZE_ALL` set every scenario is compared, which takes minutes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Place, skip};

/// Catches, threads, tasks, scopes, aborts and rethrows of all kinds.
const SCENARIOS: &[&str] = &[
    "catch-swallowed",
    "catch-rethrown",
    "thread-handle-dropped",
    "thread-join-read",
    "thread-join-unwrapped",
    "tokio-join-read",
    "tokio-handle-dropped",
    "rayon-join-caught",
    "futures-catch",
    "drop-panics-in-unwind",
    "extern-c",
    "tls-destructor",
    "mutex-poisoned",
    "inlined-catch-in-thread",
    "longjmp-inside-catch",
];
/// What a verdict says.
const VERDICT: [&str; 9] =
    ["fate", "receipt", "uncaught", "silent", "swallowed", "reason", "relation", "hops", "fingerprint"];

/// Runs of a scenario that differ before it is a failure.
const RUNS: usize = 3;

/// The demo, a copy of it without names, and its debug file.
struct Demo {
    whole: PathBuf,
    stripped: PathBuf,
    debug: PathBuf,
}

impl Demo {
    fn take_apart(place: &Place) -> Option<Self> {
        let whole = Path::new(env!("CARGO_BIN_EXE_panic-agent")).with_file_name("agent-demo");
        if !whole.exists() {
            skip("`agent-demo` is not built beside the tool (cargo build -p agent-demo)");
            return None;
        }
        // Under its own name: what a macro of std wrote is the program's where the executable is named after the crate.
        let stripped = place.path("stripped").join("agent-demo");
        fs::create_dir(place.path("stripped")).expect("a directory");
        let demo = Self { whole, stripped, debug: place.path("demo.debug") };
        for (how, to) in [("--strip-all", &demo.stripped), ("--only-keep-debug", &demo.debug)] {
            let made = Command::new("objcopy").arg(how).arg(&demo.whole).arg(to).status();
            if !made.is_ok_and(|status| status.success()) {
                skip("there is no `objcopy`");
                return None;
            }
        }
        Some(demo)
    }
}

fn scenarios(demo: &Demo) -> Vec<String> {
    let list = Command::new(&demo.whole).args(["list", "--json"]).output().unwrap().stdout;
    let list: Value = serde_json::from_slice(&list).unwrap();
    let all = list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned());
    if std::env::var_os("SYMBOLIZE_ALL").is_some() {
        return all.collect();
    }
    let all: Vec<String> = all.collect();
    SCENARIOS
        .iter()
        .filter(|name| all.iter().any(|one| one == *name))
        .map(|name| (*name).to_owned())
        .collect()
}

fn run(program: &Path, scenario: &str, log: &Path) {
    let mut run = Command::new(program);
    run.args(["run", scenario]).env("PANIC_AGENT_FILE", log).env("PANIC_AGENT_FLUSH_MS", "60000");
    // How they end is the scenario's own.
    run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("the demo runs");
}

/// The first and the last line of each panic, by its number.
fn panics(text: &str) -> BTreeMap<u64, (Value, Value)> {
    let mut panics = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if !matches!(line["kind"].as_str(), Some("panic" | "verdict")) {
            continue;
        }
        let number = line["id"].as_str().unwrap().rsplit_once('-').unwrap().1.parse().unwrap();
        panics.entry(number).and_modify(|(_, last)| *last = line.clone()).or_insert((line.clone(), line));
    }
    panics
}

/// What is compared of a panic.
fn facts((first, last): &(Value, Value)) -> Value {
    let named = |frame: &&Value| !frame["image"].as_str().is_some_and(|image| image.starts_with("lib"));
    let frames = first["frames"].as_array().unwrap().iter().filter(named);
    let frames: Vec<Value> =
        frames.map(|frame| json!([frame["function"], frame["line"], frame["action"]])).collect();
    let verdict: BTreeMap<&str, &Value> = VERDICT.iter().map(|field| (*field, &last[*field])).collect();
    let at = &last["received_at"];
    json!({
        "verdict": verdict,
        "landing": if last["hops"] == 0 { last["landing"].clone() } else { last["landing"]["kind"].clone() },
        "received_at": [at["function"], at["file"], at["line"]],
        "prediction": first["prediction"],
        "location": first["location"],
        "frames": frames,
    })
}

/// Where a payload that was thrown again landed is not in the lines of a stripped program.
fn is_rethrown(panic: &(Value, Value)) -> bool {
    panic.1["hops"] != 0
}

/// Runs a scenario with names and without, and holds the symbolized lines to those with names: panics that were compared, and
/// verdicts that names settled. An error tells what differs.
fn compare(place: &Place, demo: &Demo, debug: &str, scenario: &str) -> Result<(usize, usize), String> {
    let (whole, bare) = (place.path(&format!("{scenario}.whole")), format!("{scenario}.bare"));
    for log in [&whole, &place.path(&bare)] {
        fs::remove_file(log).ok();
    }
    run(&demo.whole, scenario, &whole);
    run(&demo.stripped, scenario, &place.path(&bare));
    // An abort may leave the lines to whoever comes next.
    let recovered = place.run(&["recover", "."]);
    assert_eq!(recovered.status, 0, "{scenario}: {recovered:?}");
    if !whole.exists() {
        return Ok((0, 0));
    }
    let before = fs::read_to_string(place.path(&bare)).unwrap();
    let ran = place.run(&["symbolize", "--binary", debug, &bare]);
    assert!(ran.status <= 1, "{scenario}: {ran:?}");
    assert_eq!(fs::read_to_string(place.path(&bare)).unwrap(), before, "the original stays");
    assert_eq!(ran.out.lines().count(), before.lines().count(), "{scenario}: each line is there");
    let (expected, found) = (panics(&fs::read_to_string(&whole).unwrap()), panics(&ran.out));
    let bare = panics(&before);
    assert_eq!(found.len(), bare.len(), "{scenario}");
    if found.is_empty() && !expected.is_empty() {
        return Err(format!("{scenario}: no panic has a line without names"));
    }
    let (mut compared, mut settled) = (0, 0);
    for (number, expected) in &expected {
        let Some(found) = found.get(number) else { continue };
        // What a busy machine or a forked child had no time for is no measure.
        if !expected.0["soft_errors"].as_array().unwrap().is_empty() {
            continue;
        }
        let (mut wanted, mut got) = (facts(expected), facts(found));
        if is_rethrown(expected) {
            (wanted["landing"], got["landing"]) = (Value::Null, Value::Null);
        }
        if got != wanted {
            return Err(format!("{scenario}, panic {number}: {got:#} in place of {wanted:#}"));
        }
        compared += 1;
        settled += usize::from(facts(&bare[number])["verdict"] != got["verdict"]);
    }
    Ok((compared, settled))
}

#[test]
fn a_stripped_program_and_its_debug_file_give_the_verdicts_of_the_program_with_names() {
    let place = Place::new(&[]);
    let Some(demo) = Demo::take_apart(&place) else { return };
    let debug = demo.debug.display().to_string();
    let (mut compared, mut settled) = (0, 0);
    for scenario in scenarios(&demo) {
        // Threads that die while the process ends come before it or after it, in each run anew.
        let mut tries = (0..RUNS).map(|_| compare(&place, &demo, &debug, &scenario));
        let found =
            tries.find_map(Result::ok).unwrap_or_else(|| compare(&place, &demo, &debug, &scenario).unwrap());
        compared += found.0;
        settled += found.1;
    }
    println!("{compared} panics compared, {settled} verdicts settled by names");
    assert!(compared >= 10 && settled >= 5, "{compared} panics compared, {settled} settled");
}

/// Functions and lines of the program in what lines say of a place.
fn program_places<'v>(places: impl Iterator<Item = &'v Value>) -> Vec<Value> {
    let is_own = |place: &&Value| {
        place["function"].as_str().is_some_and(|name| name.contains("agent_demo::") || name == "main")
    };
    places.filter(is_own).map(|place| json!([place["function"], place["file"], place["line"]])).collect()
}

/// Where the threads of a log were spawned, and where its findings are.
fn spawned_and_found(text: &str) -> (Vec<Value>, Vec<Value>) {
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let all = |field: &str| -> Vec<Value> {
        lines.iter().filter_map(|line| line[field].as_array()).flatten().cloned().collect()
    };
    let (lineage, places) = (all("lineage"), all("places"));
    (program_places(lineage.iter().map(|one| &one["spawned_at"])), program_places(places.iter()))
}

#[test]
fn places_of_findings_and_of_spawned_threads_get_the_names_of_the_program_with_names() {
    let place = Place::new(&[]);
    let Some(demo) = Demo::take_apart(&place) else { return };
    let record = |program: &Path, scenario: &str, log: &str| {
        let mut run = Command::new(program);
        run.args(["run", scenario]).env("PANIC_AGENT_FILE", place.path(log));
        run.env("PANIC_AGENT_FLUSH_MS", "60000").env("PANIC_AGENT_SPAWN_PLACES", "on");
        run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("the demo runs");
        fs::read_to_string(place.path(log)).expect("lines")
    };
    for (scenario, spawns, finds) in [
        ("thread-handle-dropped", true, false),
        ("hook-replaced", false, true),
        ("exit-during-unwind", true, true),
    ] {
        let expected = spawned_and_found(&record(&demo.whole, scenario, &format!("{scenario}.whole")));
        assert_eq!((!expected.0.is_empty(), !expected.1.is_empty()), (spawns, finds), "{scenario}");
        let bare = record(&demo.stripped, scenario, &format!("{scenario}.bare"));
        assert_eq!(spawned_and_found(&bare), (Vec::new(), Vec::new()), "{scenario}");
        assert!(bare.contains("\"stack\":[\"agent-demo+0x"), "{scenario}: {bare}");
        let named = place.run(&["symbolize", "--binary", "demo.debug", &format!("{scenario}.bare")]);
        assert_eq!(spawned_and_found(&named.out), expected, "{scenario}");
        // The twin: without the right file nothing is named, and the addresses stay for the next one.
        let other = place.run(&[
            "symbolize",
            "--binary",
            env!("CARGO_BIN_EXE_panic-agent"),
            &format!("{scenario}.bare"),
        ]);
        assert_eq!(other.out, bare, "{scenario}");
    }
}

#[test]
fn the_names_of_another_build_are_refused_and_what_is_missing_is_said() {
    let place = Place::new(&[]);
    let Some(demo) = Demo::take_apart(&place) else { return };
    run(&demo.stripped, "catch-swallowed", &place.path("panics.jsonl"));
    let before = fs::read_to_string(place.path("panics.jsonl")).unwrap();
    // Another program than the one in the lines.
    let other = env!("CARGO_BIN_EXE_panic-agent");
    let ran = place.run(&["symbolize", "--binary", other]);
    assert_eq!((ran.status, &ran.out), (1, &before), "{}", ran.err);
    assert!(
        ran.err.contains("no names for `agent-demo` (build-id ") && ran.err.contains("`--binary`"),
        "{}",
        ran.err
    );
    // The twin: through a directory, and from standard input.
    let mut tool = place.command(&["symbolize", "--binary", "demo.debug", "-", "-o", "named.jsonl"]);
    tool.stdin(fs::File::open(place.path("panics.jsonl")).unwrap());
    let ran = crate::support::Ran::from(tool.output().unwrap());
    assert_eq!((ran.status, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert!(ran.err.contains("1 of 1 panic named"), "{}", ran.err);
    let story = place.text(&["view", "named.jsonl"]);
    assert!(story.contains("agent_demo::scenarios::catching"), "{story}");
    assert!(!place.text(&["view", "panics.jsonl"]).contains("agent_demo::scenarios::catching"));
    // Nothing is written over.
    let again = place.run(&["symbolize", "--binary", "demo.debug", "-o", "named.jsonl"]);
    assert!(again.status == 2 && again.err.contains("named.jsonl"), "{again:?}");
}

#[test]
fn what_cannot_be_used_is_named_and_lines_of_others_pass() {
    let place = Place::new(&["thread-handle-dropped"]);
    place.put("text.txt", "no object file");
    for (args, said) in [
        (["--binary", "none"], "cannot take names from `none`"),
        (["--binary", "text.txt"], "it is not an object file"),
        (["--debug-dir", "none"], "`none` is not a directory with debug files"),
    ] {
        let ran = place.run(&["symbolize", args[0], args[1], "thread-handle-dropped.jsonl"]);
        assert!(ran.status == 2 && ran.err.contains(said) && ran.out.is_empty(), "{args:?}: {ran:?}");
    }
    let mixed = format!("{{\"other\":1}}\n{}not JSON\n", crate::support::lines("thread-handle-dropped"));
    place.put("mixed.jsonl", &mixed);
    let ran = place.run(&["symbolize", "mixed.jsonl"]);
    assert_eq!(ran.out, mixed, "{}", ran.err);
}

#[test]
fn numbers_that_make_no_sense_never_end_it() {
    let place = Place::new(&[]);
    let line = crate::support::lines("thread-join-unwrapped");
    let damages: [(&str, &[&str]); 7] = [
        ("\"frame\":", &["0", "4294967295"]),
        ("\"physical\":", &["0", "4294967295"]),
        ("\"trimmed_inner\":", &["4294967295"]),
        ("\"index\":", &["4294967295"]),
        ("\"ip\":", &["\"0x0\"", "\"0xffffffffffffffff\"", "\"\"", "\"0xé\""]),
        ("\"address\":", &["\"0xffffffffffffffff\"", "null", "\"+\""]),
        ("\"action\":", &["\"catch\"", "\"terminate\"", "null"]),
    ];
    let mut all = String::new();
    for (key, values) in damages {
        for value in values {
            all.push_str(&replaced(&line, key, value));
        }
    }
    let at = "\"received_at\":{\"function\":null,\"file\":null,\"line\":null,\"os_thread\":1,\"stack\":[\"+\",\"a+0x\",\"é+0xffffffffffffffff\"]}";
    all.push_str(&line.replace("\"received_at\":null", at));
    place.put("damaged.jsonl", &all);
    let ran = place.run(&["symbolize", "--debug-dir", ".", "damaged.jsonl"]);
    assert!(ran.status <= 1, "{}", ran.err);
    assert_eq!(ran.out.lines().count(), all.lines().count(), "each line is there");
}

/// The text with another value for each occurrence of a key.
fn replaced(text: &str, key: &str, value: &str) -> String {
    let mut parts = text.split(key);
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        let end = part.find([',', '}']).unwrap();
        out.push_str(&format!("{key}{value}{}", &part[end..]));
    }
    out
}
