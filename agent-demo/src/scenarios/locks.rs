//! Locks: poison carries a panic to other threads, and some locks carry nothing.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;

use super::{MAIN, MAIN_ROOT, THREAD_ROOT, USER, catch, panic, panics};
use crate::{Message, Scenario, ThreadName};

const HOLDER: ThreadName = ThreadName::Named("holder");

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "mutex-poisoned",
        "A thread dies holding a mutex, and `lock().unwrap()` kills main",
        "a second panic hides the first",
        mutex_poisoned,
    )
    .exits(101)
    .panics(&[
        panic("the root cause", HOLDER, THREAD_ROOT).dropped_at("locks::holder"),
        panic("PoisonError", MAIN, MAIN_ROOT).linked("poisoned_lock", 0),
    ])
    .twin("mutex-poison-recovered"),
    Scenario::new(
        "mutex-poison-recovered",
        "A thread dies holding a mutex, and main takes the value all the same",
        "poison that is looked at",
        mutex_poison_recovered,
    )
    .panics(&[panic("the root cause", HOLDER, THREAD_ROOT).dropped_at("locks::holder")])
    .twin("mutex-poisoned"),
    Scenario::new(
        "rwlock-writer-poisons",
        "A writer dies, and the next reader dies of the poison",
        "a second panic hides the first",
        rwlock_writer_poisons,
    )
    .exits(101)
    .panics(&[
        panic("the writer dies", HOLDER, THREAD_ROOT).dropped_at("locks::holder"),
        panic("PoisonError", MAIN, MAIN_ROOT).linked("poisoned_lock", 0),
    ])
    .twin("rwlock-reader-dies"),
    Scenario::new(
        "rwlock-reader-dies",
        "A reader dies, which poisons nothing",
        "a lock without poison",
        rwlock_reader_dies,
    )
    .panics(&[panic("the reader dies", HOLDER, THREAD_ROOT).dropped_at("locks::holder")])
    .twin("rwlock-writer-poisons"),
    #[cfg(feature = "libraries")]
    Scenario::new(
        "tokio-mutex-holder-dies",
        "A task dies holding tokio's mutex: the next one gets the half-changed value",
        "a lock without poison",
        tokio_mutex_holder_dies,
    )
    .panics(&[panic("half-way through", MAIN, super::tokio_tasks::TOKIO_TASK)
        .dropped_at("locks::tokio_mutex_holder_dies")])
    .twin("mutex-poisoned"),
    Scenario::new(
        "stdout-locked",
        "The panicking thread holds the lock of stdout",
        "a panic while a lock is held",
        stdout_locked,
    )
    .panics(&[panic("with stdout locked", MAIN, USER).dropped_at("locks::stdout_locked")])
    .twin("stderr-locked"),
    Scenario::new(
        "stderr-locked",
        "The panicking thread holds the lock of stderr and dies",
        "a panic while a lock is held",
        stderr_locked,
    )
    .exits(101)
    .panics(&[panic("with stderr locked", MAIN, MAIN_ROOT)])
    .twin("stdout-locked"),
    Scenario::new(
        "mutex-two-suspects",
        "Two threads died holding locks: which of them poisoned this one cannot be told",
        "a second panic hides the first",
        mutex_two_suspects,
    )
    .exits(101)
    .panics(&[
        panics(2, Message::Contains("the root cause"), HOLDER, THREAD_ROOT).dropped_at("locks::holder"),
        panic("PoisonError", MAIN, MAIN_ROOT),
    ])
    .twin("mutex-poisoned"),
];

fn holder(run: impl FnOnce() + Send + 'static) {
    let handle = thread::Builder::new().name("holder".into()).spawn(run);
    let _ = handle.expect("a thread can be started").join();
}

fn poisoned_mutex() -> Arc<Mutex<u32>> {
    let mutex = Arc::new(Mutex::new(1));
    let theirs = Arc::clone(&mutex);
    holder(move || {
        let mut value = theirs.lock().unwrap();
        *value = 2;
        panic!("the root cause");
    });
    mutex
}

fn mutex_poisoned() {
    println!("{}", poisoned_mutex().lock().unwrap());
}

fn mutex_poison_recovered() {
    println!("{}", poisoned_mutex().lock().unwrap_or_else(PoisonError::into_inner));
}

fn rwlock_writer_poisons() {
    let lock = Arc::new(RwLock::new(1));
    let theirs = Arc::clone(&lock);
    holder(move || {
        let _value = theirs.write().unwrap();
        panic!("the writer dies");
    });
    println!("{}", lock.read().unwrap());
}

fn rwlock_reader_dies() {
    let lock = Arc::new(RwLock::new(1));
    let theirs = Arc::clone(&lock);
    holder(move || {
        let _value = theirs.read().unwrap();
        panic!("the reader dies");
    });
    println!("{}", lock.read().unwrap());
}

#[cfg(feature = "libraries")]
fn tokio_mutex_holder_dies() {
    super::tokio_tasks::current_thread().block_on(async {
        let mutex = Arc::new(tokio::sync::Mutex::new(1));
        let theirs = Arc::clone(&mutex);
        let task = tokio::spawn(async move {
            let mut value = theirs.lock().await;
            *value = 2;
            panic!("half-way through");
        });
        let _ = task.await;
        println!("{}", mutex.lock().await);
    });
}

fn stdout_locked() {
    let mut stdout = io::stdout().lock();
    let caught = catch(|| panic!("with stdout locked"));
    // Nobody is left to tell when stdout is closed.
    let _ = writeln!(stdout, "caught: {}", caught.is_some());
}

fn stderr_locked() {
    let _stderr = io::stderr().lock();
    panic!("with stderr locked");
}

fn mutex_two_suspects() {
    let _other = poisoned_mutex();
    mutex_poisoned();
}
