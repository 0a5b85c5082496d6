//! What a thread did before it panicked, in the report of the panic.

use std::future::Future as _;
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};
use std::thread;

use panic_agent::labels::{LogBreadcrumbs, breadcrumb as leave};
use panic_agent::record::BreadcrumbLevel;
use panic_agent::task::FutureExt as _;
use panic_agent::{Agent, Console, breadcrumb, init};
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::Case;
use crate::tools::{caught, on_a_thread};

const THREADS: u64 = 8;
const PANICS: u64 = 20;
/// Breadcrumbs between two panics of a thread: more than it keeps.
const BETWEEN: u64 = 50;
/// What a thread keeps.
const KEPT: u64 = 16;

/// Pending the first time.
async fn yield_once() {
    let mut done = false;
    std::future::poll_fn(
        |_| if std::mem::replace(&mut done, true) { Poll::Ready(()) } else { Poll::Pending },
    )
    .await;
}

fn texts(panic: &Value) -> Vec<&str> {
    let crumbs = panic["breadcrumbs"].as_array().expect("a list");
    crumbs.iter().map(|crumb| crumb["message"].as_str().expect("a text")).collect()
}

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "the_last_breadcrumbs_of_a_thread_stand_in_its_report_in_order_under_load",
        environment: &[
            ("PANIC_AGENT_CONSOLE", "off"),
            ("PANIC_AGENT_SYMBOLS", "off"),
            ("PANIC_AGENT_SLOTS", "1024"),
        ],
        program: || {
            let _agent = init();
            let together = Barrier::new(THREADS as usize);
            thread::scope(|scope| {
                for thread in 0..THREADS {
                    let together = &together;
                    scope.spawn(move || {
                        together.wait();
                        for panic in 1..=PANICS {
                            for step in 0..BETWEEN {
                                breadcrumb!("{thread}: {}", (panic - 1) * BETWEEN + step);
                            }
                            caught(&format!("{thread}: {}", panic * BETWEEN));
                        }
                    });
                }
            });
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let panics = lines.of("panic");
            assert_eq!(panics.len() as u64, THREADS * PANICS);
            for panic in panics {
                let message = panic["message"].as_str().expect("a text");
                let (thread, next) = message.split_once(": ").expect("the numbers");
                let next: u64 = next.parse().expect("a number");
                let due: Vec<String> =
                    (next - KEPT..next).map(|number| format!("{thread}: {number}")).collect();
                assert_eq!(texts(panic), due, "{message}");
                let ages = panic["breadcrumbs"].as_array().expect("a list").iter();
                let ages: Vec<u64> = ages.map(|crumb| crumb["age_ns"].as_u64().expect("a number")).collect();
                assert!(ages.is_sorted_by(|older, newer| older >= newer), "{ages:?}");
            }
        },
    },
    Case {
        name: "breadcrumbs_come_from_the_macro_a_function_the_log_facade_and_events_of_their_levels",
        environment: &[("PANIC_AGENT_CONSOLE", "off")],
        program: || {
            struct Nobody;
            impl log::Log for Nobody {
                fn enabled(&self, _: &log::Metadata<'_>) -> bool {
                    false
                }
                fn log(&self, _: &log::Record<'_>) {
                    unreachable!("it wants nothing");
                }
                fn flush(&self) {}
            }
            let _agent = init();
            let logger = LogBreadcrumbs::before(Box::new(Nobody)).at_least(log::Level::Info);
            log::set_boxed_logger(Box::new(logger)).expect("the first logger");
            log::set_max_level(log::LevelFilter::Trace);
            let layer = panic_agent::tracing::breadcrumbs().at_least(tracing::Level::WARN);
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
                breadcrumb!("started");
                leave(BreadcrumbLevel::Trace, "billing", 3);
                leave(BreadcrumbLevel::Debug, "billing", format_args!("{} of 3", 2));
                leave(BreadcrumbLevel::Error, "billing", "retry");
                log::info!(target: "db", "connected to {}", "eu");
                log::debug!("not that much");
                tracing::warn!(attempt = 2, user = "u-7", "order loaded");
                tracing::info!("nor that");
                caught("after all of them");
            });
            on_a_thread("other", "nothing was left here");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let [panic, other] = lines.of("panic")[..] else { panic!("{:?}", lines.all()) };
            let mut crumbs = panic["breadcrumbs"].clone();
            for crumb in crumbs.as_array_mut().expect("a list") {
                assert!(crumb.as_object_mut().expect("an object").remove("age_ns").expect("an age").is_u64());
            }
            let crumb = |level: &str, target: &str, message: &str| json!({ "level": level, "target": target, "message": message, "cut": false });
            let due = [
                crumb("info", "agent::breadcrumbs", "started"),
                crumb("trace", "billing", "3"),
                crumb("debug", "billing", "2 of 3"),
                crumb("error", "billing", "retry"),
                crumb("info", "db", "connected to eu"),
                crumb("warn", "agent::breadcrumbs", "order loaded attempt=2 user=u-7"),
            ];
            assert_eq!(crumbs, json!(due));
            assert_eq!(other["breadcrumbs"], json!([]));
        },
    },
    Case {
        name: "the_breadcrumbs_of_a_task_go_with_it_and_those_of_its_threads_and_other_tasks_do_not",
        environment: &[("PANIC_AGENT_CONSOLE", "off")],
        program: || {
            let _agent = init();
            let mut context = Context::from_waker(Waker::noop());
            let task = |name: &'static str| {
                Box::pin(
                    async move {
                        breadcrumb!("{name} begins");
                        yield_once().await;
                        breadcrumb!("{name} goes on");
                        panic!("{name}");
                    }
                    .labelled("task", name),
                )
            };
            let (mut first, mut second) = (task("first"), task("second"));
            breadcrumb!("of the thread");
            assert!(first.as_mut().poll(&mut context).is_pending());
            assert!(second.as_mut().poll(&mut context).is_pending());
            caught("of main");
            let other = move || {
                let mut context = Context::from_waker(Waker::noop());
                breadcrumb!("of the other thread");
                crate::tools::caught_by(|| {
                    let _ready = first.as_mut().poll(&mut context);
                });
                caught("of the other thread");
            };
            thread::spawn(other).join().expect("it catches its panics");
            drop(second);
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            let of = |message: &str| {
                texts(lines.of("panic").into_iter().find(|line| line["message"] == message).expect("a line"))
            };
            assert_eq!(of("first"), ["first begins", "first goes on"]);
            assert_eq!(of("of main"), ["of the thread"]);
            assert_eq!(of("of the other thread"), ["of the other thread"]);
        },
    },
    Case {
        name: "a_breadcrumb_whose_text_panics_is_not_left_and_one_inside_another_is",
        environment: &[("PANIC_AGENT_CONSOLE", "off")],
        program: || {
            struct Leaves;
            impl std::fmt::Display for Leaves {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    breadcrumb!("inside");
                    f.write_str("outside")
                }
            }
            struct Panics;
            impl std::fmt::Display for Panics {
                fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    panic!("in its own text")
                }
            }
            let _agent = init();
            breadcrumb!("{Leaves}");
            crate::tools::caught_by(|| breadcrumb!("{Panics}"));
            caught("afterwards");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            for panic in lines.of("panic") {
                assert_eq!(texts(panic), ["inside", "outside"]);
            }
        },
    },
    Case {
        name: "what_the_redactor_hides_of_a_breadcrumb_is_in_no_field_of_no_line",
        environment: &[],
        program: || {
            let _agent = Agent::builder()
                .redactor(|_, text| text.contains("hunter2").then(|| "[gone]".to_owned()))
                .console(Console::Off)
                .install()
                .expect("it starts");
            let body = || {
                breadcrumb!("logging in with hunter2");
                leave(BreadcrumbLevel::Info, "target-hunter2", "logged in");
                panic!("the login failed");
            };
            thread::spawn(body).join().expect_err("it panicked");
        },
        check: |run| {
            run.ended_with(0);
            let lines = run.lines();
            assert_eq!(texts(lines.only("panic")), ["[gone]", "logged in"]);
            let log = std::fs::read_to_string(run.directory.join("panics.jsonl")).expect("a log");
            assert!(log.contains("[gone]") && !log.contains("hunter2"), "{log}");
        },
    },
];
