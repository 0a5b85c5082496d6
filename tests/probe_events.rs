//! Builds `tests/fixtures/probes` in several profiles, runs each of its cases in a process of its own with
//! and without probes, and compares: the program must behave the same, and the events must tell its story.
#![cfg(all(
    feature = "__testing",
    feature = "probes",
    target_os = "linux",
    target_env = "gnu",
    not(panic_agent_fallback),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

mod fixtures;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A case and the story of its panics: event, number of the panic, and `m` for the main thread or `t` for
/// another. `r` raised for the first time, `R` re-raised, `l` landed on a catch, `f` landed where the process
/// aborts, `x` landed in C++, `u` raised in vain, `e` read, `d` dropped. `|` separates stories that differ
/// in what inlining does to the order of destructors, or in which thread was faster.
const STORIES: &[(&str, &str)] = &[
    ("catch-drop", "r1m l1m d1m"),
    ("catch-read", "r1m l1m e1m d1m"),
    ("catch-is", "r1m l1m d1m"),
    // Taken by value: the read is the last that is seen.
    ("catch-take", "r1m l1m e1m"),
    ("catch-str", "r1m l1m e1m e1m d1m"),
    // A hundred reads; the rest is only counted.
    ("catch-quiet-read", "r1m l1m e1m e1m e1m e1m d1m"),
    ("detach-before", "r1t l1t d1t"),
    ("detach-after", "r1t l1t d1m"),
    ("join-ignore", "r1t l1t d1m"),
    ("join-read", "r1t l1t e1m d1m"),
    ("join-unwrap", "r1t l1t r2m d1m l2m e2m d2m | r1t l1t r2m l2m d1m e2m d2m"),
    ("forget", "r1t l1t"),
    ("scope", "r1t l1t d1t r2m l2m e2m d2m"),
    ("resume-same", "r1m l1m R1m l1m e1m d1m"),
    ("resume-other", "r1t l1t R1m l1m d1m"),
    ("resume-first", "r1m l1m d1m r2m l2m d2m r3m l3m d3m"),
    ("zero-sized", "r1m l1m"),
    ("nested", "r1m r2m l2m d2m l1m d1m | r1m l1m r2m l2m d2m d1m"),
    ("drop-panics", "r1m l1m d1m r2m l2m d2m"),
    ("box-in-box", "r1m l1m r2m l2m e2m e1m d1m"),
    ("extern-c", "r1m f1m"),
    ("extern-c-drop", "r1m"),
    ("no-catch", "r1t u1t"),
    ("pthread-exit", ""),
    ("small-stack", "r1t l1t d1m"),
    ("tls", "r1t l1t d1t"),
    ("uninstall", "r1m l1m"),
    ("fork", "r1m l1m d1m"),
    ("tokio-drop", "r1t l1t d1t"),
    ("tokio-ignore", "r1t l1t d1m"),
    ("tokio-display", "r1t l1t e1m d1m"),
    ("tokio-into-panic", "r1t l1t e1m d1m"),
    // From the job to the pool's boundary to the caller: one panic.
    ("rayon-join", "r1t l1t R1t l1t R1m l1m e1m d1m"),
];

/// C++ frames; run only where there is a C++ compiler.
const CXX_STORIES: &[(&str, &str)] = &[
    ("cpp-through-rust", ""),
    ("cpp-into-catch", "l0m"),
    ("cpp-rethrows", "r1m x1m l1m e1m d1m"),
    ("cpp-swallows", "r1m x1m d1m"),
];

#[derive(Debug)]
struct Event(String, HashMap<String, String>);

impl Event {
    fn get(&self, field: &str) -> &str {
        self.1.get(field).map_or("", String::as_str)
    }

    fn number(&self, field: &str) -> u64 {
        self.get(field).parse().unwrap_or_default()
    }

    fn token(&self) -> Option<String> {
        let letter = match (self.0.as_str(), self.get("action"), self.get("handler")) {
            ("raised", ..) if self.get("hops") == "0" => 'r',
            ("raised", ..) => 'R',
            ("landed", "Catch", "Rust") => 'l',
            ("landed", "Filter", "Rust") => 'f',
            ("landed", _, "Foreign") => 'x',
            ("unraised", ..) => 'u',
            ("read", ..) => 'e',
            ("dropped", ..) => 'd',
            ("landed", ..) => '?',
            _ => return None,
        };
        let thread = if self.get("main") == "1" { 'm' } else { 't' };
        Some(format!("{letter}{}{thread}", self.get("p")))
    }
}

struct Run {
    status: Option<i32>,
    signal: Option<i32>,
    output: String,
    errors: String,
    events: Vec<Event>,
    counts: String,
    text: String,
}

impl Run {
    fn of(output: &Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = |prefix: &str| {
            text.lines().filter_map(|line| line.strip_prefix(prefix)).map(str::to_owned).collect::<Vec<_>>()
        };
        let events = lines("EV ")
            .into_iter()
            .map(|line| {
                let mut words = line.split(' ');
                let kind = words.next().unwrap_or_default().to_owned();
                let fields = words.filter_map(|word| word.split_once('='));
                Event(kind, fields.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
            })
            .collect();
        Self {
            status: output.status.code(),
            signal: output.status.signal(),
            output: lines("OUT ").join("\n"),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
            events,
            counts: lines("COUNTS ").join("\n"),
            text,
        }
    }

    fn story(&self) -> String {
        self.events.iter().filter_map(Event::token).collect::<Vec<_>>().join(" ")
    }

    fn of_kind(&self, kind: &str) -> Vec<&Event> {
        self.events.iter().filter(|event| event.0 == kind).collect()
    }
}

struct Program {
    path: PathBuf,
    cxx: bool,
}

impl Program {
    fn build(profile: &str) -> Self {
        let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
        let cxx = Command::new(compiler).arg("--version").output().is_ok_and(|out| out.status.success());
        let status = fixtures::cargo(["--bin", "probe-cases"], profile)
            .args(if cxx { &["--features", "probe-cases/cpp"][..] } else { &[] })
            .status()
            .expect("cargo runs");
        assert!(status.success(), "the fixture does not build in profile {profile}");
        Self { path: fixtures::program(profile, "probe-cases"), cxx }
    }

    fn run(&self, case: &str, probes: &str) -> Run {
        self.run_with(case, probes, &[])
    }

    fn run_with(&self, case: &str, probes: &str, environment: &[(&str, &str)]) -> Run {
        let output = Command::new(&self.path)
            .arg(case)
            .env("PROBES", probes)
            .envs(environment.iter().copied())
            .output()
            .expect("it runs");
        Run::of(&output)
    }
}

/// Every story, every twin run, and what the stories leave out.
fn check(profile: &str) {
    let program = Program::build(profile);
    let mut failures = Vec::new();
    let cxx: &[_] = if program.cxx { CXX_STORIES } else { &[] };
    for (case, expected) in STORIES.iter().chain(cxx) {
        let (with, without) = (program.run(case, "on"), program.run(case, "off"));
        let same = (with.status, with.signal, &with.output, &with.errors)
            == (without.status, without.signal, &without.output, &without.errors);
        if !same {
            failures.push(format!("{case}: not the same program\n{}\n{}", with.text, without.text));
        }
        if !expected.split('|').any(|story| story.trim() == with.story()) {
            failures.push(format!("{case}: expected `{expected}`, saw `{}`\n{}", with.story(), with.text));
        }
        if with.signal.is_none() && with.counts != "lost=0 untraced=0 unidentified=0" {
            failures.push(format!("{case}: {}", with.counts));
        }
        if with.text.contains("OFF ") {
            failures.push(format!("{case}: an ability is off\n{}", with.text));
        }
    }
    assert!(failures.is_empty(), "{profile}:\n{}", failures.join("\n"));
    allocations_are_the_same(&program);
    the_trial_moves_away_from_a_place_where_it_may_not_look(&program);
    a_landing_has_the_number_of_cleanups_before_it(&program);
    a_panic_without_hook_has_its_text_and_its_place(&program);
    threads_have_parents_ends_and_joiners(&program);
    a_scope_of_rayon_tells_which_of_two_panics_was_thrown_away(&program);
    storms_lose_nothing(&program);
    surplus_is_counted(&program);
}

fn allocations_are_the_same(program: &Program) {
    let (with, without) = (program.run("allocations", "on"), program.run("allocations", "off"));
    assert!(with.output.contains('('), "{}", with.text);
    assert_eq!(with.output, without.output);
}

/// The allocator gives each exception the same place across two pages, until somebody keeps it.
fn the_trial_moves_away_from_a_place_where_it_may_not_look(program: &Program) {
    let run = program.run("catch-drop", "across");
    // For the first exception and what is kept in its place; for others as large before them, if there are any.
    let given = run.text.lines().find_map(|line| line.strip_prefix("ACROSS ")?.parse::<u64>().ok());
    assert!(given.is_some_and(|given| given >= 2), "{}", run.text);
    assert!(!run.text.contains("OFF "), "{}", run.text);
    assert_eq!(run.story(), "r1m l1m d1m");
}

fn a_landing_has_the_number_of_cleanups_before_it(program: &Program) {
    let run = program.run("catch-drop", "on");
    let kinds: Vec<_> = run.events.iter().map(|event| event.0.as_str()).collect();
    assert_eq!(kinds, ["raised", "landed", "dropped"]);
    // How many of the six frames with destructors are left is the optimiser's choice.
    assert!(run.of_kind("landed")[0].number("cleanups") >= 1, "{}", run.text);
    let aborted = program.run("extern-c-drop", "on");
    assert!(aborted.of_kind("landed").is_empty(), "{}", aborted.text);
}

fn a_panic_without_hook_has_its_text_and_its_place(program: &Program) {
    let run = program.run("resume-first", "on");
    let raised = run.of_kind("raised");
    assert!(raised.iter().all(|event| event.get("h") == "0" && event.number("frames") > 0), "{}", run.text);
    assert!(raised[0].get("text").starts_with("never_hooked_never") && raised[0].get("textlen") == "520");
    assert_eq!((raised[1].get("text"), raised[2].get("text")), ("a_literal", ""));
    let hooked = program.run("join-unwrap", "on");
    let numbers: Vec<_> = hooked.of_kind("raised").iter().map(|event| event.number("h")).collect();
    assert_eq!(numbers, [1, 2]);
}

fn threads_have_parents_ends_and_joiners(program: &Program) {
    let run = program.run("join-ignore", "on");
    let (started, exited, joined) = (run.of_kind("started"), run.of_kind("exited"), run.of_kind("joined"));
    assert_eq!((started.len(), exited.len(), joined.len()), (1, 1, 1), "{}", run.text);
    let main = joined[0].get("tid");
    assert_eq!((started[0].get("parent_tid"), started[0].get("thread")), (main, "1"));
    assert_eq!((joined[0].get("target"), joined[0].get("target_tid")), ("1", started[0].get("tid")));
    assert_eq!((joined[0].get("target_panic"), joined[0].get("target_exited")), ("1", "true"));
    assert!(joined[0].number("frames") > 0, "a join of a thread that panicked has a place");

    let before = program.run("detach-before", "on");
    let detached = before.of_kind("detached")[0];
    assert_eq!((detached.get("target_panic"), detached.get("main")), ("0", "1"), "{}", before.text);
    let after = program.run("detach-after", "on");
    let detached = after.of_kind("detached")[0];
    assert_eq!(
        (detached.get("target_panic"), detached.get("target_exited")),
        ("1", "true"),
        "{}",
        after.text
    );

    assert_eq!(started[0].number("frames"), 0, "nobody asked for the place");
    let spawned = program.run("join-ignore", "places");
    assert!(spawned.of_kind("started")[0].number("frames") > 0, "{}", spawned.text);

    let forgotten = program.run("forget", "on");
    assert!(forgotten.of_kind("joined").is_empty() && forgotten.of_kind("detached").is_empty());
}

fn a_scope_of_rayon_tells_which_of_two_panics_was_thrown_away(program: &Program) {
    let run = program.run("rayon-scope", "on");
    assert_eq!(run.output, program.run("rayon-scope", "off").output);
    let of = |panic: &str, kind: &str| {
        run.events.iter().filter(|event| event.0 == kind && event.get("p") == panic).collect::<Vec<_>>()
    };
    let (kept, lost) = if of("1", "read").is_empty() { ("2", "1") } else { ("1", "2") };
    assert_eq!(of(kept, "raised").len(), 3, "{}", run.text);
    assert_eq!((of(kept, "read")[0].get("main"), of(kept, "dropped")[0].get("main")), ("1", "1"));
    assert_eq!((of(lost, "raised").len(), of(lost, "read").len()), (1, 0), "{}", run.text);
    assert_eq!(of(lost, "dropped")[0].get("main"), "0");
}

fn storms_lose_nothing(program: &Program) {
    let run = program.run("storm", "on");
    assert_eq!(run.output, "panics=16000 lives=16000 whole=16000", "{}", run.errors);
    assert_eq!(run.counts, "lost=0 untraced=0 unidentified=0");
}

fn surplus_is_counted(program: &Program) {
    let types = program.run("types", "on");
    assert_eq!(types.output, "drops=144");
    // 64 types with copies of their own, and 64 that share one each, of which one belongs to the trial at installation.
    assert!(types.text.contains("SEEN raised=144 dropped=127 full=17"), "{}", types.text);
    assert!(types.counts.contains("untraced=17"), "{}", types.counts);

    let live = program.run("live", "on");
    assert_eq!(live.output, "drops=6000");
    let named = live.text.split("named=").nth(1).and_then(|rest| rest.split_whitespace().next());
    let named: u64 = named.and_then(|number| number.parse().ok()).expect("a number");
    assert!(named >= 2000, "{}", live.text);
    // A drop at an address whose panic had to make room is none of a known panic.
    assert!(live.text.contains(&format!("SEEN raised=6000 dropped={named} named={named}")), "{}", live.text);
    let unidentified = format!("unidentified={}", 6000 - named);
    assert!(live.counts.ends_with(&unidentified), "{} but {}", live.counts, live.text);

    let overload = program.run("overload", "on");
    assert!(overload.text.contains("SEEN sum=120000"), "{}", overload.text);
}

#[test]
fn events_tell_the_story_of_each_panic_in_a_debug_build() {
    check("dev");
}

#[test]
fn events_tell_the_story_of_each_panic_in_a_release_build() {
    check("release");
}

#[test]
fn events_tell_the_story_of_each_panic_with_fat_lto_and_no_symbols() {
    check("lto");
}

#[test]
fn places_begin_where_the_program_reads_drops_and_joins() {
    let program = Program::build("dev");
    for (case, kind, function) in [
        ("catch-read", "read", "probe_cases::cases::catch_read"),
        ("catch-drop", "dropped", "probe_cases::cases::catch_drop"),
        ("join-ignore", "joined", "probe_cases::cases::join_ignore"),
        ("join-ignore", "dropped", "probe_cases::cases::join_ignore"),
        ("detach-after", "detached", "probe_cases::cases::detach_after"),
        // Nobody had it: it ends inside std, on the thread that panicked.
        ("detach-before", "dropped", "std::thread"),
        ("tokio-drop", "dropped", "tokio::runtime::task"),
    ] {
        let run = program.run_with(case, "on", &[("PLACES", "1")]);
        let event = run.of_kind(kind)[0];
        assert!(event.get("at").contains(function), "{case} {kind}: {}", run.text);
        assert!(!event.get("at").contains("panic_agent::probe"), "{case} {kind}: {}", run.text);
    }
    let run = program.run_with("detach-before", "on", &[("PLACES", "1")]);
    assert!(!run.of_kind("dropped")[0].get("at").contains("probe_cases::cases::detach_before;"));
}
