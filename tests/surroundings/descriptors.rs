//! Programs that close descriptors they did not open, and take their numbers for files of their own.
//!
//! Runs on: the main thread of the programs, and the threads that judge. Must not: close the standard three by accident.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsRawFd as _, RawFd};
use std::panic::catch_unwind;
use std::time::Duration;

use libtest_mimic::Trial;

use super::program::{DEADLINE, Program, TWO, two_panics};
use super::same::{Case, all_written};

/// Above every number that the agent may have.
const HIGHEST: RawFd = 1000;

pub(crate) const PROGRAMS: &[Program] = &[
    ("descriptors-range", || around(close_from_three)),
    ("descriptors-loop", || {
        around(|_| {
            for number in 3..=HIGHEST {
                // SAFETY: a number only, which this program says is its own.
                unsafe { libc::close(number) };
            }
        })
    }),
    ("descriptors-over", || {
        around(|own| {
            for number in (3..=HIGHEST).filter(|number| *number != own.as_raw_fd()) {
                // SAFETY: numbers only.
                assert_eq!(unsafe { libc::dup2(own.as_raw_fd(), number) }, number);
            }
        })
    }),
    ("descriptors-blind", || {
        let agent =
            std::env::var_os("PANIC_AGENT").is_none().then(|| File::create("panics-blind").expect("a file"));
        let number = agent.as_ref().map(|file| file.as_raw_fd());
        around(|own| {
            close_from_three(own);
            std::mem::forget(agent);
        });
        let own = File::create("second.txt").expect("a file");
        if let Some(number) = number {
            // SAFETY: the text lives across the call.
            unsafe { libc::write(number, c"a line\n".as_ptr().cast(), 7) };
        }
        drop(own);
    }),
    ("descriptors-again", || {
        let _agent = panic_agent::init();
        let own = File::create("own.txt").expect("a file");
        for _ in 0..ROUNDS {
            // Threads whose names are looked up, while descriptors go.
            let thread = std::thread::spawn(|| panic!("again"));
            close_all_but(&own);
            assert!(thread.join().is_err());
        }
        writeln!(&own, "done").expect("a file");
        assert!(panic_agent::flush(DEADLINE) || std::env::var_os("PANIC_AGENT").is_some());
    }),
    ("descriptors-numbers", || {
        let _agent = panic_agent::init();
        assert!(catch_unwind(|| panic!("first")).is_err());
        assert!(panic_agent::flush(Duration::from_secs(60)) || std::env::var_os("PANIC_AGENT").is_some());
        let files: Vec<_> = (0..3).map(|_| File::open("/dev/null").expect("a file")).collect();
        println!("{:?}", files.iter().map(|file| file.as_raw_fd()).collect::<Vec<_>>());
    }),
    ("descriptors-few", || {
        let limit = libc::rlimit { rlim_cur: 12, rlim_max: 12 };
        // SAFETY: `limit` is a valid `rlimit` and lives across the call.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
        let _agent = panic_agent::init();
        let files: Vec<_> = (0..4).map(|_| File::open("/dev/null").expect("a file")).collect();
        println!("{:?}", files.iter().map(|file| file.as_raw_fd()).collect::<Vec<_>>());
        two_panics();
    }),
    ("descriptors-none", || {
        let limit = libc::rlimit { rlim_cur: 64, rlim_max: 64 };
        // SAFETY: `limit` is a valid `rlimit` and lives across the call.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
        let _agent = panic_agent::init();
        let files: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        assert!(files.len() > 20, "{}", files.len());
        two_panics();
    }),
];

fn close_from_three(_: &File) {
    // SAFETY: numbers only, which this program says are its own.
    assert_eq!(unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) }, 0);
}

/// Rounds of a program that closes descriptors again and again, at whatever the agent does.
const ROUNDS: usize = 200;

fn close_all_but(own: &File) {
    for number in (3..=HIGHEST).filter(|number| *number != own.as_raw_fd()) {
        // SAFETY: a number only, which this program says is its own.
        unsafe { libc::close(number) };
    }
}

/// Panics, closes, opens files of its own, and panics again.
fn around(close: impl FnOnce(&File)) {
    let _agent = panic_agent::init();
    let off = std::env::var_os("PANIC_AGENT").is_some();
    assert!(catch_unwind(|| panic!("before")).is_err());
    assert!(panic_agent::flush(Duration::from_secs(60)) || off);
    let first = std::mem::ManuallyDrop::new(File::create("own.txt").expect("a file"));
    close(&first);
    let mut second = File::create("after.txt").expect("a file");
    for round in 0..3 {
        writeln!(second, "round {round}").expect("a file");
        assert!(catch_unwind(|| panic!("after {round}")).is_err());
        assert!(panic_agent::flush(Duration::from_secs(60)) || off);
    }
    writeln!(second, "done").expect("a file");
    println!("{}", second.as_raw_fd());
}

const AROUND: [&str; 4] = ["after 0", "after 1", "after 2", "before"];

const CASES: &[Case] = &[
    Case::new("a_program_that_closes_all_from_three_keeps_its_files_to_itself", "descriptors-range", |run| {
        all_written(run, &AROUND)
    }),
    Case::new(
        "a_program_that_closes_one_after_the_other_keeps_its_files_to_itself",
        "descriptors-loop",
        |run| all_written(run, &AROUND),
    ),
    Case::new("a_program_that_puts_a_file_over_every_number_keeps_it_to_itself", "descriptors-over", |run| {
        all_written(run, &AROUND)
    }),
    Case::new(
        "a_program_that_closes_again_and_again_is_recorded_or_the_loss_counted",
        "descriptors-again",
        |run| {
            let (written, lost) = run.log.end();
            assert_eq!((written + lost, written), (ROUNDS as u64, run.log.messages().len() as u64));
        },
    ),
    Case::new(
        "a_program_gets_the_numbers_that_it_would_get_without_the_agent",
        "descriptors-numbers",
        |run| all_written(run, &["first"]),
    ),
    Case::new("a_program_with_twelve_descriptors_has_the_low_ones", "descriptors-few", |run| {
        all_written(run, &TWO)
    }),
    Case::new("a_program_that_has_used_up_its_descriptors_is_recorded", "descriptors-none", |run| {
        all_written(run, &TWO)
    }),
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials: Vec<_> = CASES.iter().map(Case::trial).collect();
    trials.push(Trial::test("an_agent_that_writes_to_its_number_blindly_is_seen", || {
        let case = Case::new("control", "descriptors-blind", |_| {});
        case.differs();
        Ok(())
    }));
    trials
}
