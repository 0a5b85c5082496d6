//! `panic-agent crosscheck`: each answer, and a twin that comes out differently.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Place, assert_schema, lines, skip};

/// A source file whose code stands in a line.
fn at_line(line: u64, code: &str) -> String {
    format!("{}{code}\n", "\n".repeat(usize::try_from(line).unwrap() - 1))
}

/// The last word on the first panic of a scenario.
fn last_word(scenario: &str) -> Value {
    let text = lines(scenario);
    let mut all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let speaks = |line: &Value| line["kind"] == "panic" || line["kind"] == "verdict";
    let is_first = |line: &Value| line["id"].as_str().unwrap().ends_with("-1");
    all.rfind(|line| speaks(line) && is_first(line)).unwrap()
}

/// Line of the innermost frame of the program.
fn frame_line(scenario: &str) -> u64 {
    let text = lines(scenario);
    let panic = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|line| line["kind"] == "panic")
        .unwrap();
    let frames = panic["frames"].as_array().unwrap().clone();
    frames.iter().find(|frame| frame["in_app"] == true).unwrap()["line"].as_u64().unwrap()
}

/// Puts a source below `agent-demo/src/scenarios`.
pub(crate) fn source(place: &Place, file: &str, code: &str) {
    std::fs::create_dir_all(place.path("agent-demo/src/scenarios")).unwrap();
    place.put(&format!("agent-demo/src/scenarios/{file}"), code);
}

fn crosscheck(place: &Place, args: &[&str]) -> Value {
    let ran = place.run(&[&["crosscheck", "scan.json", "--format", "json"], args].concat());
    let value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    assert_schema("crosscheck", std::slice::from_ref(&value));
    value
}

pub(crate) fn scan(place: &Place) {
    place.text(&["scan", ".", "--format", "json", "-o", "scan.json"]);
}

/// Answers of the places, with the functions' last names.
fn answers(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().rsplit("::").next().unwrap().to_owned();
    let rows = value["places"].as_array().unwrap().iter();
    rows.map(|row| (text(&row["answer"]), format!("{} {}", text(&row["kind"]), text(&row["function"]))))
        .collect()
}

fn has(value: &Value, answer: &str, place: &str) -> bool {
    answers(value).contains(&(answer.to_owned(), place.to_owned()))
}

/// The source of a catch that throws its error away, where the lines say that it stands.
pub(crate) fn swallowing_catch(line_shift: u64) -> String {
    let line = last_word("catch-swallowed")["landing"]["line"].as_u64().unwrap();
    let code = "fn catch_swallowed() { let _ = std::panic::catch_unwind(|| panic!()); } fn other() { let _ = std::panic::catch_unwind(|| 1); }";
    at_line(line + line_shift, code)
}

#[test]
fn a_catch_that_lost_a_panic_is_confirmed_and_one_that_none_came_to_is_static_only() {
    let place = Place::new(&["catch-swallowed", "thread-join-read"]);
    // In a line of its own: both would be the place of the landing otherwise.
    source(&place, "catching.rs", &swallowing_catch(0).replace(" fn other", "\nfn other"));
    scan(&place);
    let value = crosscheck(&place, &["catch-swallowed.jsonl"]);
    assert!(
        has(&value, "confirmed", "catch catch_swallowed") && has(&value, "static_only", "catch other"),
        "{value:#}"
    );
    assert_eq!((&value["coverage"]["catches"], &value["coverage"]["exercised"]), (&2.into(), &1.into()));
    let value = crosscheck(&place, &["thread-join-read.jsonl"]);
    assert!(has(&value, "static_only", "catch catch_swallowed"), "{value:#}");
    let ran = place.run(&["crosscheck", "scan.json", "catch-swallowed.jsonl", "--deny", "confirmed"]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.out.contains("1 of 2 catches ever stopped a panic") && ran.out.contains("1 lost: nobody looks"),
        "{}",
        ran.out
    );
    assert_eq!(
        place.run(&["crosscheck", "scan.json", "thread-join-read.jsonl", "--deny", "confirmed"]).status,
        0
    );
}

#[test]
fn a_join_that_read_the_error_is_exercised_and_fine_and_a_dropped_handle_is_confirmed() {
    let place = Place::new(&["thread-join-read", "thread-handle-dropped"]);
    let spawn = "let handle = std::thread::spawn(|| panic!());";
    let received = last_word("thread-join-read")["received_at"]["line"].as_u64().unwrap();
    let raised = frame_line("thread-join-read");
    let between = "\n".repeat(usize::try_from(received - raised).unwrap());
    let joins = "if let Err(payload) = handle.join() { look(payload) }";
    let read = format!("fn thread_join_read() {{ {spawn}{between} {joins} }}");
    source(&place, "threads.rs", &at_line(raised, &read));
    scan(&place);
    let value = crosscheck(&place, &["thread-join-read.jsonl"]);
    assert!(
        has(&value, "exercised", "join thread_join_read")
            && has(&value, "exercised", "spawn thread_join_read"),
        "{value:#}"
    );

    let dropped = format!("fn thread_handle_dropped() {{ {spawn} drop(handle); }}");
    source(&place, "threads.rs", &at_line(frame_line("thread-handle-dropped"), &dropped));
    scan(&place);
    let value = crosscheck(&place, &["thread-handle-dropped.jsonl"]);
    assert!(has(&value, "confirmed", "spawn thread_handle_dropped"), "{value:#}");
    assert!(has(
        &crosscheck(&place, &["thread-join-read.jsonl"]),
        "static_only",
        "spawn thread_handle_dropped"
    ));
}

/// The lines of a scenario, whose first panic was on a thread that somebody spawned there.
fn spawned_elsewhere(scenario: &str, file: &str, line: u64) -> String {
    let text = lines(scenario);
    let told = text.lines().map(|text| {
        let mut told: Value = serde_json::from_str(text).unwrap();
        if told["kind"] == "panic" {
            let place = json!({"function": "demo::start", "file": file, "line": line});
            told["lineage"] = json!([{"os_id": 1, "name": null, "spawned_at": place}]);
        }
        format!("{told}\n")
    });
    told.collect()
}

#[test]
fn a_job_that_died_is_told_at_its_own_place_and_at_that_of_its_thread() {
    let place = Place::new(&["thread-handle-dropped"]);
    let job = "fn thread_handle_dropped() { rayon::spawn(|| panic!()); }";
    source(&place, "threads.rs", &at_line(frame_line("thread-handle-dropped"), job));
    source(&place, "pool.rs", "fn start() { std::thread::spawn(work); }\n");
    scan(&place);
    let file = "agent-demo/src/scenarios/pool.rs";
    place.put("pool.jsonl", spawned_elsewhere("thread-handle-dropped", file, 1));
    let value = crosscheck(&place, &["pool.jsonl"]);
    assert!(
        has(&value, "confirmed", "spawn thread_handle_dropped") && has(&value, "confirmed", "spawn start"),
        "{value:#}"
    );
    let value = crosscheck(&place, &["thread-handle-dropped.jsonl"]);
    assert!(
        has(&value, "confirmed", "spawn thread_handle_dropped") && has(&value, "static_only", "spawn start"),
        "{value:#}"
    );
}

#[test]
fn what_the_scan_does_not_know_is_runtime_only_and_told_with_its_place() {
    let place = Place::new(&["catch-swallowed", "thread-join-read"]);
    source(&place, "catching.rs", "fn other() { let _ = std::panic::catch_unwind(|| 1); }\n");
    scan(&place);
    let value = crosscheck(&place, &["catch-swallowed.jsonl"]);
    assert!(
        has(&value, "runtime_only", "catch catch_swallowed") && has(&value, "static_only", "catch other"),
        "{value:#}"
    );
    // A panic that somebody read is nothing to tell.
    assert!(
        answers(&crosscheck(&place, &["thread-join-read.jsonl"]))
            .iter()
            .all(|(answer, _)| answer == "static_only")
    );
    // A place that the scan took for fine.
    source(&place, "catching.rs", &swallowing_catch(0).replace("let _ =", "return"));
    scan(&place);
    let value = crosscheck(&place, &["catch-swallowed.jsonl"]);
    assert!(
        has(&value, "runtime_only", "catch other") || has(&value, "runtime_only", "catch catch_swallowed"),
        "{value:#}"
    );
}

#[test]
fn a_source_that_was_another_one_is_stale_before_and_after_the_scan() {
    let place = Place::new(&["catch-swallowed"]);
    source(&place, "catching.rs", &swallowing_catch(40));
    scan(&place);
    let value = crosscheck(&place, &["catch-swallowed.jsonl"]);
    assert!(
        has(&value, "stale", "catch catch_swallowed") && has(&value, "static_only", "catch other"),
        "{value:#}"
    );
    source(&place, "catching.rs", &swallowing_catch(0));
    scan(&place);
    assert!(
        !answers(&crosscheck(&place, &["catch-swallowed.jsonl"])).iter().any(|(answer, _)| answer == "stale")
    );
    source(&place, "catching.rs", &format!("{}// changed\n", swallowing_catch(0)));
    let value = crosscheck(&place, &["catch-swallowed.jsonl"]);
    assert!(answers(&value).iter().all(|(answer, _)| answer == "stale"), "{value:#}");
    // Where the source is not, the scan is believed.
    let value = crosscheck(&place, &["catch-swallowed.jsonl", "--root", "nowhere"]);
    assert!(answers(&value).iter().any(|(answer, _)| answer == "confirmed"), "{value:#}");
}

#[test]
fn an_open_verdict_is_unknown() {
    let place = Place::new(&["catch-swallowed"]);
    let text = lines("catch-swallowed")
        .replace("\"swallowed\":true", "\"swallowed\":null")
        .replace("\"silent\":false", "\"silent\":null");
    place.put("open.jsonl", text);
    source(&place, "catching.rs", &swallowing_catch(0).replace(" fn other", "\nfn other"));
    scan(&place);
    assert!(has(&crosscheck(&place, &["open.jsonl"]), "unknown", "catch catch_swallowed"));
    assert!(has(&crosscheck(&place, &["catch-swallowed.jsonl"]), "confirmed", "catch catch_swallowed"));
}

#[test]
fn each_form_tells_the_same_and_texts_of_lines_do_not_become_markup() {
    let place = Place::new(&["catch-swallowed"]);
    place.put("evil.jsonl", lines("catch-swallowed").replace("nobody looks", "a|b<c"));
    source(&place, "catching.rs", &swallowing_catch(0).replace(" fn other", "\nfn other"));
    scan(&place);
    let markdown = place.text(&["crosscheck", "scan.json", "evil.jsonl", "--format", "markdown"]);
    assert!(markdown.contains("| confirmed |") && markdown.contains("a\\|b&lt;c"), "{markdown}");
    let sarif: Value =
        serde_json::from_str(&place.text(&["crosscheck", "scan.json", "evil.jsonl", "--format", "sarif"]))
            .unwrap();
    let levels: Vec<_> = sarif["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["level"].as_str().unwrap())
        .collect();
    assert_eq!(levels, ["error", "note"], "{sarif:#}");
    let wrong = place.run(&["crosscheck", "evil.jsonl"]);
    assert!(wrong.status == 2 && wrong.err.contains("evil.jsonl:1:"), "{wrong:?}");
}

/// What each scenario of the demo must give: an answer, and the place.
const SCENARIOS: &[(&str, &str, &str)] = &[
    ("thread-handle-dropped", "confirmed", "spawn thread_handle_dropped"),
    ("thread-join-ignored", "confirmed", "join thread_join_ignored"),
    ("thread-join-ok", "confirmed", "join thread_join_ok"),
    ("thread-join-is-err", "confirmed", "join thread_join_is_err"),
    ("thread-crowd", "confirmed", "join thread_crowd"),
    ("catch-swallowed", "confirmed", "catch catch_swallowed"),
    ("futures-catch", "confirmed", "catch futures_catch"),
    ("futures-catch-missed", "static_only", "catch futures_catch_missed"),
    ("thread-join-read", "exercised", "join thread_join_read"),
    ("thread-join-unwrapped", "exercised", "join thread_join_unwrapped"),
    ("catch-examined", "exercised", "catch catch"),
];

/// Runs a scenario of the demo to the end of its panics: where the process ends first, which a busy machine can bring about, it runs
/// again, because such a panic came to no place.
fn record(demo: &Path, scenario: &str, log: &Path) {
    for _ in 0..20 {
        drop(fs::remove_file(log));
        let mut run = Command::new(demo);
        run.args(["run", scenario]).env("PANIC_AGENT_FILE", log).env("PANIC_AGENT_FLUSH_MS", "60000");
        run.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("the demo runs");
        if !fs::read_to_string(log).unwrap().contains("\"fate\":\"interrupted\"") {
            return;
        }
    }
    panic!("{scenario} never comes to its end");
}

#[test]
fn the_scenarios_of_the_demo_are_what_they_are() {
    let demo = Path::new(env!("CARGO_BIN_EXE_panic-agent")).with_file_name("agent-demo");
    if !demo.exists() {
        return skip("`agent-demo` is not built beside the tool (cargo build -p agent-demo)");
    }
    let place = Place::new(&[]);
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    place.text(&["scan", source, "-p", "agent-demo", "--format", "json", "-o", "scan.json"]);
    for (scenario, answer, site) in SCENARIOS {
        let log = format!("{scenario}.jsonl");
        record(&demo, scenario, &place.path(&log));
        let value = crosscheck(&place, &[&log]);
        assert!(has(&value, answer, site), "{scenario}: {answer}, {site}: {value:#}");
        let wrong = answers(&value)
            .into_iter()
            .filter(|(answer, _)| matches!(answer.as_str(), "runtime_only" | "stale" | "unknown"));
        assert_eq!(wrong.collect::<Vec<_>>(), [], "{scenario}");
    }
}

#[test]
fn the_catches_of_a_program_are_covered_by_what_its_lines_say() {
    let demo = Path::new(env!("CARGO_BIN_EXE_panic-agent")).with_file_name("agent-demo");
    if !demo.exists() {
        return skip("`agent-demo` is not built beside the tool (cargo build -p agent-demo)");
    }
    let place = Place::new(&[]);
    place.text(&["scan", "--binary", &demo.display().to_string(), "--format", "json", "-o", "scan.json"]);
    for (scenario, exercised) in [("catch-swallowed", true), ("thread-handle-dropped", false)] {
        let log = format!("{scenario}.jsonl");
        record(&demo, scenario, &place.path(&log));
        let value = crosscheck(&place, &[&log]);
        assert_eq!(has(&value, "confirmed", "catch catch_swallowed"), exercised, "{scenario}: {value:#}");
        assert!(value["coverage"]["catches"].as_u64().unwrap() > 15, "{value:#}");
    }
    // Another build of the program is another program.
    let text = fs::read_to_string(place.path("catch-swallowed.jsonl")).unwrap();
    let line = text.lines().find(|line| line.contains("\"kind\":\"process\"")).unwrap();
    let process: serde_json::Value = serde_json::from_str(line).unwrap();
    let Some(build_id) = process["image"]["build_id"].as_str() else {
        return skip("the demo has no build-id");
    };
    place.put("other.jsonl", text.replace(build_id, &build_id.replace(|_: char| true, "0")));
    let ran = place.run(&["crosscheck", "scan.json", "other.jsonl", "--format", "json"]);
    assert!(ran.err.contains("left out 1 panic: of another build"), "{}", ran.err);
    let value: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert!(!has(&value, "confirmed", "catch catch_swallowed"), "{value:#}");
}
