//! Dies in the way that its argument names. Compiled by the tests with `rustc` alone.

use std::os::raw::c_int;

unsafe extern "C" {
    fn _exit(status: c_int) -> !;
    fn abort() -> !;
    fn fork() -> c_int;
    fn getpid() -> c_int;
    fn kill(pid: c_int, signal: c_int) -> c_int;
    fn setsid() -> c_int;
    fn signal(signal: c_int, handler: usize) -> usize;
}

/// `SIG_DFL`: std handles SIGSEGV and SIGBUS, and lets others of them pass.
const DEFAULT: usize = 0;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse().ok()).unwrap_or(0);
    match words.first().map(String::as_str) {
        Some("signal") => unsafe {
            signal(number(1), DEFAULT);
            kill(getpid(), number(1));
        },
        Some("abort") => unsafe { abort() },
        Some("abort-in-rust") => std::process::abort(),
        Some("overflow") => drop(deeper(0)),
        Some("allocation") => {
            let layout = std::alloc::Layout::from_size_align(isize::MAX as usize - 64, 1).unwrap();
            std::alloc::handle_alloc_error(layout);
        }
        Some("memory") => {
            let mut all = Vec::new();
            loop {
                all.push(vec![1_u8; 1 << 20]);
                std::hint::black_box(&all);
            }
        }
        Some("exit-at-once") => {
            // Is in the log, whoever writes it down.
            assert!(std::panic::catch_unwind(|| panic!("caught before")).is_err());
            unsafe { _exit(number(1)) }
        }
        Some("exit") => std::process::exit(number(1)),
        Some("panic") => panic!("in main"),
        Some("panic-twice") => {
            struct Panics;
            impl Drop for Panics {
                fn drop(&mut self) {
                    panic!("while unwinding");
                }
            }
            let _panics = Panics;
            panic!("first");
        }
        Some("caught") => {
            assert!(std::panic::catch_unwind(|| panic!("caught before")).is_err());
            eprintln!("the secret is {}", std::env::var("DEATHS_TOKEN").unwrap_or_default());
            unsafe { kill(getpid(), 9) };
        }
        Some("exec") => {
            use std::os::unix::process::CommandExt as _;
            let error = std::process::Command::new("true").exec();
            panic!("{error}");
        }
        Some("daemon") => daemon(),
        Some("orphans") => orphans(),
        Some("wait") => {
            println!("{}", std::process::id());
            loop {
                std::thread::park();
            }
        }
        Some("third") => third(&words[1]),
        _ => panic!("no such death"),
    }
}

#[allow(unconditional_recursion)]
fn deeper(depth: u64) -> u64 {
    let here = std::hint::black_box([depth; 512]);
    deeper(depth + 1) + std::hint::black_box(here)[7]
}

/// Forks twice and leaves; the grandchild writes its id and ends when its input does.
fn daemon() {
    if unsafe { fork() } == 0 {
        unsafe { setsid() };
        if unsafe { fork() } == 0 {
            println!("{}", unsafe { getpid() });
            let mut nothing = String::new();
            let _end = std::io::stdin().read_line(&mut nothing);
        }
        unsafe { _exit(0) };
    }
}

/// Leaves three dead children to whoever adopts them, and tells when all are gone.
fn orphans() {
    if unsafe { fork() } == 0 {
        for _ in 0..3 {
            if unsafe { fork() } == 0 {
                unsafe { _exit(0) };
            }
        }
        unsafe { _exit(0) };
    }
    // Our own child is ours to reap.
    unsafe extern "C" {
        fn wait(status: *mut c_int) -> c_int;
    }
    unsafe { wait(std::ptr::null_mut()) };
    let zombies = || {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let stats = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
        stats.filter(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with("Z 1 "))).count()
    };
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while zombies() > 0 {
        assert!(std::time::Instant::now() < until, "{} zombies stay", zombies());
        std::thread::yield_now();
    }
    println!("no zombies");
}

/// Dies twice and lives the third time; the file counts.
fn third(file: &str) {
    let before = std::fs::read_to_string(file).unwrap_or_default();
    std::fs::write(file, format!("{before}x")).unwrap();
    if before.len() < 2 {
        unsafe { kill(getpid(), 9) };
    }
    println!("alive");
}
