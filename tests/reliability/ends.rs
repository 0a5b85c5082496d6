//! Every way a process can end right after a panic: whatever it acknowledged is in its log after the next start.
//!
//! Runs on: the threads that judge. Must not: judge by the exit status alone.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process;

use libtest_mimic::{Failed, Trial};

use super::end_programs::PANICS;
use super::log::{Log, spools};
use super::program::{command, fresh_directory};

/// One way to end.
struct End {
    program: &'static str,
    /// Status, or the signal as a negative number.
    status: i32,
    /// Whether the process says that it ends.
    says_so: bool,
}

/// What std does about an overflow of the main stack: with musl it does not know where that one ends.
const OVERFLOW: i32 = if cfg!(target_env = "musl") { libc::SIGSEGV } else { libc::SIGABRT };

const ENDS: &[End] = &[
    End { program: "end-return", status: 0, says_so: true },
    End { program: "end-exit", status: 3, says_so: true },
    End { program: "end-panic-in-main", status: 101, says_so: true },
    End { program: "end-underscore-exit", status: 4, says_so: false },
    End { program: "end-abort", status: -libc::SIGABRT, says_so: false },
    End { program: "end-libc-abort", status: -libc::SIGABRT, says_so: false },
    End { program: "end-nounwind", status: -libc::SIGABRT, says_so: false },
    End { program: "end-double-panic", status: -libc::SIGABRT, says_so: false },
    End { program: "end-sigterm", status: -libc::SIGTERM, says_so: false },
    End { program: "end-sigkill", status: -libc::SIGKILL, says_so: false },
    End { program: "end-exec", status: 0, says_so: false },
    End { program: "end-stack-overflow", status: -OVERFLOW, says_so: false },
    End { program: "end-segfault", status: -libc::SIGSEGV, says_so: false },
];

fn run(program: &str, directory: &Path, environment: &[(&str, &str)]) -> (process::ExitStatus, Vec<String>) {
    let run = command(program, directory).envs(environment.iter().copied()).output().expect("it starts");
    let words = String::from_utf8_lossy(&run.stdout).lines().map(str::to_owned).collect();
    (run.status, words)
}

/// Everything acknowledged has one line.
fn nothing_is_missing(directory: &Path, words: &[String]) -> Log {
    assert_eq!(words.len(), PANICS, "{words:?}");
    let log = Log::read(directory);
    let messages = log.messages();
    for word in words {
        assert_eq!(messages.get(word.as_str()), Some(&1), "{word}: {messages:?}");
    }
    assert_eq!((log.torn.len(), log.duplicates()), (0, 0));
    assert_eq!(spools(directory), [""; 0]);
    log
}

/// Ends, recovers by the call or by the next start, and looks.
fn ends(end: &End, by_start: bool) {
    let how = if by_start { "start" } else { "call" };
    let directory = fresh_directory(&format!("{}-{how}", end.program));
    let (status, words) = run(end.program, &directory, &[]);
    assert_eq!(status.code().or(status.signal().map(|signal| -signal)), Some(end.status), "{status}");
    assert_eq!(spools(&directory).is_empty(), end.says_so, "a clean end removes the spool");
    if by_start {
        let (status, _) = run("nothing", &directory, &[]);
        assert!(status.success());
    } else {
        panic_agent::recovery::recover(&directory).expect("the directory is there");
    }
    let log = nothing_is_missing(&directory, &words);
    let died = log.of("finding").iter().filter(|line| line["code"] == "process_died").count();
    assert_eq!(died, usize::from(!end.says_so), "a death is reported, and nothing else is");
}

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: String, check: Box<dyn FnOnce() + Send>| {
        Trial::test(name, move || -> Result<(), Failed> {
            check();
            Ok(())
        })
    };
    let mut trials = Vec::new();
    for end in ENDS {
        for by_start in [false, true] {
            let how = if by_start { "by_the_next_start" } else { "by_the_call" };
            let name = format!("{}_keeps_every_panic_{how}", end.program.replace('-', "_"));
            trials.push(trial(name, Box::new(move || ends(end, by_start))));
        }
    }
    let checks: [(&str, fn()); 7] = [
        ("a_panic_that_unwound_gets_its_last_verdict_also_when_its_line_was_written", last_verdict),
        ("a_panic_that_had_landed_is_not_interrupted_and_one_that_unwound_is", verdicts),
        ("a_program_that_becomes_itself_again_finds_what_it_left", becomes_itself),
        ("without_a_spool_a_kill_takes_what_is_under_way", without_a_spool),
        ("a_spool_directory_keeps_the_spool_away_from_the_log", elsewhere),
        ("texts_of_a_dead_redactor_are_left_out_by_the_call_and_redacted_by_the_next_start", redacted),
        ("the_spool_of_a_process_that_lives_is_left_alone", living),
    ];
    trials.extend(checks.map(|(name, check)| trial(name.to_owned(), Box::new(check))));
    trials
}

fn verdicts() {
    let directory = fresh_directory("end-open");
    let (_, words) = run("end-open", &directory, &[]);
    panic_agent::recovery::recover(&directory).expect("the directory is there");
    let log = nothing_is_missing(&directory, &words);
    let open = log.last_word("killed while it unwinds");
    assert_eq!((&open["kind"], &open["fate"]), (&"verdict".into(), &"interrupted".into()), "{open}");
    assert_eq!((&open["reason"], &open["uncaught"]), (&"process_died".into(), &true.into()), "{open}");
    // The twin. `panic 0` was in the writer's hands.
    let caught = log.last_word("panic 3");
    assert_eq!((&caught["kind"], &caught["basis"]), (&"verdict".into(), &"inferred".into()), "{caught}");
    assert_eq!(caught["fate"], "caught", "{caught}");
    // The names come from the file of the program.
    let line = *log.of("panic").iter().find(|line| line["message"] == "panic 3").expect("a line");
    assert_eq!((&line["recovered"], &line["thread"]), (&true.into(), &"main".into()));
    let function = line["frames"][0]["function"].as_str().expect("a name");
    assert!(function.starts_with("reliability::with_spool::end_programs::panics"), "{function}");
    assert_eq!((&caught["uncaught"], &caught["reason"]), (&false.into(), &"process_died".into()), "{caught}");
}

fn last_verdict() {
    let directory = fresh_directory("end-written");
    let (_, words) = run("end-written", &directory, &[]);
    let before = Log::read(&directory);
    let open = before.last_word("killed while it unwinds");
    assert_ne!(open["fate"], "interrupted", "nobody knows yet");
    panic_agent::recovery::recover(&directory).expect("the directory is there");
    let log = nothing_is_missing(&directory, &words);
    let open = log.last_word("killed while it unwinds");
    assert_eq!((&open["kind"], &open["fate"]), (&"verdict".into(), &"interrupted".into()), "{open}");
    assert_eq!(open["reason"], "process_died");
    let caught = log.last_word("panic 3");
    assert_eq!((&caught["fate"], &caught["basis"]), (&"caught".into(), &"confirmed".into()), "{caught}");
}

fn becomes_itself() {
    let directory = fresh_directory("end-exec-itself");
    let (status, words) = run("end-exec-itself", &directory, &[]);
    assert!(status.success());
    nothing_is_missing(&directory, &words);
}

/// The control of all others: they would notice.
fn without_a_spool() {
    let directory = fresh_directory("end-off");
    let (_, words) = run("end-off", &directory, &[("PANIC_AGENT_SPOOL", "off")]);
    assert_eq!((words.len(), spools(&directory).len()), (PANICS, 0));
    assert_eq!(panic_agent::recovery::recover(&directory).expect("the directory is there").processes, 0);
    let log = Log::read(&directory);
    assert!(log.messages().len() < PANICS, "the writer was stuck");
    let process = log.of("process")[0];
    let why = process["soft_errors"].as_array().unwrap().iter().find(|error| error["field"] == "spool");
    assert_eq!(why.expect("a reason")["code"], "switched_off");
}

fn elsewhere() {
    let directory = fresh_directory("end-elsewhere");
    let other = directory.join("spools");
    std::fs::create_dir(&other).expect("a directory");
    let variable = [("PANIC_AGENT_SPOOL", "spools")];
    let (_, words) = run("end-sigkill", &directory, &variable);
    assert_eq!((spools(&directory).len(), spools(&other).len()), (0, 1));
    let (status, _) = run("nothing", &directory, &variable);
    assert!(status.success());
    nothing_is_missing(&directory, &words);
    assert_eq!(spools(&other), [""; 0]);
}

fn redacted() {
    let messages = |by_start: bool| {
        let directory = fresh_directory("end-redacted");
        run("end-redacted", &directory, &[]);
        if by_start {
            run("end-nothing-redacted", &directory, &[]);
        } else {
            panic_agent::recovery::recover(&directory).expect("the directory is there");
        }
        let text = std::fs::read_to_string(directory.join("panics.jsonl")).expect("a log");
        assert!(!text.contains("panic 3"), "{text}");
        let log = Log::read(&directory);
        let recovered = log.of("panic").into_iter().filter(|line| line["recovered"] == true);
        recovered.map(|line| line["message"].as_str().expect("a text").to_owned()).collect::<Vec<_>>()
    };
    for (by_start, text) in [(true, "[7]"), (false, "[no redactor after the death of the process]")] {
        let messages = messages(by_start);
        assert!(
            messages.len() >= PANICS - 1 && messages.iter().all(|message| message == text),
            "{messages:?}"
        );
    }
}

fn living() {
    use std::io::{BufRead as _, BufReader};
    let directory = fresh_directory("end-living");
    let mut child = command("storm", &directory).spawn().expect("it starts");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut first).expect("a pipe");
    let recovered = panic_agent::recovery::recover(&directory).expect("the directory is there");
    assert_eq!((recovered.processes, recovered.in_use, spools(&directory).len()), (0, 1, 1));
    child.kill().expect("it runs");
    child.wait().expect("it was started here");
    let recovered = panic_agent::recovery::recover(&directory).expect("the directory is there");
    assert_eq!((recovered.processes, recovered.in_use, spools(&directory).len()), (1, 0, 0));
}
