//! Tests that pass and leave the idle threads of a pool behind.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// What the threads wait for never comes, and never ends.
static KEPT: Mutex<Vec<Sender<()>>> = Mutex::new(Vec::new());

/// A thread that is idle, and known to be.
fn idle() -> impl FnOnce() + Send + 'static {
    let (sender, jobs) = channel();
    KEPT.lock().expect("nobody panics").push(sender);
    move || _ = jobs.recv()
}

/// A pool of one thread.
fn start_pool() {
    let idle = idle();
    let (began, wait) = channel();
    thread::spawn(move || {
        began.send(()).expect("somebody waits");
        idle();
    });
    wait.recv().expect("it begins");
}

/// Another pool.
fn start_other_pool() {
    let idle = idle();
    let (began, wait) = channel();
    thread::spawn(move || {
        began.send(()).expect("somebody waits");
        idle();
    });
    wait.recv().expect("it begins");
}

macro_rules! tests {
    ($module:ident: $($name:ident $start:ident)*) => {
        mod $module {
            $(#[test] fn $name() { super::$start(); })*
        }
    };
}

tests!(one_pool: a start_pool b start_pool c start_pool d start_pool e start_pool f start_pool);
tests!(two_pools: a start_pool b start_other_pool c start_pool d start_other_pool);
