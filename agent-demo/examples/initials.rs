//! The example of the README: a worker dies, nobody is told, and the process ends with status 0.

use std::{sync::mpsc, thread};

fn main() {
    let _agent = panic_agent::init();
    let (names, queue) = mpsc::sync_channel::<&str>(0);
    thread::spawn(move || {
        let _stage = panic_agent::label("stage", "initials");
        queue.iter().for_each(|name| println!("{}.", &name[..1]));
    }); // nobody keeps the handle
    for name in ["Ada", "Émile", "Grace"] {
        names.send(name).ok();
    }
}
