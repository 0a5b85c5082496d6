//! Runs one scenario in a process of its own and collects what came of it.
//!
//! Runs on: any thread of the parent. Must not: leave a child behind; one that hangs is killed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{io, thread};

use crate::{Exit, Lines, Scenario};

/// A scenario that runs longer hangs: the slowest takes about a second in a debug build.
const DEADLINE: Duration = Duration::from_secs(120);

/// How long a child may wait for its lines, in milliseconds.
const FLUSH_MS: &str = "60000";

/// One warning for each event of each panic.
const WARNINGS: [(&str, &str); 5] = [
    ("PANIC_AGENT_ON_SILENT", "warn"),
    ("PANIC_AGENT_ON_UNCAUGHT", "warn"),
    ("PANIC_AGENT_ON_TASK_DIED", "warn"),
    ("PANIC_AGENT_ON_SWALLOWED", "warn"),
    ("PANIC_AGENT_ON_ANY", "warn"),
];

/// Whether the agent runs in the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentSwitch {
    /// It does.
    On,
    /// It does, without its probes: it sees hooks only.
    WithoutProbes,
    /// `PANIC_AGENT=off`: the control run.
    Off,
}

/// What came of a child process.
#[derive(Debug)]
pub struct Observed {
    /// How it ended.
    pub exit: Exit,
    /// What it printed.
    pub stdout: String,
    /// What it printed for people, without what differs from run to run: numbers of threads, and the
    /// frames of backtraces.
    pub stderr: String,
    /// What the agent wrote.
    pub lines: Lines,
    /// Where the agent wrote.
    pub file: PathBuf,
    /// How long it took.
    pub took: Duration,
}

/// Runs `scenario` with the program `exe`; the agent writes to a file in `directory`.
///
/// # Errors
/// When the child cannot be started, hangs, or its file cannot be read.
pub fn run(exe: &Path, scenario: &Scenario, agent: AgentSwitch, directory: &Path) -> io::Result<Observed> {
    run_with(exe, scenario, agent, directory, &[])
}

/// The same, and the agent warns on stderr of each event, as an operator can ask it to.
///
/// # Errors
/// As [`run`].
pub fn run_with_warnings(
    exe: &Path,
    scenario: &Scenario,
    agent: AgentSwitch,
    directory: &Path,
) -> io::Result<Observed> {
    run_with(exe, scenario, agent, directory, &WARNINGS)
}

fn run_with(
    exe: &Path,
    scenario: &Scenario,
    agent: AgentSwitch,
    directory: &Path,
    environment: &[(&str, &str)],
) -> io::Result<Observed> {
    let file = directory.join(format!("{}.jsonl", scenario.name));
    let mut command = command(exe, directory);
    command.args(["run", scenario.name]).env("PANIC_AGENT_FILE", &file);
    // What is expected includes names, and on a loaded machine they take longer than a program should wait.
    command.env("PANIC_AGENT_FLUSH_MS", FLUSH_MS).envs(environment.iter().copied());
    match agent {
        AgentSwitch::On => {}
        AgentSwitch::WithoutProbes => {
            command.env("PANIC_AGENT_PROBES", "off");
        }
        AgentSwitch::Off => {
            command.env("PANIC_AGENT", "off");
        }
    }
    let started = Instant::now();
    let output = finish(command)?;
    Ok(Observed {
        exit: exit_of(&output),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: comparable(&String::from_utf8_lossy(&output.stderr)),
        lines: Lines::read(&file)?,
        file,
        took: started.elapsed(),
    })
}

/// A command whose output does not depend on the caller's environment.
pub fn command(exe: &Path, directory: &Path) -> Command {
    let mut command = Command::new(exe);
    command.current_dir(directory).env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PANIC_AGENT") {
            command.env_remove(name);
        }
    }
    command
}

/// Waits for a command to end, and kills it when it takes too long.
///
/// # Errors
/// When it cannot be started, or did not end in time.
pub fn finish(mut command: Command) -> io::Result<Output> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let pid = child.id();
    let (sender, receiver) = mpsc::channel();
    let waiter = thread::spawn(move || {
        // The receiver is gone only when the parent gave up on a child that cannot be killed.
        let _ = sender.send(child.wait_with_output());
    });
    match receiver.recv_timeout(DEADLINE) {
        Ok(output) => {
            // It has sent its result and has nothing left to do.
            let _ = waiter.join();
            output
        }
        Err(_) => {
            kill(pid);
            let text = format!("the process did not end within {} s", DEADLINE.as_secs());
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        }
    }
}

#[cfg(windows)]
fn kill(pid: u32) {
    // A child that cannot be killed ends with its parent's console.
    let _ = Command::new("taskkill").args(["/F", "/PID", &pid.to_string()]).output();
}

#[cfg(unix)]
fn kill(pid: u32) {
    let Ok(pid) = libc::pid_t::try_from(pid) else { return };
    // SAFETY: plain system call; the child was not reaped yet (the waiting thread sent nothing), so the
    // number is still its own.
    let _ = unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// How a finished process ended. What Windows calls a fast failure is an abort.
#[cfg(windows)]
pub fn exit_of(output: &Output) -> Exit {
    const STATUS_STACK_BUFFER_OVERRUN: u32 = 0xc000_0409;
    match output.status.code() {
        Some(code) if code.cast_unsigned() == STATUS_STACK_BUFFER_OVERRUN => {
            Exit::Signal(crate::expect::SIGABRT)
        }
        code => Exit::Code(code.unwrap_or_default()),
    }
}

/// How a finished process ended.
#[cfg(unix)]
pub fn exit_of(output: &Output) -> Exit {
    use std::os::unix::process::ExitStatusExt as _;

    match (output.status.code(), output.status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }
}

/// Takes out the number of the panicking thread, `thread 'main' (4711) panicked`, and the frames of
/// backtraces: std prints one with the second panic of a thread, with addresses that differ from run to
/// run, and with the frames of whoever called its hook. What the agent says meanwhile on its own thread stays: it
/// may stand behind half a frame.
fn comparable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut in_backtrace = false;
    for line in text.split_inclusive('\n') {
        in_backtrace = in_backtrace && line.starts_with(' ');
        if in_backtrace {
            clean.push_str(line.find("panic-agent: ").and_then(|at| line.get(at..)).unwrap_or_default());
            continue;
        }
        in_backtrace = line.trim_end() == "stack backtrace:";
        match line.split_once(" (").map(|(before, rest)| (before, rest.split_once(')'))) {
            Some((before, Some((number, after))))
                if before.contains("thread ") && number.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                clean.push_str(before);
                clean.push_str(after);
            }
            _ => clean.push_str(line),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_number_of_a_thread_is_taken_out() {
        let text = "\nthread 'a b' (4711) panicked at src/x.rs:1:1:\nvalue (12) stays\n";
        assert_eq!(comparable(text), "\nthread 'a b' panicked at src/x.rs:1:1:\nvalue (12) stays\n");
    }

    #[test]
    fn what_the_agent_says_behind_half_a_frame_stays() {
        let warning = "panic-agent: a panic: thread 'main' panicked: left (1-2)\n";
        let text = format!("stack backtrace:\n   0: {warning}0x55 - a::b\nnext\n");
        assert_eq!(comparable(&text), format!("stack backtrace:\n{warning}0x55 - a::b\nnext\n"));
    }

    #[test]
    fn the_frames_of_a_backtrace_are_taken_out_and_what_follows_stays() {
        let text = "stack backtrace:\n   0: 0x55 - a::b\n             at x.rs:1\nnext\n  indented\n";
        assert_eq!(comparable(text), "stack backtrace:\nnext\n  indented\n");
    }
}
