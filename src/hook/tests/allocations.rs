//! The agent's hook adds no allocation, also to the first panic of a thread.

use super::allocator::{allocations, panic_inside_the_next_one};
use super::*;
use crate::capture::labels::label;

/// Allocations of each of several panics on a new thread, the thread's first one first.
fn count_on_a_new_thread() -> Vec<u64> {
    let body = || {
        let count = |body: &dyn Fn()| {
            let before = allocations();
            caught(body);
            allocations() - before
        };
        let mut counts = Vec::with_capacity(8);
        counts.push(count(&|| panic!("literal")));
        counts.push(count(&|| panic!("literal again")));
        let number = std::hint::black_box(7);
        counts.push(count(&|| panic!("formatted {number}")));
        counts.push(count(&|| panic::panic_any(String::new())));
        counts.push(count(&|| panic::panic_any(7_u8)));
        counts.push(count(&|| {
            let _one = label("request", 1);
            let _two = label("user", "u-7");
            panic!("with labels {number}");
        }));
        counts.push(count(&|| {
            for crumb in 0..20 {
                crate::breadcrumb!("step {crumb} of {number}");
            }
            panic!("with breadcrumbs");
        }));
        counts
    };
    std::thread::Builder::new().name("counted".to_owned()).spawn(body).unwrap().join().unwrap()
}

#[test]
fn a_panic_allocates_as_often_as_with_an_empty_hook() {
    passes_alone(|| {
        panic::set_hook(Box::new(|_| ()));
        count_on_a_new_thread();
        let without = count_on_a_new_thread();
        let state = install_with(8, |_| ());
        // The first panic under the agent is not warmed up in any way.
        let with = count_on_a_new_thread();
        assert_eq!(with, without);
        assert_eq!(with[6], with[1], "breadcrumbs allocate nothing");
        let seen = drain(state);
        assert_eq!(seen.len(), 7);
        assert_eq!(seen[2].message, "formatted 7");
        assert_eq!(seen[5].labels.len(), 2);
        // The empty hook was no hook at all to compare with if panics did not allocate.
        assert!(without.iter().all(|&count| count > 0), "{without:?}");
    });
}

#[test]
fn a_panic_inside_the_allocator_is_recorded() {
    passes_alone(|| {
        let state = install_with(8, |_| ());
        panic_inside_the_next_one();
        drop(std::hint::black_box(Box::new(1)));
        let seen = drain(state);
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].message, "inside the allocator");
    });
}
