//! Programs in places that lack something: `/proc`, streams, rights, room, time.
//!
//! Runs on: the main thread of the programs, and the threads that judge. Must not: reach beyond the process of the program.

use std::fs::File;
use std::io;
use std::os::fd::IntoRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Trial;

use super::program::{DEADLINE, Program, TWO, two_panics};
use super::same::{Case, Run, all_written, cannot};

/// A user that owns nothing.
const NOBODY: libc::uid_t = 65_534;

pub(crate) const PROGRAMS: &[Program] = &[
    ("places-plain", || panicking(|| ())),
    ("places-no-proc", || {
        alone(0);
        // SAFETY: the text ends with a zero byte.
        needs("an empty `/proc`", unsafe { libc::umount2(c"/proc".as_ptr(), libc::MNT_DETACH) });
        assert!(!Path::new("/proc/self").exists());
        panicking(|| ());
    }),
    ("places-no-streams", || {
        // Closed as a daemon would, not as std finds them at the start.
        for number in 0..=2 {
            // SAFETY: a number only; this program says that nobody uses these any more.
            unsafe { libc::close(number) };
        }
        // std's own hook writes to whatever has the number 2.
        std::panic::set_hook(Box::new(|_| {}));
        let _agent = panic_agent::init();
        assert!(catch_unwind(|| panic!("caught")).is_err());
        let own = [0, 1, 2].map(|number| File::create(format!("own-{number}")).expect("a file"));
        let own = own.map(|file| file.into_raw_fd());
        assert!(std::thread::spawn(|| panic!("in a thread")).join().is_err());
        std::fs::write("own.txt", format!("{own:?}")).expect("a file");
        rest();
    }),
    ("places-as-nobody", || {
        become_nobody();
        panicking(|| ());
    }),
    ("places-drops-rights", || panicking(become_nobody)),
    ("places-changes-root", || {
        panicking(|| {
            std::fs::create_dir("root").expect("a directory");
            // SAFETY: the text ends with a zero byte.
            needs("another root", unsafe { libc::chroot(c"root".as_ptr()) });
            std::env::set_current_dir("/").expect("a root");
        });
    }),
    ("places-deleted", || {
        panicking(|| {
            let here = std::env::current_dir().expect("a directory");
            std::fs::rename(&here, here.with_extension("gone")).expect("it is there");
            std::fs::remove_dir_all(here.with_extension("gone")).expect("it is there");
        });
        // Nothing else is left to say it in.
        let stats = panic_agent::stats();
        let stated = stats.panics == 2 && stats.losses.sink_failed == 2;
        assert!(stated || std::env::var_os("PANIC_AGENT").is_some(), "{stats:?}");
    }),
    ("places-nowhere", || {
        let here = std::env::current_dir().expect("a directory");
        std::fs::create_dir("inner").expect("a directory");
        std::env::set_current_dir("inner").expect("a directory");
        std::fs::remove_dir(here.join("inner")).expect("it is there");
        panicking(|| ());
    }),
    ("places-first-process", || {
        alone(libc::CLONE_NEWPID);
        let mut inner = Command::new(std::env::current_exe().expect("this file"));
        let status = inner.args(["--program", "places-first-process-inner"]).status().expect("it starts");
        assert!(status.success(), "{status}");
    }),
    ("places-first-process-inner", || {
        assert_eq!(std::process::id(), 1);
        panicking(|| ());
    }),
];

/// Starts the agent, changes the surroundings, and panics.
fn panicking(change: fn()) {
    let _agent = panic_agent::init();
    change();
    two_panics();
    rest();
}

fn rest() {
    assert!(panic_agent::flush(DEADLINE) || std::env::var_os("PANIC_AGENT").is_some() || !is_on());
}

/// Whether the agent could be started.
fn is_on() -> bool {
    panic_agent::stats().panics > 0
}

fn become_nobody() {
    // SAFETY: numbers only.
    needs("another group", unsafe { libc::setgid(NOBODY) });
    // SAFETY: a number only.
    needs("another user", unsafe { libc::setuid(NOBODY) });
}

/// Mounts of this process are its own from now on; its children may be in other namespaces, too.
fn alone(others: libc::c_int) {
    // SAFETY: numbers only.
    needs("mounts of its own", unsafe { libc::unshare(libc::CLONE_NEWNS | others) });
    let flags = libc::MS_REC | libc::MS_PRIVATE;
    let none = std::ptr::null();
    // SAFETY: texts with a final zero, or null where nothing is read.
    needs("mounts of its own", unsafe { libc::mount(none, c"/".as_ptr(), none, flags, std::ptr::null()) });
}

fn needs(what: &str, status: libc::c_int) {
    if status != 0 {
        cannot(&format!("{what}: {}", io::Error::last_os_error()));
    }
}

fn stack_of(command: &mut Command, bytes: libc::rlim_t) {
    let set = move || {
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: `limit` is a valid `rlimit` and lives across the call.
        match unsafe { libc::setrlimit(libc::RLIMIT_STACK, &raw const limit) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: one system call, with memory on the stack alone.
    unsafe { command.pre_exec(set) };
}

/// Loads a library before the program; `Err` where there is no compiler.
fn preload(command: &mut Command, directory: &Path, name: &str, code: &str) -> Result<(), String> {
    let (source, library): (PathBuf, PathBuf) =
        (directory.join(format!("panics-{name}.c")), directory.join(format!("panics-{name}.so")));
    std::fs::write(&source, code).map_err(|error| error.to_string())?;
    let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).output();
    let built = built.map_err(|error| format!("no C compiler: {error}"))?;
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    command.env("LD_PRELOAD", library);
    Ok(())
}

/// The clock stands still at what it says first.
const FROZEN: &str = r#"
#define _GNU_SOURCE
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
static struct timespec first[16];
int clock_gettime(clockid_t id, struct timespec *now) {
    if (id < 0 || id > 15) return syscall(SYS_clock_gettime, id, now);
    if (first[id].tv_sec == 0) syscall(SYS_clock_gettime, id, &first[id]);
    *now = first[id];
    return 0;
}
"#;

/// What reads or opens a file waits for the disk.
const SLOW: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
static void wait_for_disk(void) {
    struct timespec t = {0, 20000000};
    nanosleep(&t, 0);
    close(syscall(SYS_openat, AT_FDCWD, "panics-slowed", O_CREAT | O_WRONLY, 0600));
}
ssize_t read(int fd, void *to, size_t len) { wait_for_disk(); return syscall(SYS_read, fd, to, len); }
static int slow_open(const char *path, int flags, va_list rest) {
    mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0;
    wait_for_disk();
    return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
int open(const char *path, int flags, ...) { va_list a; va_start(a, flags); int fd = slow_open(path, flags, a); va_end(a); return fd; }
int open64(const char *path, int flags, ...) { va_list a; va_start(a, flags); int fd = slow_open(path, flags, a); va_end(a); return fd; }
"#;

fn both(run: &Run) {
    all_written(run, &TWO);
}

/// The agent did not start, and said why in one line.
fn refused(run: &Run) {
    assert_eq!(run.log.0.len(), 0);
    assert_eq!(run.complaints.len(), 1, "{:?}", run.complaints);
}

const CASES: &[Case] = &[
    Case::new("without_proc_every_panic_is_written", "places-no-proc", both),
    Case::new(
        "with_closed_streams_every_panic_is_written_and_no_file_of_the_program_is",
        "places-no-streams",
        both,
    ),
    Case::new("a_directory_without_the_right_to_write_is_said_in_one_line", "places-as-nobody", refused)
        .around(|_, directory| {
            let mode = std::fs::Permissions::from_mode(0o555);
            std::fs::set_permissions(directory, mode).map_err(|error| error.to_string())
        }),
    Case::new("a_program_that_gives_up_its_rights_is_written", "places-drops-rights", both),
    Case::new("a_program_that_changes_its_root_is_written", "places-changes-root", both),
    Case::new("in_a_directory_that_was_deleted_every_loss_is_counted", "places-deleted", |run| {
        assert_eq!(run.log.0.len(), 0, "there is no place for a line");
    }),
    Case::new("a_start_in_a_directory_that_was_deleted_is_said_in_one_line", "places-nowhere", refused),
    Case::new("the_first_process_of_a_namespace_is_written", "places-first-process", both),
    Case::new("with_an_unlimited_stack_every_panic_is_written", "places-plain", both).around(|command, _| {
        stack_of(command, libc::RLIM_INFINITY);
        Ok(())
    }),
    Case::new("with_a_stack_of_256_kib_every_panic_is_written", "places-plain", both).around(|command, _| {
        stack_of(command, 256 * 1024);
        Ok(())
    }),
    Case::new("with_an_empty_environment_every_panic_is_written", "places-plain", both).around(
        |command, _| {
            command.env_clear();
            Ok(())
        },
    ),
    Case::new("while_the_clock_stands_still_every_panic_is_written", "places-plain", |run| {
        both(run);
        let times: Vec<_> = run.log.kind("panic").iter().map(|line| &line["ts"]).collect();
        assert_eq!(times[0], times[1], "it stood still");
    })
    .around(|command, directory| preload(command, directory, "frozen", FROZEN)),
    Case::new("on_a_slow_disk_every_panic_is_written", "places-plain", |run| {
        both(run);
        assert!(run.directory.join("panics-slowed").exists(), "it was slow");
    })
    .around(|command, directory| preload(command, directory, "slow", SLOW)),
];

pub(crate) fn trials() -> Vec<Trial> {
    CASES.iter().map(Case::trial).collect()
}
