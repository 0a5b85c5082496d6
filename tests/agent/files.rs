//! Programs whose files lie in places of others, are shared with others, or are rotated.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use panic_agent::record::{LineContent, LineReader, Report};
use panic_agent::{Agent, Console, Line, init, stats};

use crate::Case;
use crate::tools::{LONG, caught};

/// Processes that write into one file.
const PROCESSES: u64 = 4;
/// Panics of each.
const EACH: u64 = 150;
/// Set in those processes.
const CHILD: &str = "AGENT_TEST_FILES_CHILD";

/// Every file of the directory that belongs to `panics.jsonl`.
fn log_files(directory: &Path) -> Vec<PathBuf> {
    let paths =
        std::fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("panics.jsonl")).collect()
}

fn open_to_all(path: &str, mode: u32) {
    std::fs::create_dir(path).expect("the directory is fresh");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("our own directory");
}

/// Panics at two places in turns, after the first names are known.
fn panics_at_two_places() {
    let _agent = init();
    for _ in 0..20 {
        caught("at one place");
        caught("at another place");
    }
}

/// The lines of those panics as they stand in the file, and as they are read.
fn panics_as_written_and_read(directory: &Path) -> (Vec<serde_json::Value>, Vec<std::sync::Arc<Report>>) {
    let text = std::fs::read(directory.join("panics.jsonl")).expect("the log");
    let written = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let written: Vec<serde_json::Value> =
        written.map(|line| serde_json::from_slice(line).expect("JSON")).collect();
    let read = LineReader::new(&text[..]).map(|line| line.expect("memory").content);
    let reports = read.filter_map(|content| match content {
        LineContent::Line(Line::Panic(report)) => Some(report),
        _ => None,
    });
    (written.into_iter().filter(|line| line["kind"] == "panic").collect(), reports.collect())
}

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "a_file_shows_each_stack_once_and_a_reader_finds_it_for_every_line",
        environment: &[("PANIC_AGENT_STACKS", "once"), ("PANIC_AGENT_CONSOLE", "off")],
        program: panics_at_two_places,
        check: |run| {
            run.ended_with(0);
            let (written, read) = panics_as_written_and_read(&run.directory);
            assert_eq!((written.len(), read.len()), (40, 40));
            let (shown, named): (Vec<_>, Vec<_>) =
                written.iter().partition(|line| line.get("frames").is_some());
            assert_eq!(shown.len(), 2);
            let bytes = |lines: &[&serde_json::Value]| {
                lines.iter().map(|line| line.to_string().len()).sum::<usize>() / lines.len()
            };
            assert!(bytes(&named) * 5 < bytes(&shown), "{} and {}", bytes(&named), bytes(&shown));
            for pair in read.chunks(2) {
                let [one, other] = pair else { unreachable!("an even number") };
                assert_eq!((&one.frames, &one.prediction), (&read[0].frames, &read[0].prediction));
                assert_eq!((&other.frames, &other.prediction), (&read[1].frames, &read[1].prediction));
                assert_ne!(one.frames, other.frames);
                assert!(one.frames.iter().any(|frame| frame.in_app == Some(true)));
            }
        },
    },
    Case {
        name: "by_default_every_line_shows_its_stack",
        environment: &[("PANIC_AGENT_CONSOLE", "off")],
        program: panics_at_two_places,
        check: |run| {
            run.ended_with(0);
            let (written, read) = panics_as_written_and_read(&run.directory);
            assert_eq!((written.len(), read.len()), (40, 40));
            for line in written {
                assert!(line["frames"].is_array() && line.get("stack_id").is_none(), "{line}");
            }
        },
    },
    Case {
        name: "a_directory_to_which_everybody_can_write_is_refused_and_the_program_goes_on",
        environment: &[("PANIC_AGENT_FILE", "drop/panics.jsonl"), ("PANIC_AGENT_CONSOLE", "off")],
        program: || {
            open_to_all("drop", 0o777);
            assert!(!init().is_active());
            caught("without a line");
        },
        check: |run| {
            run.ended_with(0);
            assert!(!run.has("drop/panics.jsonl"));
            let complaints = run.complaints();
            let [complaint] = &complaints[..] else { panic!("{}", run.stderr) };
            for part in [
                "cannot open `drop/panics.jsonl`",
                "/drop` is a directory to which everybody can write",
                "PANIC_AGENT_FILE_TRUST=any",
            ] {
                assert!(complaint.contains(part), "{complaint}");
            }
        },
    },
    Case {
        name: "a_link_that_another_user_may_have_made_is_not_followed",
        environment: &[("PANIC_AGENT_FILE", "drop/panics.jsonl")],
        program: || {
            open_to_all("drop", 0o1777);
            std::fs::write("precious", "untouched").expect("a file");
            std::os::unix::fs::symlink("../precious", "drop/panics.jsonl").expect("a link");
            assert!(!init().is_active());
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(std::fs::read_to_string(run.directory.join("precious")).unwrap(), "untouched");
            assert!(run.complaints()[0].contains("is a link in a directory"), "{}", run.stderr);
        },
    },
    Case {
        name: "any_place_is_good_for_who_says_so",
        environment: &[("PANIC_AGENT_FILE", "drop/panics.jsonl"), ("PANIC_AGENT_FILE_TRUST", "any")],
        program: || {
            open_to_all("drop", 0o777);
            let _agent = init();
            caught("all the same");
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(run.lines_in("drop/panics.jsonl").messages(), ["all the same"]);
        },
    },
    Case {
        name: "processes_that_share_and_rotate_a_file_lose_nothing",
        environment: &[
            ("PANIC_AGENT_ROTATE_BYTES", "32768"),
            ("PANIC_AGENT_ROTATE_KEEP", "10000"),
            ("PANIC_AGENT_SYMBOLS", "off"),
            ("PANIC_AGENT_OVERFLOW", "block:60000"),
            ("PANIC_AGENT_CONSOLE", "off"),
        ],
        program: || {
            if std::env::var_os(CHILD).is_some() {
                let _agent = init();
                for number in 0..EACH {
                    caught("one of many");
                    if number % 10 == 0 {
                        assert!(panic_agent::flush(LONG));
                    }
                }
                assert!(panic_agent::flush(LONG));
                assert_eq!(stats().written, EACH);
                return;
            }
            let start = |_| {
                let mut command = std::process::Command::new(std::env::current_exe().expect("this program"));
                command.env(CHILD, "1").spawn().expect("it starts")
            };
            let children: Vec<_> = (0..PROCESSES).map(start).collect();
            for mut child in children {
                assert!(child.wait().expect("a child").success());
            }
        },
        check: |run| {
            run.ended_with(0);
            let files = log_files(&run.directory);
            assert!(files.len() > 10, "{files:?}");
            let (mut ids, mut ends) = (std::collections::BTreeSet::new(), 0);
            for file in files {
                let metadata = std::fs::metadata(&file).unwrap();
                assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
                for line in LineReader::new(std::io::BufReader::new(std::fs::File::open(file).unwrap())) {
                    match line.unwrap().content {
                        LineContent::Line(Line::Panic(report)) => {
                            assert!(ids.insert(report.head.id), "{} is there twice", report.head.id)
                        }
                        LineContent::Line(Line::End(_)) => ends += 1,
                        LineContent::Damaged(why) => panic!("{why}"),
                        _ => {}
                    }
                }
            }
            assert_eq!((ids.len() as u64, ends), (PROCESSES * EACH, PROCESSES));
        },
    },
    Case {
        name: "a_rotation_that_fails_is_said_and_costs_no_line",
        environment: &[("PANIC_AGENT_ROTATE_BYTES", "4096"), ("PANIC_AGENT_SYMBOLS", "off")],
        program: || {
            let _agent = Agent::builder().console(Console::Off).install().expect("it starts");
            assert!(panic_agent::internals::faults::fail("rename", 1, libc::EACCES, false, true));
            for _ in 0..5 {
                caught("in one file");
                assert!(panic_agent::flush(LONG));
            }
            assert!(panic_agent::internals::faults::fired() > 0);
        },
        check: |run| {
            run.ended_with(0);
            assert_eq!(log_files(&run.directory).len(), 1);
            let lines = run.lines();
            assert_eq!(lines.totals(), (5, 5, 0));
            let finding = lines.only("finding");
            assert_eq!((&finding["code"], &finding["level"]), (&"sink_trouble".into(), &"warn".into()));
            assert!(finding["message"].as_str().unwrap().starts_with("cannot rotate `"), "{finding}");
        },
    },
];
