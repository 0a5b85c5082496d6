//! `panic-agent`.

fn main() -> std::process::ExitCode {
    panic_agent_cli::main(std::env::args_os().collect())
}
