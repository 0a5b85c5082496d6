//! One line in `main`: every panic of the process becomes a line of `panics.jsonl`.

fn main() {
    let _agent = panic_agent::init!();
    let worker = std::thread::spawn(|| "Émile"[..1].to_owned());
    let _ = worker.join(); // the error is thrown away here, unread
}
