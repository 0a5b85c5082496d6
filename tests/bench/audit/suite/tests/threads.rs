//! Threads, one after another and many at once, pools, runtimes, and deaths that are joined and read.

use std::hint::black_box;
use std::sync::mpsc;
use std::thread;

#[cfg(feature = "audit")]
panic_agent::audit!();

fn work(value: u64) -> u64 {
    (0..500).fold(value, |sum, next| black_box(sum.wrapping_mul(31).wrapping_add(next)))
}

#[test]
fn one_after_another() {
    for number in 0..60_000 {
        assert_ne!(thread::spawn(move || work(number)).join().unwrap(), 1);
    }
}

#[test]
fn many_at_once() {
    for _ in 0..800 {
        let threads: Vec<_> = (0..64).map(|number| thread::spawn(move || work(number))).collect();
        let sums: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(sums.len(), 64);
    }
}

#[test]
fn scopes() {
    for _ in 0..10_000 {
        let sum = thread::scope(|scope| {
            let threads = [1, 2, 3, 4].map(|number| scope.spawn(move || work(number)));
            threads.map(|thread| thread.join().unwrap()).len()
        });
        assert_eq!(sum, 4);
    }
}

#[test]
fn channels() {
    let (sender, receiver) = mpsc::sync_channel(64);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let sender = sender.clone();
            thread::spawn(move || (0..100_000).for_each(|number| sender.send(number).unwrap()))
        })
        .collect();
    drop(sender);
    assert_eq!(receiver.iter().count(), 800_000);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn pools() {
    for _ in 0..300 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
        let sum = pool.install(|| (0..64).map(|number| rayon::join(|| work(number), || work(1)).1).count());
        assert_eq!(sum, 64);
    }
}

#[test]
fn runtimes() {
    for _ in 0..200 {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
        let tasks: Vec<_> = (0..200)
            .map(|number| match number % 4 {
                0 => runtime.spawn_blocking(move || work(number)),
                _ => runtime.spawn(async move { work(number) }),
            })
            .collect();
        let done = runtime.block_on(async {
            let mut done = 0;
            for task in tasks {
                task.await.unwrap();
                done += 1;
            }
            done
        });
        assert_eq!(done, 200);
    }
}

#[test]
fn deaths_that_are_read() {
    for number in 0..500 {
        let error = thread::spawn(move || {
            assert_eq!(number, usize::MAX, "number {number}");
        })
        .join()
        .unwrap_err();
        assert!(error.downcast_ref::<String>().is_some_and(|text| text.contains("number")));
    }
}
