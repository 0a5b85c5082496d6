//! Starts this executable again as one of the programs.
//!
//! Runs on: the main thread of the child, and the threads that judge. Must not: leave a program running.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Variable that names the program.
const PROGRAM: &str = "RELIABILITY_PROGRAM";

/// Whether this process is one of the programs, which has run then.
pub(crate) fn run_if_asked() -> bool {
    let Ok(name) = std::env::var(PROGRAM) else { return false };
    #[cfg(unix)]
    on_unix::no_core_dump();
    let program = super::programs().find(|(known, _)| *known == name);
    let (_, program) = program.expect("the parent knows its programs");
    program();
    true
}

/// The command that runs a program in a directory, with the agent's variables at rest.
pub(crate) fn command(name: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this file"));
    for (variable, _) in std::env::vars_os() {
        let variable = variable.to_string_lossy();
        if variable.starts_with("PANIC_AGENT") || variable.starts_with("RUST_") {
            command.env_remove(&*variable);
        }
    }
    command
        .current_dir(directory)
        .env(PROGRAM, name)
        .env("PANIC_AGENT_FLUSH_MS", "60000")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// An empty directory for one run.
pub(crate) fn fresh_directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reliability").join(name);
    match std::fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            panic!("{}: {error}", directory.display())
        }
        _ => std::fs::create_dir_all(&directory).expect("a directory"),
    }
    directory
}

/// Runs a command to its end.
#[cfg(not(unix))]
#[track_caller]
pub(crate) fn finished(command: &mut Command) -> std::process::Output {
    command.output().expect("it starts")
}

/// One write, so that what was acknowledged is out even if the next instruction never runs.
#[cfg(not(unix))]
pub(crate) fn acknowledge(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let written = out.write_all(format!("{text}\n").as_bytes()).and_then(|()| out.flush());
    written.expect("a pipe takes a short line");
}

#[cfg(unix)]
pub(crate) use on_unix::{acknowledge, finished};

#[cfg(unix)]
mod on_unix {
    use std::io::Read;
    use std::process::{Command, Output};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    /// Longest life of a program that ends by itself.
    const DEADLINE: Duration = Duration::from_secs(60);

    /// Runs a command to its end. One that takes longer than [`DEADLINE`] is killed, and that is a failure.
    #[track_caller]
    pub(crate) fn finished(command: &mut Command) -> Output {
        let mut child = command.spawn().expect("it starts");
        let pid = child.id().cast_signed();
        // Closed when the program has ended: its children may hold them open for longer.
        let streams = (child.stdout.take(), child.stderr.take());
        let (over, is_over) = mpsc::channel::<()>();
        let watch = thread::spawn(move || {
            let late = is_over.recv_timeout(DEADLINE) == Err(mpsc::RecvTimeoutError::Timeout);
            if late {
                // SAFETY: the child is not waited for before this thread has ended.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
            late
        });
        let read = |stream: Option<Box<dyn Read + Send>>| {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                stream.map(|mut stream| stream.read_to_end(&mut bytes)).transpose().map(|_| bytes)
            })
        };
        let boxed = |stream: Box<dyn Read + Send>| stream;
        let (out, err) =
            (streams.0.map(|out| boxed(Box::new(out))), streams.1.map(|err| boxed(Box::new(err))));
        let (out, err) = (read(out), read(err));
        let stdout = out.join().expect("no panic").expect("a pipe");
        let stderr = err.join().expect("no panic").expect("a pipe");
        has_ended(pid);
        drop(over);
        let late = watch.join().expect("no panic");
        let status = child.wait().expect("it was started here");
        let output = Output { status, stdout, stderr };
        assert!(!late, "it did not end within {DEADLINE:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// Waits for the end of a child and leaves it to be waited for.
    fn has_ended(pid: i32) {
        // SAFETY: plain numbers, valid when zero.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let flags = libc::WEXITED | libc::WNOWAIT;
        // SAFETY: `info` is valid for writes; the child was started here and is not waited for yet.
        let waited = unsafe { libc::waitid(libc::P_PID, pid.cast_unsigned(), &raw mut info, flags) };
        assert_eq!(waited, 0, "{}", std::io::Error::last_os_error());
    }

    /// One `write(2)`, so that what was acknowledged is out even if the next instruction never runs.
    pub(crate) fn acknowledge(text: &str) {
        let line = format!("{text}\n");
        // SAFETY: the text is valid for reads of its length.
        let written = unsafe { libc::write(1, line.as_ptr().cast(), line.len()) };
        assert_eq!(usize::try_from(written), Ok(line.len()), "a pipe takes a short line whole");
    }

    pub(super) fn no_core_dump() {
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `none` is a valid `rlimit` and lives across the call.
        unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
    }
}
