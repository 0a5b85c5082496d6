//! rayon: the pool stops every panic of a job and moves it to the caller, loses it, or aborts.

use panic_agent::record::HandlerKind;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::gate::Gate;
use super::{MAIN_ROOT, USER, catch, panic};
use crate::{Delivery, Hops, Outcome, Scenario, ThreadName};

const RAYON: &[Outcome] = &[Outcome::caught_by(HandlerKind::Rayon)];
/// rayon catches it only to abort; without the name of the catching function that cannot be seen.
const RAYON_SPAWN: &[Outcome] = &[Outcome::caught_by(HandlerKind::Rayon), Outcome::ABORTED_UNANNOUNCED];
const RAYON_ABORTS: &[Outcome] = &[Outcome::ABORTED_UNANNOUNCED];
const POOL: ThreadName = ThreadName::Prefix("pool-");

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario::new(
        "rayon-join",
        "One side of `rayon::join` panics; the caller gets it without a hook call",
        "a panic moves between threads",
        join,
    )
    .exits(101)
    .panics(&[panic("left side", POOL, RAYON).thrown_again(Hops::AtLeast(1), MAIN_ROOT)])
    .twin("rayon-join-caught"),
    Scenario::new(
        "rayon-join-caught",
        "One side of `rayon::join` panics; the caller catches it",
        "a panic moves between threads",
        join_caught,
    )
    .panics(&[panic("left side", POOL, RAYON)
        .thrown_again(Hops::AtLeast(1), USER)
        .dropped_at("rayon_jobs::join_caught")])
    .twin("rayon-join"),
    Scenario::new(
        "rayon-scope-two",
        "Two jobs of a scope panic; the caller gets one, the other is lost",
        "a lost sibling",
        scope_two,
    )
    .panics(&[
        panic("another job of the scope", POOL, RAYON)
            .thrown_again(Hops::AtLeast(1), USER)
            .dropped_at("rayon_jobs::scope_two"),
        panic("a job of the scope", POOL, RAYON).discarded(),
    ])
    .twin("rayon-join-caught"),
    Scenario::new(
        "rayon-iterator",
        "An item of a parallel iterator panics",
        "a panic moves between threads",
        iterator,
    )
    .panics(&[panic("item 7", POOL, RAYON)
        .thrown_again(Hops::AtLeast(1), USER)
        .dropped_at("rayon_jobs::iterator")])
    .twin("rayon-spawn"),
    Scenario::new("rayon-spawn", "A fire-and-forget job panics: rayon aborts", "a runtime aborts", spawn)
        .aborts()
        .panics(&[panic("fire and forget", POOL, RAYON_SPAWN).turns_out_unseen(RAYON_ABORTS)])
        .delivery(Delivery::AtRisk)
        .twin("rayon-spawn-handled"),
    Scenario::new(
        "rayon-spawn-handled",
        "A fire-and-forget job panics under a panic handler of the pool",
        "a runtime reports",
        spawn_handled,
    )
    .panics(&[panic("fire and forget", POOL, RAYON).read_at("rayon_jobs::spawn_handled")])
    .twin("rayon-spawn"),
    Scenario::new(
        "rayon-join-both",
        "Both sides of `rayon::join` panic; the caller gets the left one, the right one is lost",
        "a lost sibling",
        join_both,
    )
    .panics(&[
        panic("left side", POOL, RAYON)
            .thrown_again(Hops::AtLeast(1), USER)
            .dropped_at("rayon_jobs::join_both"),
        panic("right side", POOL, RAYON).discarded(),
    ])
    .twin("rayon-join-caught"),
    Scenario::new(
        "rayon-scope",
        "A job of a scope panics; the caller of the scope gets it without a hook call",
        "a panic moves between threads",
        scope_one,
    )
    .panics(&[panic("the only job of the scope", POOL, RAYON)
        .thrown_again(Hops::AtLeast(1), USER)
        .dropped_at("rayon_jobs::scope_one")])
    .twin("rayon-scope-two"),
    Scenario::new(
        "rayon-install",
        "What runs inside the pool by `install` panics; main gets it without a hook call and dies",
        "a panic moves between threads",
        install,
    )
    .exits(101)
    .panics(&[panic("inside the pool", POOL, RAYON).thrown_again(Hops::AtLeast(1), MAIN_ROOT)])
    .twin("rayon-scope"),
];

fn builder() -> ThreadPoolBuilder {
    // One thread, so that every run panics on the same one.
    ThreadPoolBuilder::new().num_threads(1).thread_name(|number| format!("pool-{number}"))
}

fn pool() -> ThreadPool {
    builder().build().expect("a pool can be built")
}

fn left() {
    panic!("left side");
}

fn join() {
    pool().join(left, || ());
}

fn join_caught() {
    let caught = catch(join);
    println!("caught: {}", caught.is_some());
}

fn scope_two() {
    let caught = catch(|| {
        pool().scope(|scope| {
            scope.spawn(|_| panic!("a job of the scope"));
            scope.spawn(|_| panic!("another job of the scope"));
        });
    });
    println!("caught: {}", caught.is_some());
}

fn scope_one() {
    let caught = catch(|| {
        pool().scope(|scope| scope.spawn(|_| panic!("the only job of the scope")));
    });
    println!("caught: {}", caught.is_some());
}

fn install() {
    pool().install(|| panic!("inside the pool"));
}

fn iterator() {
    let caught = catch(|| {
        let sum: u32 = pool().install(|| {
            (0..16_u32).into_par_iter().map(|item| if item == 7 { panic!("item {item}") } else { item }).sum()
        });
        println!("{sum}");
    });
    println!("caught: {}", caught.is_some());
}

fn spawn() {
    static NEVER: Gate = Gate::new();
    pool().spawn(|| panic!("fire and forget"));
    NEVER.wait();
}

fn spawn_handled() {
    static HANDLED: Gate = Gate::new();
    let pool = builder()
        .panic_handler(|payload| {
            println!("the pool's handler got {:?}", payload.downcast_ref::<&str>());
            HANDLED.open();
        })
        .build()
        .expect("a pool can be built");
    pool.spawn(|| panic!("fire and forget"));
    HANDLED.wait();
}

fn right() {
    panic!("right side");
}

fn join_both() {
    let caught = catch(|| {
        pool().join(left, right);
    });
    println!("caught: {}", caught.is_some());
}
