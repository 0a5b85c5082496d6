//! One case per run: `program CASE`. Each panic is announced on stdout with its place, which the tests compare with what
//! was observed.

use std::panic::{catch_unwind, resume_unwind};
use std::process::Command;
use std::thread;

/// Announces the panic, and raises it.
macro_rules! boom {
    ($name:literal) => {{
        println!("expect {} {}:{}:{}", $name, file!(), line!(), column!());
        panic!($name)
    }};
}

struct Loud(&'static str);

impl Drop for Loud {
    fn drop(&mut self) {
        if thread::panicking() {
            match self.0 {
                "double" => boom!("in a destructor"),
                _ => std::process::exit(7),
            }
        }
    }
}

unsafe extern "C" {
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(status: i32) -> !;
}

fn main() {
    let case = std::env::args().nth(1).expect("a case");
    match case.as_str() {
        "thread_lost" => {
            let lost = thread::Builder::new().name("a-name-of-more-than-fifteen-bytes".to_owned());
            wait_for_end(lost.spawn(|| boom!("lost")).expect("a thread"));
        }
        "thread_read" => {
            let error = thread::spawn(|| boom!("read")).join().map(|never: ()| never).unwrap_err();
            println!("{:?}", error.downcast_ref::<&str>());
        }
        "thread_joined" => drop(thread::spawn(|| boom!("joined")).join().map(|never: ()| never)),
        "swallowed" => drop(catch_unwind(|| boom!("swallowed")).map(|never: ()| never)),
        "caught_read" => {
            let number = std::hint::black_box(7);
            let text = catch_unwind(|| {
                println!("expect number 7 {}:{}:{}", file!(), line!() + 1, 17);
                panic!("number {number}")
            });
            println!("{:?}", text.map(|never: ()| never).unwrap_err().downcast::<String>());
        }
        "resumed" => {
            let error = catch_unwind(|| resume_unwind(Box::new("resumed"))).map(|never: ()| never).unwrap_err();
            println!("{}", error.is::<&str>());
        }
        "any" => drop(catch_unwind(|| std::panic::panic_any(42_u64)).map(|never: ()| never)),
        "main" => boom!("main"),
        "boundary" => boundary(),
        "double" => {
            let _loud = Loud("double");
            boom!("first");
        }
        "exit_unwinding" => {
            let _loud = Loud("exit");
            boom!("under way");
        }
        "storm" => storm(),
        "forked" => forked(),
        "parent" => parent(),
        "child" => println!("preload {:?}", variables()),
        "overflow" => println!("{}", overflow(1)),
        "task_lost" => task_lost(),
        "descriptor" => println!("{}", next_descriptor()),
        "descriptors" => descriptors(),
        "closed" => closed(),
        "hook_exits" => hook_ends(|| std::process::exit(9)),
        "hook_aborts" => hook_ends(|| std::process::abort()),
        // SAFETY: the process ends here.
        "hook_leaves" => hook_ends(|| unsafe { _exit(9) }),
        "hook_returns" => hook_ends(|| ()),
        "aborts" => std::process::abort(),
        other => println!("no case {other}"),
    }
    println!("end of {case}");
}

/// Panics on a thread, with a hook that does this.
fn hook_ends(end: fn()) {
    std::panic::set_hook(Box::new(move |_| end()));
    println!("{}", thread::spawn(|| boom!("with a hook")).join().is_err());
}

/// The number that a file gets now.
fn next_descriptor() -> i32 {
    let file = std::fs::File::open("/dev/null").expect("it exists");
    std::os::fd::AsRawFd::as_raw_fd(&file)
}

/// While the observer has the most to do, files get the numbers that they get without one.
fn descriptors() {
    std::panic::set_hook(Box::new(|_| {}));
    let start = std::time::Instant::now();
    let mut seen = std::collections::BTreeSet::new();
    while start.elapsed() < std::time::Duration::from_millis(200) {
        seen.extend((0..100).map(|_| next_descriptor()));
        drop(catch_unwind(|| panic!("between files")).map(|never: ()| never));
    }
    println!("{seen:?}");
}

/// As a daemon begins: every file that it did not open is closed. Then a pipe, whose only end to write is closed.
fn closed() {
    unsafe extern "C" {
        fn close(descriptor: i32) -> i32;
        fn pipe(ends: *mut i32) -> i32;
        fn read(descriptor: i32, buffer: *mut u8, len: usize) -> isize;
    }
    let mut ends = [0; 2];
    let mut byte = 0;
    // SAFETY: two numbers are written, and a byte read into `byte`.
    let at_end = unsafe {
        for number in 3..1024 {
            close(number);
        }
        pipe(ends.as_mut_ptr());
        close(ends[1]);
        read(ends[0], &raw mut byte, 1)
    };
    println!("{ends:?} {at_end}");
    wait_for_end(thread::spawn(|| boom!("without files")));
}

/// Without keeping the handle: nobody can see the panic any more.
fn wait_for_end(handle: thread::JoinHandle<()>) {
    let thread = handle.thread().id();
    while !handle.is_finished() {
        thread::yield_now();
    }
    println!("{}", thread != thread::current().id());
}

extern "C" fn boundary() {
    boom!("boundary")
}

fn storm() {
    std::panic::set_hook(Box::new(|_| {}));
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            thread::spawn(move || {
                let caught = (0..2000).filter(|number| catch_unwind(|| panic!("{thread}/{number}")).map(|never: ()| never).is_err());
                caught.count()
            })
        })
        .collect();
    println!("{}", threads.into_iter().map(|thread| thread.join().expect("caught")).sum::<usize>());
}

fn forked() {
    // SAFETY: this process has one thread of the program's; the child does no more than panic.
    match unsafe { fork() } {
        0 => {
            let caught = catch_unwind(|| panic!("in the child")).map(|never: ()| never).is_err();
            // SAFETY: the child ends here.
            unsafe { _exit(i32::from(!caught)) }
        }
        child => {
            let mut status = 0;
            // SAFETY: `status` is valid for writing.
            unsafe { waitpid(child, &raw mut status, 0) };
            println!("child {status}");
            drop(catch_unwind(|| boom!("in the parent")).map(|never: ()| never));
        }
    }
}

fn parent() {
    println!("preload {:?}", variables());
    let own = std::env::current_exe().expect("its path");
    let output = Command::new(own).arg("child").output().expect("a child");
    print!("{}", String::from_utf8_lossy(&output.stdout));
}

/// What is in the environment that was not put there by whoever ran the program without an agent.
fn variables() -> Vec<String> {
    let ours = |name: &str| name.starts_with("PANIC_AGENT_PRELOAD_") || name == "LD_PRELOAD";
    std::env::vars().map(|(name, _)| name).filter(|name| ours(name)).collect()
}

fn overflow(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 64]);
    if depth == 0 { 0 } else { overflow(depth + 1) + room[3] }
}

fn task_lost() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    let task = runtime.spawn(async { boom!("task") });
    while !task.is_finished() {
        thread::yield_now();
    }
    drop::<tokio::task::JoinHandle<()>>(task);
    drop(runtime);
}
