//! Processes that a reaction ends while other threads panic, and silent deaths in a storm of caught panics.
//!
//! Runs on: the threads of the programs, and the threads that judge. Must not: judge by the clock, other than to say what it
//! showed.

use std::any::Any;
use std::os::unix::net::UnixDatagram;
use std::panic::{catch_unwind, panic_any};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use panic_agent::act::{Action, Event};
use panic_agent::{Agent, Console, Overflow, stats};

use super::instants::{Random, busy};
use super::log::{Log, balances, none_is_pending, spools};
use super::program::{acknowledge, command, finished, fresh_directory};

/// Exits of the test command, and of the long campaign (`RELIABILITY_EXITS=1000`).
const EXITS: u64 = 10;
/// Caught panics of the test command, and of the long campaign (`RELIABILITY_STORM=100000`).
const STORM: u64 = 4000;
const THREADS: u64 = 3;
/// Silent deaths in a storm.
const DEATHS: u64 = 20;
/// Latest death after the first panic.
const LATEST: Duration = Duration::from_millis(40);
const STATUS: i32 = 70;

/// When a thread dies, in nanoseconds after the first panics.
const DIES_AFTER: &str = "REACTION_DIES_AFTER";

pub(crate) const PROGRAMS: &[(&str, fn())] =
    &[("reaction-exits", exits), ("reaction-storm", storm), ("reaction-notifies", notifies)];

static PANICS: AtomicU64 = AtomicU64::new(0);

fn patient() -> panic_agent::AgentBuilder {
    Agent::builder().console(Console::Off).overflow(Overflow::Block(Duration::from_secs(60)))
}

/// Panics and acknowledges until a reaction ends it.
fn exits() {
    let _agent = patient().on(Event::Silent, Action::Exit(STATUS)).install().expect("it starts");
    for thread in 0..THREADS {
        thread::spawn(move || {
            for number in 0_u64.. {
                let text = format!("{thread}-{number}");
                let error = catch_unwind(|| panic!("{text}")).expect_err("it panics");
                assert!(error.is::<String>());
                acknowledge(&text);
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while PANICS.load(Ordering::Relaxed) < 5 {
        thread::yield_now();
    }
    busy(Duration::from_nanos(super::number(DIES_AFTER, 0)));
    dies_unseen("dies unseen".to_owned());
    let (_nobody, never) = mpsc::channel::<()>();
    let _too_long = never.recv_timeout(Duration::from_secs(60));
    std::process::exit(1);
}

/// A thread whose handle is gone dies of this payload.
fn dies_unseen<P: Any + Send>(payload: P) {
    let (go, gone) = mpsc::channel::<()>();
    let body = move || {
        let _handle_is_gone = gone.recv();
        panic_any(payload)
    };
    drop(thread::Builder::new().name("dies".to_owned()).spawn(body).expect("a thread"));
    drop(go);
}

/// A payload that tells when it is dropped.
struct Timed(mpsc::Sender<Instant>);

impl Drop for Timed {
    fn drop(&mut self) {
        let _nobody_waits = self.0.send(Instant::now());
    }
}

/// Caught panics on three threads, silent deaths among them; prints how long after the drop of its payload each death called
/// for its reaction.
fn storm() {
    let panics = super::number("RELIABILITY_STORM", STORM);
    let (told, calls) = mpsc::channel();
    let told = Mutex::new(told);
    let call = Action::call(move |occurrence| {
        let thread = occurrence.line.verdict().and_then(|verdict| verdict.thread.map(str::to_owned));
        let told = told.lock().expect("one thread calls");
        told.send((occurrence.event, thread, Instant::now())).expect("the program listens");
    });
    let events = [Event::Silent, Event::Uncaught, Event::TaskDied];
    let builder = events.into_iter().fold(patient(), |builder, event| builder.on(event, call.clone()));
    let _agent = builder.install().expect("it starts");
    let mut delays = Vec::new();
    let storm = move || {
        while PANICS.fetch_add(1, Ordering::Relaxed) < panics {
            let error = catch_unwind(|| panic!("control flow")).expect_err("it panics");
            assert!(error.is::<&str>());
        }
    };
    // Not in a scope: without names any thread that is spawned there may be one of the scope.
    let storms: Vec<_> = (0..THREADS).map(|_| thread::spawn(storm)).collect();
    for death in 0..DEATHS {
        while PANICS.load(Ordering::Relaxed) < panics * death / DEATHS {
            thread::yield_now();
        }
        let (dropped, is_dropped) = mpsc::channel();
        dies_unseen(Timed(dropped));
        let dropped = is_dropped.recv_timeout(Duration::from_secs(60)).expect("a drop");
        // The thread is dead before its error is dropped.
        for due in [Event::Uncaught, Event::Silent] {
            let (event, thread, at) = calls.recv_timeout(Duration::from_secs(60)).expect("a call");
            assert_eq!((event, thread.as_deref()), (due, Some("dies")));
            if due == Event::Silent {
                delays.push(at.saturating_duration_since(dropped));
            }
        }
    }
    storms.into_iter().for_each(|storm| storm.join().expect("it catches its panics"));
    assert!(panic_agent::flush(Duration::from_secs(60)));
    assert!(calls.try_recv().is_err(), "a caught panic called for something");
    let health = stats().health();
    assert_eq!((health.silent, health.threads_died, health.lost), (DEATHS, DEATHS, 0));
    delays.sort_unstable();
    let (median, most) = (delays[delays.len() / 2], delays[delays.len() - 1]);
    println!(
        "{} panics, {} silent deaths: {median:.1?} from drop to action, at most {most:.1?}",
        stats().panics,
        DEATHS
    );
}

/// Two threads die; a thread that catches its panic does not.
fn notifies() {
    let _agent = Agent::builder().console(Console::Off).install().expect("it starts");
    assert!(catch_unwind(|| panic!("caught")).is_err());
    assert!(panic_agent::flush(Duration::from_secs(60)));
    let died = thread::spawn(|| panic!("joined")).join().expect_err("it dies");
    assert!(died.is::<&str>());
    assert!(panic_agent::flush(Duration::from_secs(60)));
    dies_unseen("dies unseen".to_owned());
    let until = Instant::now() + Duration::from_secs(60);
    while stats().health().is_ok() && Instant::now() < until {
        thread::yield_now();
    }
}

/// What the program told the supervisor that listens there.
fn told(socket: &UnixDatagram, address: &str, supervisor: &str) -> Vec<String> {
    let directory = fresh_directory("reaction-notifies");
    let mut program = command("reaction-notifies", &directory);
    program.env("NOTIFY_SOCKET", address).env("PANIC_AGENT_SUPERVISOR", supervisor);
    let run = finished(&mut program);
    assert!(run.status.success() && run.stderr.is_empty(), "{}", String::from_utf8_lossy(&run.stderr));
    socket.set_nonblocking(true).expect("a socket");
    let mut buffer = [0; 512];
    let next =
        || socket.recv(&mut buffer).ok().map(|len| String::from_utf8_lossy(&buffer[..len]).into_owned());
    std::iter::from_fn(next).collect()
}

/// A service manager hears of each death once; and of none unless it is asked for, or where nobody listens.
fn supervisor_is_told() {
    // The thread is dead before its error is dropped.
    let due = [
        "STATUS=1 dead thread\n",
        "STATUS=2 dead threads\n",
        "STATUS=2 dead threads, 1 panic that nobody can ever see\n",
    ];
    let path = fresh_directory("reaction-socket").join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    let address = path.to_str().expect("a text");
    let heard = told(&socket, address, "systemd");
    // A status that is overtaken by the next is not told.
    let mut next = due.iter();
    assert!(heard.iter().all(|text| next.any(|due| due == text)), "{heard:?}");
    assert_eq!(heard.last().map(String::as_str), due.last().copied());
    assert_eq!(told(&socket, address, "off"), [""; 0]);
    drop(socket);
    let nobody = UnixDatagram::unbound().expect("a socket");
    assert_eq!(told(&nobody, address, "systemd"), [""; 0], "a socket that is gone harms nothing");
}

fn one(random: &mut Random) -> usize {
    let directory = fresh_directory("reaction");
    let after = random.below(LATEST.as_nanos() as u64).to_string();
    let mut program = command("reaction-exits", &directory);
    let run = finished(program.env(DIES_AFTER, after).env("PANIC_AGENT_SYMBOLS", "off"));
    assert_eq!(run.status.code(), Some(STATUS), "{}", String::from_utf8_lossy(&run.stderr));
    let log = Log::read(&directory);
    assert_eq!((log.torn.len(), log.duplicates(), spools(&directory).len()), (0, 0, 0), "{:?}", log.torn);
    balances(&log);
    none_is_pending(&log);
    let end = log.lines.last().expect("the last line");
    let dead = log.of("panic").into_iter().find(|line| line["thread"] == "dies").expect("a line");
    let by = serde_json::json!({ "panic": dead["id"], "event": "silent", "action": "exit:70" });
    assert_eq!(end["ended_by"], by);
    assert_eq!(log.last_word("dies unseen")["silent"], true);
    let messages = log.messages();
    let acknowledged = String::from_utf8_lossy(&run.stdout);
    // The process may end in the middle of the last one.
    let whole = acknowledged.rsplit_once('\n').map_or("", |(whole, _)| whole);
    for word in whole.lines() {
        assert_eq!(messages.get(word), Some(&1), "{word} was acknowledged");
    }
    whole.lines().count()
}

/// Ends by a reaction again and again, at random instants.
pub(crate) fn campaign() {
    let exits = super::number("RELIABILITY_EXITS", EXITS);
    let mut random = Random(super::number("RELIABILITY_SEED", 0x5eed).max(1));
    let (start, mut acknowledged) = (Instant::now(), 0);
    for _ in 0..exits {
        acknowledged += one(&mut random);
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{exits} exits by a reaction in {seconds:.1} s, {acknowledged} panics acknowledged, 0 lost");
    assert!(acknowledged as u64 >= exits, "the campaign shows nothing");
}

pub(crate) fn trials() -> Vec<Trial> {
    let name = "campaign_of_caught_panics_calls_for_nothing_and_each_silent_death_among_them_does";
    let storm = || -> Result<(), Failed> {
        let directory = fresh_directory("reaction-storm");
        let run = finished(command("reaction-storm", &directory).env("PANIC_AGENT_SYMBOLS", "off"));
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        print!("{}", String::from_utf8_lossy(&run.stdout));
        Ok(())
    };
    let told = || -> Result<(), Failed> {
        supervisor_is_told();
        Ok(())
    };
    vec![
        Trial::test(name, storm),
        Trial::test("a_supervisor_that_is_to_be_told_hears_of_each_death_and_of_no_caught_panic", told),
    ]
}
