//! C between Rust and Rust: frames with and without unwind tables, and threads that std did not start.

use std::ffi::c_int;
use std::thread;

use super::gate::Gate;
use super::{CANNOT_UNWIND, IN_DROP, MAIN, MAIN_ROOT, NO_HANDLER, NOUNWIND, THREAD_ROOT, USER, catch, panic};
use crate::{Scenario, ThreadName};

type Callback = extern "C-unwind" fn();

unsafe extern "C-unwind" {
    safe fn demo_call(callback: Callback) -> c_int;
    safe fn demo_call_without_tables(callback: Callback) -> c_int;
    safe fn demo_call_on_foreign_thread(callback: Callback) -> c_int;
    safe fn demo_exit_on_foreign_thread() -> c_int;
    safe fn demo_at_exit(callback: Callback) -> c_int;
    // Sound as it is used here: no frame that it skips owns anything that somebody else waits for.
    safe fn demo_come_back(callback: Callback) -> c_int;
    safe fn demo_leave() -> !;
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "c-caller",
        "A panic passes through C code with unwind tables and is caught by Rust",
        "C on the stack",
        c_caller,
    )
    .panics(&[panic("called from C", MAIN, USER).dropped_at("foreign::c_caller")])
    .twin("c-caller-without-tables"),
    Scenario::new(
        "c-caller-without-tables",
        "C code without unwind tables ends the search: abort, although Rust would catch further up",
        "no handler on the stack",
        c_caller_without_tables,
    )
    .aborts()
    .panics(&[panic("called from C", MAIN, NO_HANDLER)])
    .twin("c-caller"),
    Scenario::new(
        "c-caller-extern-c",
        "C calls a Rust callback that is `extern \"C\"`: abort at the callback",
        "a frame that must not unwind",
        c_caller_extern_c,
    )
    .aborts()
    .panics(&[
        panic("in the callback", MAIN, NOUNWIND),
        panic(CANNOT_UNWIND, MAIN, NOUNWIND).linked("cannot_unwind", 0),
    ])
    .twin("c-caller"),
    Scenario::new(
        "foreign-thread",
        "A thread that C started panics: no frame of it catches",
        "no handler on the stack",
        foreign_thread,
    )
    .aborts()
    .panics(&[panic("on a foreign thread", ThreadName::Foreign, NO_HANDLER)])
    .twin("foreign-thread-catches"),
    Scenario::new(
        "foreign-thread-catches",
        "A thread that C started catches its panic",
        "a thread of another language",
        foreign_thread_catches,
    )
    .panics(&[panic("on a foreign thread", ThreadName::Foreign, USER).dropped_at("foreign::careful")])
    .twin("foreign-thread"),
    Scenario::new(
        "exit-handler-panics",
        "An exit handler panics on a stack without any catch",
        "no handler on the stack",
        exit_handler_panics,
    )
    .aborts()
    .panics(&[panic("in the exit handler", ThreadName::Foreign, NO_HANDLER)])
    .twin("exit-handler-catches"),
    Scenario::new(
        "exit-handler-catches",
        "An exit handler catches its panic",
        "a panic in an exit handler",
        exit_handler_catches,
    )
    .panics(&[panic("in the exit handler", ThreadName::Foreign, USER).dropped_at("foreign::careful")])
    .twin("exit-handler-panics"),
    Scenario::new(
        "longjmp-from-destructor",
        "A destructor leaves the unwinding by `longjmp`, and the program panics again and catches that",
        "an unwinding that is left",
        longjmp_from_destructor,
    )
    .panics(&[
        panic("left in the middle", MAIN, MAIN_ROOT).left_behind(),
        panic("after the jump", MAIN, USER).dropped_at("foreign::longjmp_from_destructor"),
    ])
    .twin("longjmp-not-taken"),
    Scenario::new(
        "longjmp-not-taken",
        "The same destructor returns: the panic kills main",
        "an unwinding that is left",
        longjmp_not_taken,
    )
    .exits(101)
    .panics(&[panic("not left", MAIN, MAIN_ROOT)])
    .twin("longjmp-from-destructor"),
    // musl's `exit` has no unwind tables, so nobody sees that the frames are gone: it is `interrupted` there.
    #[cfg(not(target_env = "musl"))]
    Scenario::new(
        "longjmp-to-the-end",
        "A destructor leaves the unwinding by `longjmp`, and main returns",
        "an unwinding that is left",
        longjmp_to_the_end,
    )
    .panics(&[panic("left in the middle", MAIN, MAIN_ROOT).left_behind()])
    .twin("exit-during-unwind"),
    Scenario::new(
        "longjmp-inside-catch",
        "Both ends of the jump lie inside of a catch, which then has nothing to catch",
        "an unwinding that is left",
        longjmp_inside_catch,
    )
    .panics(&[
        panic("left in the middle", MAIN, USER).left_behind(),
        panic("after the jump", MAIN, USER).dropped_at("foreign::longjmp_inside_catch"),
    ])
    .twin("c-caller"),
    Scenario::new(
        "longjmp-on-thread",
        "A thread leaves its unwinding by `longjmp` and ends in order",
        "an unwinding that is left",
        longjmp_on_thread,
    )
    .panics(&[panic("left in the middle", ThreadName::Named("jumper"), THREAD_ROOT).left_behind()])
    .twin("thread-join-ignored"),
    Scenario::new(
        "longjmp-in-outer-unwinding",
        "A destructor that runs in an unwinding panics, and that unwinding is left; the outer one lands",
        "an unwinding that is left",
        longjmp_in_outer_unwinding,
    )
    .panics(&[
        panic("the outer one", MAIN, USER).dropped_at("foreign::longjmp_in_outer_unwinding"),
        panic("left in the middle", MAIN, IN_DROP).left_behind().linked("while_unwinding", 0),
    ])
    .twin("longjmp-from-destructor"),
    Scenario::new(
        "longjmp-without-unwinding",
        "`longjmp` skips frames, among them a catch, while nothing unwinds",
        "a jump that concerns no panic",
        longjmp_without_unwinding,
    )
    .panics(&[panic("after the jump", MAIN, USER).dropped_at("foreign::longjmp_without_unwinding")])
    .twin("longjmp-from-destructor"),
];

extern "C-unwind" fn panics_under_c() {
    panic!("called from C");
}

fn c_caller() {
    let caught = catch(|| println!("{}", demo_call(panics_under_c)));
    println!("caught: {}", caught.is_some());
}

fn c_caller_without_tables() {
    let caught = catch(|| println!("{}", demo_call_without_tables(panics_under_c)));
    println!("caught: {}", caught.is_some());
}

fn c_caller_extern_c() {
    #[inline(never)]
    extern "C" fn callback() {
        panic!("in the callback");
    }
    // What C sees is a function pointer; it does not know the difference.
    extern "C-unwind" fn forward() {
        std::hint::black_box(callback as extern "C" fn())();
    }
    let caught = catch(|| println!("{}", demo_call(forward)));
    println!("caught: {}", caught.is_some());
}

extern "C-unwind" fn panics_on_foreign_thread() {
    panic!("on a foreign thread");
}

fn foreign_thread() {
    println!("{}", demo_call_on_foreign_thread(panics_on_foreign_thread));
}

fn foreign_thread_catches() {
    extern "C-unwind" fn careful() {
        let _ = catch(|| panics_on_foreign_thread());
    }
    println!("{}", demo_call_on_foreign_thread(careful));
}

extern "C-unwind" fn panics_at_exit() {
    panic!("in the exit handler");
}

/// Exits with status 0 on a foreign thread, where the last registered handler runs first.
fn exit_with(handler: Callback) {
    static NEVER: Gate = Gate::new();
    println!("registered: {}", demo_at_exit(handler) == 0);
    demo_exit_on_foreign_thread();
    NEVER.wait();
}

fn exit_handler_panics() {
    exit_with(panics_at_exit);
}

fn exit_handler_catches() {
    extern "C-unwind" fn careful() {
        let _ = catch(|| panics_at_exit());
    }
    exit_with(careful);
}

/// Does this when dropped.
struct AtDrop(fn());

impl Drop for AtDrop {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn report(caught: bool) {
    println!("caught: {caught}");
}

extern "C-unwind" fn unwinds_and_leaves() {
    let _leaves = AtDrop(|| demo_leave());
    panic!("left in the middle");
}

extern "C-unwind" fn unwinds() {
    let _stays = AtDrop(|| println!("dropped"));
    panic!("not left");
}

extern "C-unwind" fn leaves_at_once() {
    report(catch(|| demo_leave()).is_some());
}

fn longjmp_from_destructor() {
    println!("left: {}", demo_come_back(unwinds_and_leaves));
    report(catch(|| panic!("after the jump")).is_some());
}

fn longjmp_not_taken() {
    println!("left: {}", demo_come_back(unwinds));
}

#[cfg(not(target_env = "musl"))]
fn longjmp_to_the_end() {
    println!("left: {}", demo_come_back(unwinds_and_leaves));
}

fn longjmp_inside_catch() {
    report(catch(|| println!("left: {}", demo_come_back(unwinds_and_leaves))).is_some());
    report(catch(|| panic!("after the jump")).is_some());
}

fn longjmp_on_thread() {
    let run = || println!("left: {}", demo_come_back(unwinds_and_leaves));
    let jumper = thread::Builder::new().name("jumper".into()).spawn(run);
    println!("joined: {}", jumper.expect("a thread can be started").join().is_ok());
}

fn longjmp_in_outer_unwinding() {
    let outer = catch(|| {
        let _comes_back = AtDrop(|| println!("left: {}", demo_come_back(unwinds_and_leaves)));
        panic!("the outer one");
    });
    report(outer.is_some());
}

fn longjmp_without_unwinding() {
    println!("left: {}", demo_come_back(leaves_at_once));
    report(catch(|| panic!("after the jump")).is_some());
}
