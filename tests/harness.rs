//! Builds `tests/fixtures/harness`, an ordinary crate of tests with real libtest around them, runs each of its modules
//! in a process of its own, and reads which test each panic is said to belong to.
#![cfg(all(
    feature = "probes",
    target_os = "linux",
    target_env = "gnu",
    not(panic_agent_fallback),
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

mod fixtures;

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use panic_agent::Line;
use panic_agent::record::{LineContent, LineReader, TestEvent, TestEvidence, TestRef, TestResult};

/// What is said of a panic: its message; the test, or after a question mark why there is none; the evidence, where
/// inlining decides more than one (with `Unknown` among others the thread may be shared and nothing else known);
/// whether the test was over (`ended`, `running`); who started a shared thread.
type Panic = (&'static str, &'static str, &'static [TestEvidence], &'static str, Option<&'static str>);
/// Code and test of a finding.
type Found = (&'static str, &'static str);

struct Case {
    module: &'static str,
    panics: &'static [Panic],
    findings: &'static [Found],
    /// Whether libtest calls the run a success.
    passes: bool,
}

use TestEvidence::{Frame, Lineage, Rethrow, Stack, Unknown};

const STACK: &[TestEvidence] = &[Stack];
const LINEAGE: &[TestEvidence] = &[Lineage];
/// A closure of the test, where its name was not lost by inlining.
const CLOSURE: &[TestEvidence] = &[Frame, Lineage];

const CASES: &[Case] = &[
    Case {
        module: "alone",
        panics: &[
            ("own", "alone::fails", STACK, "running", None),
            ("meant", "alone::is_meant_to", STACK, "running", None),
            ("deep", "alone::goes_deep", STACK, "running", None),
            ("last", "alone::ends_with_a_destructor", LINEAGE, "running", None),
        ],
        findings: &[],
        passes: false,
    },
    Case {
        module: "threads",
        panics: &[
            ("child", "threads::child", CLOSURE, "running", None),
            ("grandchild", "threads::grandchild", LINEAGE, "running", None),
            ("scoped", "threads::scoped", CLOSURE, "running", None),
            ("deep child", "threads::child_of_a_deep_stack", LINEAGE, "running", None),
        ],
        findings: &[],
        passes: true,
    },
    Case {
        module: "runtimes",
        panics: &[
            ("current_thread", "runtimes::current_thread", STACK, "running", None),
            ("multi_thread", "runtimes::multi_thread", CLOSURE, "running", None),
            ("blocking", "runtimes::blocking", LINEAGE, "running", None),
            ("attribute", "runtimes::attribute", STACK, "running", None),
            ("attribute_multi_thread", "runtimes::attribute_multi_thread", CLOSURE, "running", None),
        ],
        findings: &[],
        passes: true,
    },
    Case {
        module: "pool",
        panics: &[
            ("closure", "pool::b_closure", &[Frame, Rethrow], "running", Some("pool::a_starts_it")),
            ("rethrown", "pool::c_rethrown", &[Frame, Rethrow], "running", Some("pool::a_starts_it")),
            ("swallowed", "pool::d_swallowed", &[Frame, Unknown], "running", Some("pool::a_starts_it")),
            ("own pool", "pool::e_own_pool", CLOSURE, "running", None),
        ],
        findings: &[],
        passes: true,
    },
    Case {
        module: "shared_runtime",
        panics: &[
            ("task", "?shared_thread", &[Unknown], "", Some("shared_runtime::a_starts_it")),
            ("blocking", "?shared_thread", &[Unknown], "", Some("shared_runtime::b_uses_it")),
        ],
        findings: &[],
        passes: true,
    },
    Case {
        module: "late",
        panics: &[("late", "late::a_leaves_a_thread", CLOSURE, "ended", None)],
        findings: &[],
        passes: true,
    },
    Case {
        module: "unknown",
        panics: &[("service", "?no_harness_frame", &[Unknown], "", None)],
        findings: &[],
        passes: true,
    },
    Case { module: "exits", panics: &[], findings: &[("exit_in_test", "exits::in_test")], passes: true },
    Case {
        module: "exits_in_child",
        panics: &[],
        findings: &[("exit_in_test", "exits_in_child::calls")],
        passes: true,
    },
    Case { module: "alive", panics: &[], findings: &[("thread_alive_at_end", "alive::leaks")], passes: true },
];

/// A process and what it wrote.
#[derive(Default)]
struct Run {
    success: bool,
    /// The last word on the test of each panic, by message.
    tests: BTreeMap<String, TestRef>,
    labels: BTreeMap<String, BTreeMap<String, String>>,
    findings: Vec<(String, Option<TestRef>, String)>,
    planned: Vec<u64>,
    finished: BTreeMap<String, (TestResult, bool)>,
}

/// The test binary, built in this profile.
struct Binary(PathBuf);

impl Binary {
    fn build(profile: &str) -> Self {
        let output = fixtures::cargo(["--test", "cases"], profile)
            .arg("--message-format=json")
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "the fixture does not build in profile {profile}");
        let messages = String::from_utf8(output.stdout).expect("cargo writes text");
        let executable = messages.lines().rev().find_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            Some(PathBuf::from(message["executable"].as_str()?))
        });
        Self(executable.expect("cargo names the executable"))
    }

    /// The release build after `objcopy` took away what `option` says: the same code as a build without it.
    fn without(option: &str) -> Self {
        let Self(release) = Self::build("release");
        let less = release.with_extension(option.trim_start_matches("--"));
        let status = Command::new("objcopy").arg(option).args([&release, &less]).status();
        assert!(status.expect("objcopy, of binutils, runs").success(), "objcopy {option} failed");
        Self(less)
    }

    fn run(&self, module: &str, arguments: &[&str]) -> Run {
        // Beside its binary, of which several may lie in one directory.
        let mut lines = self.0.clone().into_os_string();
        lines.push(format!("-{module}-{}-{}.jsonl", std::process::id(), arguments.join("")));
        let lines = PathBuf::from(lines);
        std::fs::remove_file(&lines).ok();
        let status = Command::new(&self.0)
            .arg(format!("{module}::"))
            .args(arguments)
            .env("HARNESS_CASES_LINES", &lines)
            // What a busy machine takes to read debug information is not what is tested here.
            .env("PANIC_AGENT_FLUSH_MS", "60000")
            .env_remove("RUST_TEST_THREADS")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("it runs");
        let mut run = Run { success: status.success(), ..Run::default() };
        let mut messages = BTreeMap::new();
        let file = std::fs::File::open(&lines).expect("the agent wrote lines");
        for line in LineReader::new(BufReader::new(file)) {
            match line.expect("the file can be read").content {
                LineContent::Line(Line::Panic(report)) => {
                    let message = report.message.clone().unwrap_or_default();
                    messages.insert(report.head.id, message.clone());
                    run.labels.insert(message.clone(), report.labels.clone());
                    run.tests.insert(
                        message,
                        report.test.clone().expect("every panic says something of its test"),
                    );
                }
                LineContent::Line(Line::Verdict(verdict)) => {
                    let message = messages[&verdict.head.id].clone();
                    run.tests.insert(message, verdict.test.clone().expect("so does every verdict"));
                }
                LineContent::Line(Line::Finding(finding)) => {
                    let place = finding.places.first().and_then(|place| place.function.clone());
                    run.findings.push((
                        finding.code.clone(),
                        finding.test.clone(),
                        place.unwrap_or_default(),
                    ));
                }
                LineContent::Line(Line::Test(test)) if test.event == TestEvent::Planned => {
                    run.planned.extend(test.planned)
                }
                LineContent::Line(Line::Test(test)) => {
                    let (name, result) =
                        (test.name.as_ref().expect("a name"), test.result.expect("a result"));
                    run.finished.insert(name.clone(), (result, test.should_panic));
                }
                LineContent::Damaged(why) => panic!("{why}"),
                _ => {}
            }
        }
        std::fs::remove_file(&lines).ok();
        run
    }
}

impl Run {
    /// What differs from what is expected.
    fn against(&self, case: &Case) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.success != case.passes {
            wrong.push(format!("success: {}", self.success));
        }
        let messages: Vec<&str> = self.tests.keys().map(String::as_str).collect();
        let mut expected: Vec<&str> = case.panics.iter().map(|panic| panic.0).collect();
        expected.sort_unstable();
        if messages != expected {
            wrong.push(format!("panics: {messages:?}"));
        }
        for &(message, name, via, ended, first_owner) in case.panics {
            let Some(test) = self.tests.get(message) else { continue };
            let nothing = (test.via == Unknown && !name.starts_with('?')).then_some("?shared_thread");
            let name = nothing.unwrap_or(name);
            let reason = name.strip_prefix('?');
            let over = [("ended", true), ("running", false)].into_iter().find(|word| word.0 == ended);
            let right = test.name.as_deref() == Some(name).filter(|_| reason.is_none())
                && test.reason.as_deref() == reason
                && via.contains(&test.via)
                && test.ended == over.map(|word| word.1).filter(|_| reason.is_none())
                && test.first_owner.as_deref() == first_owner
                && test.shared == first_owner.is_some();
            if !right {
                wrong.push(format!("{message}: {test:?}"));
            }
        }
        let name =
            |test: &Option<TestRef>| test.as_ref().and_then(|test| test.name.clone()).unwrap_or_default();
        let found: Vec<_> = self.findings.iter().map(|(code, test, _)| (code.clone(), name(test))).collect();
        let expected: Vec<_> =
            case.findings.iter().map(|(code, name)| ((*code).to_owned(), (*name).to_owned())).collect();
        if found != expected {
            wrong.push(format!("findings: {:?}", self.findings));
        }
        wrong
    }
}

/// Every case, with its tests beside each other and one after the other.
fn check(binary: &Binary) {
    let mut failures = Vec::new();
    for case in CASES {
        for threads in ["--test-threads=1", "--test-threads=4"] {
            let wrong = binary.run(case.module, &[threads]).against(case);
            if !wrong.is_empty() {
                failures.push(format!("{} {threads}: {}", case.module, wrong.join("\n    ")));
            }
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", binary.0.display(), failures.join("\n"));
}

#[test]
fn each_panic_belongs_to_its_test_in_a_debug_build() {
    let binary = Binary::build("dev");
    check(&binary);
    what_libtest_prints_becomes_lines(&binary);
    expected_panics_say_so(&binary);
    places_are_those_of_the_test(&binary);
}

#[test]
fn each_panic_belongs_to_its_test_in_a_release_build() {
    check(&Binary::build("release"));
}

/// Without line information functions have their whole paths and closures that were inlined have none.
#[test]
fn each_panic_belongs_to_its_test_without_debug_information() {
    check(&Binary::without("--strip-debug"));
}

/// Without symbols few things are known, and nothing that is said is wrong.
#[test]
fn without_symbols_no_panic_is_laid_at_the_door_of_another_test() {
    let binary = Binary::without("--strip-all");
    let mut known = 0;
    for case in CASES {
        for threads in ["--test-threads=1", "--test-threads=4"] {
            let run = binary.run(case.module, &[threads]);
            assert_eq!(run.success, case.passes, "{}", case.module);
            assert_eq!(run.tests.len(), case.panics.len(), "{}", case.module);
            for &(message, name, _, _, first_owner) in case.panics {
                let test = &run.tests[message];
                let right = test.name.is_none() || test.name.as_deref() == Some(name);
                assert!(right && (test.name.is_some() || test.reason.is_some()), "{message}: {test:?}");
                known += usize::from(test.name.is_some());
                // Who started the thread is known, and not whether it serves others.
                let started_by = test.first_owner.as_deref();
                assert!(started_by.is_none_or(|by| Some(by) == first_owner || by == name), "{test:?}");
            }
            for (code, test, _) in &run.findings {
                let name = test.as_ref().and_then(|test| test.name.as_deref());
                let right = case
                    .findings
                    .iter()
                    .any(|found| found.0 == code && name.is_none_or(|name| name == found.1));
                assert!(right, "{}: {code} {test:?}", case.module);
            }
        }
    }
    assert!(known > 0, "libtest names its threads, and says which tests there are");
}

fn what_libtest_prints_becomes_lines(binary: &Binary) {
    let run = binary.run("alone", &["--test-threads=2"]);
    assert_eq!(run.planned, [5]);
    let finished: Vec<_> = run.finished.iter().map(|(name, result)| (name.as_str(), *result)).collect();
    let expected = [
        ("alone::ends_with_a_destructor", (TestResult::Ok, false)),
        ("alone::fails", (TestResult::Failed, false)),
        ("alone::goes_deep", (TestResult::Failed, false)),
        ("alone::is_left_out", (TestResult::Ignored, false)),
        ("alone::is_meant_to", (TestResult::Ok, true)),
    ];
    assert_eq!(finished, expected);
    // What nobody can read says nothing; the stacks still do.
    let quiet = binary.run("alone", &["--quiet"]);
    assert!(quiet.planned.len() <= 1 && quiet.finished.is_empty());
    assert_eq!(quiet.tests["own"].name.as_deref(), Some("alone::fails"));
}

fn expected_panics_say_so(binary: &Binary) {
    let run = binary.run("expected", &[]);
    let reason = |message: &str| run.labels[message].get("panic_agent.expected").map(String::as_str);
    assert_eq!(reason("meant"), Some("the child is meant to die"));
    assert_eq!(reason("not meant"), None);
}

fn places_are_those_of_the_test(binary: &Binary) {
    let exit = binary.run("exits", &[]);
    let place = |run: &Run| run.findings[0].2.clone();
    assert!(place(&exit).starts_with("std::"), "the call comes first, then who made it");
    assert_eq!(place(&binary.run("alive", &[])), "cases::alive::leaks");
}
