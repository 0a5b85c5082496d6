//! A program with the library: `linked FILE` installs the agent with that file, `linked -` only sets labels.

fn main() {
    let file = std::env::args().nth(1).expect("a file");
    drop(std::panic::catch_unwind(|| panic!("before")));
    let agent = (file != "-").then(|| panic_agent::Agent::builder().file(file).install().expect("an agent"));
    let _label = panic_agent::label("request", 17);
    drop(std::panic::catch_unwind(|| panic!("after")));
    drop(agent);
}
