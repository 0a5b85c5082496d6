//! `cargo panic-agent`: cargo passes the name of the subcommand on.

fn main() -> std::process::ExitCode {
    let mut args: Vec<_> = std::env::args_os().collect();
    if args.get(1).is_some_and(|name| name == "panic-agent") {
        args.remove(1);
    }
    panic_agent_cli::main(args)
}
