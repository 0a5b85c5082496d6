//! Programs that panic, acknowledge each panic, and end in one of all the ways there are.
//!
//! Runs on: the main thread of the programs. Must not: end in another way than the name says.

use std::os::unix::process::CommandExt as _;
use std::panic::catch_unwind;
use std::process::{self, Command};
use std::sync::mpsc;
use std::thread;

use panic_agent::record::LineKind;
use panic_agent::sink::EncodedLine;
use panic_agent::{Agent, Console, Sink};

use super::program::acknowledge;

/// Panics before the end, of each kind.
pub(crate) const PANICS: usize = 5;

pub(crate) const PROGRAMS: &[(&str, fn())] = &[
    ("end-return", || {
        let _agent = before();
    }),
    ("end-exit", || {
        std::mem::forget(before());
        process::exit(3);
    }),
    ("end-panic-in-main", || {
        let _agent = before();
        panic!("main gives up");
    }),
    ("end-underscore-exit", || {
        let _agent = stuck();
        // SAFETY: ends the process at once.
        unsafe { libc::_exit(4) };
    }),
    ("end-abort", || {
        let _agent = stuck();
        process::abort();
    }),
    ("end-libc-abort", || {
        let _agent = stuck();
        // SAFETY: ends the process.
        unsafe { libc::abort() };
    }),
    ("end-nounwind", || {
        let _agent = before();
        must_not_unwind();
    }),
    ("end-double-panic", || {
        let _agent = before();
        let _panics = PanicsWhenDropped;
        panic!("the first of two");
    }),
    ("end-sigterm", || signal(libc::SIGTERM)),
    ("end-sigkill", || signal(libc::SIGKILL)),
    ("end-exec", || {
        let _agent = stuck();
        let error = Command::new("/bin/true").exec();
        panic!("{error}");
    }),
    ("end-stack-overflow", || {
        let _agent = stuck();
        println!("{}", deeper(1));
    }),
    ("end-segfault", || signal(libc::SIGSEGV)),
    ("end-open", end_open),
    ("end-written", || {
        struct Kills;
        impl Drop for Kills {
            fn drop(&mut self) {
                assert!(panic_agent::flush(std::time::Duration::from_secs(60)));
                signal_self(libc::SIGKILL);
            }
        }
        let _agent = before();
        let _kills = Kills;
        panic!("killed while it unwinds");
    }),
    ("end-exec-itself", || {
        if std::env::var_os("SECOND_LIFE").is_some() {
            return drop(panic_agent::init());
        }
        let _agent = stuck();
        let error = Command::new(std::env::current_exe().expect("this file")).env("SECOND_LIFE", "1").exec();
        panic!("{error}");
    }),
    ("end-off", || {
        let _agent = gated();
        // What the writer says of itself is to be in the log, however late it starts.
        assert!(panic_agent::flush(std::time::Duration::from_secs(60)));
        panics();
        signal_self(libc::SIGKILL);
    }),
    ("end-redacted", || {
        let gate = Gated(forever());
        let builder = Agent::builder().console(Console::Off).file("panics.jsonl");
        let redact = |_: panic_agent::RedactField<'_>, text: &str| Some(format!("[{}]", text.len()));
        std::mem::forget(builder.sink(gate).redactor(redact).install().expect("it starts"));
        panics();
        signal_self(libc::SIGKILL);
    }),
    ("end-nothing-redacted", || {
        let redact = |_: panic_agent::RedactField<'_>, text: &str| Some(format!("[{}]", text.len()));
        drop(Agent::builder().redactor(redact).install());
    }),
];

/// The panics before the end; the writer takes them or not, as it likes.
fn before() -> panic_agent::AgentGuard {
    let agent = Agent::builder().console(Console::Off).install().expect("it starts");
    panics();
    agent
}

/// The same with a writer that is stuck in its first report, so that all others lie in the spool at the end.
fn stuck() -> panic_agent::AgentGuard {
    let agent = gated();
    // The spool is to know the images, however late the writer starts.
    assert!(panic_agent::flush(std::time::Duration::from_secs(60)));
    panics();
    agent
}

/// An agent whose writer gets stuck in the first report.
fn gated() -> panic_agent::AgentGuard {
    let builder = Agent::builder().console(Console::Off).file("panics.jsonl").sink(Gated(forever()));
    builder.install().expect("it starts")
}

fn panics() {
    for number in 0..PANICS {
        let text = format!("panic {number}");
        assert!(catch_unwind(|| panic!("{text}")).is_err());
        acknowledge(&text);
    }
}

/// Never receives, and never ends.
fn forever() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel();
    std::mem::forget(sender);
    receiver
}

/// A destination that takes no panic.
struct Gated(mpsc::Receiver<()>);

impl Sink for Gated {
    fn write(&mut self, line: &EncodedLine<'_>) -> std::io::Result<()> {
        if line.kind() == LineKind::Panic {
            let _never = self.0.recv();
        }
        Ok(())
    }
}

fn signal(signal: i32) {
    std::mem::forget(stuck());
    signal_self(signal);
}

fn signal_self(signal: i32) {
    if signal == libc::SIGSEGV {
        // std's own handler would take it for a stack overflow elsewhere, and returns to the default.
        // SAFETY: the default action needs no handler.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: sends a signal to this process alone.
    unsafe { libc::kill(process::id().cast_signed(), signal) };
    loop {
        thread::park();
    }
}

extern "C" fn must_not_unwind() {
    panic!("not across this border");
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("in the destructor");
    }
}

#[allow(unconditional_recursion, reason = "the stack is to overflow")]
fn deeper(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 512]);
    deeper(depth + 1) + room[(depth % 512) as usize]
}

/// Killed while one thread unwinds and another one has caught its panic.
fn end_open() {
    std::mem::forget(stuck());
    struct Kills;
    impl Drop for Kills {
        fn drop(&mut self) {
            signal_self(libc::SIGKILL);
        }
    }
    let _kills = Kills;
    panic!("killed while it unwinds");
}
