//! The deaths, and ends that are none.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;

use crate::run::{Ended, Run, deaths, once};
use crate::support::{has, skip};

/// Arguments; cause, basis; status of the tool.
type Death = (&'static [&'static str], (&'static str, &'static str), &'static str);

const DEATHS: &[Death] = &[
    (&["signal", "11"], ("signal", "wait_status"), "signal 11"),
    (&["signal", "7"], ("signal", "wait_status"), "signal 7"),
    (&["signal", "8"], ("signal", "wait_status"), "signal 8"),
    (&["signal", "4"], ("signal", "wait_status"), "signal 4"),
    (&["signal", "9"], ("signal", "wait_status"), "signal 9"),
    (&["signal", "15"], ("signal", "wait_status"), "signal 15"),
    (&["abort"], ("abort", "wait_status"), "signal 6"),
    (&["abort-in-rust"], ("abort", "wait_status"), "signal 6"),
    (&["overflow"], ("stack_overflow", "stderr"), "signal 6"),
    (&["allocation"], ("allocation_failed", "stderr"), "signal 6"),
    (&["exit-at-once", "7"], ("immediate_exit", "no_end_line"), "status 7"),
    (&["exit-at-once", "0"], ("immediate_exit", "no_end_line"), "status 0"),
];

/// Ends that are no death, or have a line of their own.
const ORDERLY: &[(&[&str], &str)] = &[
    (&["exit", "0"], "status 0"),
    (&["exit", "3"], "status 3"),
    (&["panic"], "status 101"),
    (&["panic-twice"], "signal 6"),
    (&["exec"], "status 0"),
];

fn each_death_has_its_line_and_its_status() {
    for (args, (cause, basis), status) in DEATHS {
        let ended = once(&[], false, args);
        let death = ended.death();
        let found = (death["cause"].as_str(), death["basis"].as_str());
        assert_eq!(found, (Some(*cause), Some(*basis)), "{args:?}: {death:#}");
        assert_eq!(ended.status(), *status, "{args:?}");
        assert_eq!(death["status"].is_null(), death["signal"].is_string(), "{death:#}");
        assert!(death["usage"]["max_resident_kib"].as_u64() > Some(100), "{death:#}");
        assert_eq!(death["command"][1], args[0], "{death:#}");
        assert!(death["restart_in_ms"].is_null() && death["starts"] == 1, "{death:#}");
        // A process that dies at once may have written nothing.
        if let Some(process) = ended.of_kind("process").first() {
            assert_eq!((&death["id"], &death["pid"]), (&process["id"], &process["pid"]), "{args:?}");
        }
        assert_eq!(ended.files, ["panics.jsonl"], "{args:?}: nothing stays");
    }
}

fn an_orderly_end_and_one_by_a_panic_are_no_death() {
    for (args, status) in ORDERLY {
        let ended = once(&[], false, args);
        assert_eq!(ended.of_kind("death"), Vec::<&serde_json::Value>::new(), "{args:?}");
        assert_eq!(&ended.status(), status, "{args:?}: {}", ended.stderr());
        assert_eq!(ended.files, ["panics.jsonl"], "{args:?}: nothing stays");
    }
    let twice = once(&[], false, &["panic-twice"]);
    let fates: Vec<_> = twice.of_kind("panic").iter().map(|line| line["fate"].clone()).collect();
    assert!(fates.iter().any(|fate| fate == "aborted"), "{fates:?}");
}

fn with_abort_a_panic_has_its_line_or_the_death_has_one() {
    let ended = once(&[], true, &["panic"]);
    assert_eq!(ended.status(), "signal 6");
    let said = ended.of_kind("panic").len() + ended.of_kind("death").len();
    assert_eq!(said, 1, "{:#?}", ended.lines);
    if let Some(death) = ended.of_kind("death").first() {
        assert_eq!(death["cause"], "abort");
        assert!(death["stderr"].as_str().is_some_and(|text| text.contains("in main")), "{death:#}");
    }
}

fn the_line_has_the_last_panics_and_the_end_of_standard_error_without_secrets() {
    let run = Run::new();
    let options = ["--restart", "never", "--redact", "before"];
    let mut command = run.command(&options, deaths(false), &["caught"]);
    let ended = run.end(command.env("DEATHS_TOKEN", "hunter22").output().expect("the tool runs"));
    let death = ended.death();
    assert_eq!(death["panics"].as_array().map(Vec::len), Some(1), "{death:#}");
    assert_eq!(death["panics"][0]["fate"], "caught");
    assert_eq!(death["panics"][0]["panic"], ended.of_kind("panic")[0]["id"]);
    let kept = death["stderr"].as_str().expect("it was kept");
    assert!(kept.ends_with("the secret is [redacted]\n") && !kept.contains("before"), "{kept}");
    let mut view = crate::support::tool();
    let told = view.arg("view").arg(run.path("panics.jsonl")).output().expect("the tool runs");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    for part in
        ["was killed by SIGKILL", "signal (by wait_status)", "the secret is [redacted]", "not started again"]
    {
        assert!(told.contains(part), "no `{part}` in {told}");
    }
    // What the program prints is not changed.
    assert!(ended.stderr().contains("the secret is hunter22"), "{}", ended.stderr());
    assert!(once(&["--stderr-tail", "0"], false, &["abort"]).death()["stderr"].is_null());
}

fn a_program_is_started_again_until_it_lives() {
    let run = Run::new();
    let count = run.path("count");
    let args = ["third".as_ref(), count.as_os_str()];
    let ended = run.end(run.command(&[], deaths(false), &args).output().expect("the tool runs"));
    assert_eq!((ended.status().as_str(), ended.stdout().as_str()), ("status 0", "alive\n"));
    let deaths = ended.of_kind("death");
    let starts: Vec<_> = deaths.iter().map(|line| line["starts"].as_u64()).collect();
    assert_eq!(starts, [Some(1), Some(2)]);
    assert!(deaths.iter().all(|line| line["restart_in_ms"].is_u64()));
    assert_eq!(fs::read_to_string(count).expect("it counts"), "xxx");
}

fn a_program_that_dies_too_often_is_given_up() {
    let run = Run::new();
    let mut command = run.command(&["--max-restarts", "2/60"], deaths(false), &["signal", "9"]);
    let ended = run.end(command.output().expect("the tool runs"));
    assert_eq!(ended.status(), "signal 9");
    let waits: Vec<_> = ended.of_kind("death").iter().map(|line| line["restart_in_ms"].as_u64()).collect();
    assert_eq!(waits, [Some(1), Some(2), None]);
    assert!(ended.stderr().contains("has died 3 times within 60 s"), "{}", ended.stderr());
}

/// Starts a program that waits; the id of the process, as it says.
fn waiting(run: &Run) -> (std::process::Child, i32) {
    let mut command = run.command(&[], deaths(false), &["wait"]);
    let mut tool = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the tool runs");
    let mut first = String::new();
    let stdout = tool.stdout.as_mut().expect("a pipe");
    BufReader::new(stdout).read_line(&mut first).expect("it says its id");
    (tool, first.trim().parse().expect("a number"))
}

fn send(pid: i32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid).expect("an id");
    rustix::process::kill_process(pid, signal).expect("it lives");
}

fn an_end_that_was_asked_for_is_passed_on_and_is_no_death() {
    let run = Run::new();
    let (tool, _) = waiting(&run);
    send(i32::try_from(tool.id()).expect("an id"), rustix::process::Signal::TERM);
    let ended = run.end(tool.wait_with_output().expect("it ends"));
    assert_eq!(ended.status(), "signal 15");
    assert!(ended.of_kind("death").is_empty(), "{:#?}", ended.lines);
    assert!(!ended.stderr().contains("starting it again"), "{}", ended.stderr());
    // The same signal past the supervisor is one.
    let run = Run::new();
    let (mut tool, pid) = waiting(&run);
    send(pid, rustix::process::Signal::TERM);
    let mut again = String::new();
    let mut stderr = BufReader::new(tool.stderr.take().expect("a pipe"));
    while !again.contains("restart 1 of 5") {
        assert!(stderr.read_line(&mut again).expect("it speaks") > 0, "{again}");
    }
    send(i32::try_from(tool.id()).expect("an id"), rustix::process::Signal::TERM);
    stderr.read_to_string(&mut again).expect("it ends");
    let ended = run.end(tool.wait_with_output().expect("it ends"));
    assert_eq!(ended.death()["signal"], "SIGTERM");
}

fn what_goes_on_in_the_background_is_left_alone() {
    let run = Run::new();
    let mut command = run.command(&[], deaths(false), &["daemon"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tool = command.spawn().expect("the tool runs");
    let input = tool.stdin.take().expect("a pipe");
    let mut stdout = BufReader::new(tool.stdout.take().expect("a pipe"));
    let mut daemon = String::new();
    stdout.read_line(&mut daemon).expect("it says its id");
    let status = tool.wait().expect("it ends");
    assert!(status.success(), "{status}");
    let proc = PathBuf::from(format!("/proc/{}", daemon.trim()));
    assert!(proc.exists(), "the daemon lives on");
    drop(input);
    let until = Instant::now() + Duration::from_secs(20);
    let is_gone = |proc: &Path| {
        fs::read_to_string(proc.join("stat"))
            .map_or(true, |stat| stat.contains(") Z ") || stat.contains(") X "))
    };
    while !is_gone(&proc) {
        assert!(Instant::now() < until, "it ends with its input");
        std::thread::yield_now();
    }
}

fn the_first_process_of_a_container_waits_for_orphans() {
    let run = Run::new();
    let inner = run.command(&["--restart", "never"], deaths(false), &["orphans"]);
    let mut command = Command::new("unshare");
    command.args(["--fork", "--pid", "--mount-proc"]).arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let ended = run.end(command.output().expect("unshare runs"));
    assert_eq!(ended.stdout(), "no zombies\n", "{}", ended.stderr());
    assert_eq!(ended.status(), "status 0");
}

/// A control group of ours with little memory, by the first or the second version.
struct Group(PathBuf);

impl Group {
    fn new() -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        let of = |controller: &str| {
            let line = own.lines().find(|line| line.split(':').nth(1) == Some(controller))?;
            Some(line.splitn(3, ':').nth(2)?.trim_start_matches('/').to_owned())
        };
        let name = format!("panic-agent-test-{}", std::process::id());
        let first =
            of("memory").map(|path| (Path::new("/sys/fs/cgroup/memory").join(path), "memory.limit_in_bytes"));
        let second = of("").map(|path| (Path::new("/sys/fs/cgroup").join(path), "memory.max"));
        for (parent, limit) in first.into_iter().chain(second) {
            let group = Self(parent.join(&name));
            if fs::create_dir(&group.0).is_ok() && fs::write(group.0.join(limit), "67108864").is_ok() {
                // Where pages may be swapped out, nothing runs out.
                let _unknown = fs::write(group.0.join("memory.swap.max"), "0");
                return Some(group);
            }
        }
        None
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _gone = fs::remove_dir(&self.0);
    }
}

fn a_kill_for_memory_is_told_from_another() {
    let group = Group::new().expect("checked before");
    let run = Run::new();
    let inner = run.command(&["--restart", "never"], deaths(false), &["memory"]);
    let mut command = Command::new("sh");
    command.args(["-c", "echo $$ > \"$0/cgroup.procs\" && exec \"$@\""]).arg(&group.0);
    command.arg(inner.get_program()).args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let ended: Ended = run.end(command.output().expect("sh runs"));
    let death = ended.death();
    assert_eq!(
        (&death["cause"], &death["signal"]),
        (&"out_of_memory".into(), &"SIGKILL".into()),
        "{death:#}"
    );
    assert_eq!(death["basis"], "memory_events");
}

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, check: fn()| {
        Trial::test(name, move || {
            check();
            Ok(())
        })
    };
    let unless = |trial: Trial, lack: Option<&str>| {
        if let Some(lack) = lack {
            skip(&format!("{}: {lack}", trial.name()));
        }
        trial.with_ignored_flag(lack.is_some())
    };
    let namespace = Command::new("unshare").args(["--fork", "--pid", "--mount-proc", "true"]).output();
    let no_namespace = !(has("unshare") && namespace.is_ok_and(|output| output.status.success()));
    vec![
        trial("each_death_has_its_line_and_its_status", each_death_has_its_line_and_its_status),
        trial(
            "an_orderly_end_and_one_by_a_panic_are_no_death",
            an_orderly_end_and_one_by_a_panic_are_no_death,
        ),
        trial(
            "with_abort_a_panic_has_its_line_or_the_death_has_one",
            with_abort_a_panic_has_its_line_or_the_death_has_one,
        ),
        trial(
            "the_line_has_the_last_panics_and_the_end_of_standard_error_without_secrets",
            the_line_has_the_last_panics_and_the_end_of_standard_error_without_secrets,
        ),
        trial("a_program_is_started_again_until_it_lives", a_program_is_started_again_until_it_lives),
        trial("a_program_that_dies_too_often_is_given_up", a_program_that_dies_too_often_is_given_up),
        trial(
            "an_end_that_was_asked_for_is_passed_on_and_is_no_death",
            an_end_that_was_asked_for_is_passed_on_and_is_no_death,
        ),
        trial("what_goes_on_in_the_background_is_left_alone", what_goes_on_in_the_background_is_left_alone),
        unless(
            trial(
                "the_first_process_of_a_container_waits_for_orphans",
                the_first_process_of_a_container_waits_for_orphans,
            ),
            no_namespace.then_some("no namespace of processes can be made here"),
        ),
        unless(
            trial("a_kill_for_memory_is_told_from_another", a_kill_for_memory_is_told_from_another),
            Group::new().is_none().then_some("no control group with a limit of memory can be made here"),
        ),
    ]
}
