//! What can be asked of the tool.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use panic_agent::audit::Class;

/// Observes the panics of programs and test suites that know nothing of it.
///
/// A library that is loaded before the program sees every unwinding Rust panic, with its message, place, stack, who
/// stopped it and who received it. Nothing has to be changed or built anew: the program needs to be linked
/// dynamically against glibc, on x86_64 or aarch64 Linux. The first use builds that library with your compiler, which
/// takes a minute or two.
#[derive(Debug, Parser)]
#[command(name = "panic-agent", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a program and appends what its panics come to to a file
    ///
    /// Status, output and signals are the program's. What cannot be observed (static and musl programs, setuid ones,
    /// those built with `panic = "abort"`) runs all the same, after one line that says why it is not.
    #[command(
        after_help = "Examples:\n  panic-agent run -- ./my-server --port 80\n  panic-agent run --file /var/log/panics.jsonl -- \
                            python3 uses_a_rust_module.py"
    )]
    Run(RunArgs),
    /// Runs `cargo test` and finds tests that pass although a thread or task died behind them
    ///
    /// Every argument that is not listed here goes to `cargo test`, those after `--` to the test binaries. What is found
    /// is printed after each binary. The status is cargo's; when that is 0 and something is denied it is 102.
    /// `panic-audit.toml` in a package or its workspace says what is denied, warned of, allowed and expected.
    #[command(
        override_usage = "cargo panic-agent test [OPTIONS] [ARGUMENTS OF CARGO TEST] [-- ARGUMENTS OF TEST BINARIES]",
        after_help = "Examples:\n  cargo panic-agent test\n  cargo panic-agent test --deny received --workspace -- \
                            --test-threads=4\n  cargo panic-agent test --write-baseline"
    )]
    Test(TestArgs),
    /// Runs `cargo nextest` the same way: `cargo panic-agent nextest run ...`
    #[command(override_usage = "cargo panic-agent nextest [OPTIONS] run [ARGUMENTS OF CARGO NEXTEST RUN]")]
    Nextest(TestArgs),
    /// Shows, builds or removes the library that is loaded before programs
    Preload(PreloadArgs),
    /// What cargo calls in place of a test binary; not for people
    #[command(hide = true)]
    Runner(RunnerArgs),
}

/// Arguments of `run`.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// File that lines are appended to; `{pid}` in it becomes the process id
    #[arg(long, value_name = "PATH", default_value = "panics.jsonl")]
    pub(crate) file: PathBuf,
    /// Observe the program's children too
    #[arg(long)]
    pub(crate) children: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// Arguments of `test` and `nextest`.
#[derive(Args, Debug)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    pub(crate) audit: AuditArgs,
    /// What cargo is to be given; taken out before the others are parsed.
    #[arg(skip)]
    pub(crate) rest: Vec<OsString>,
}

/// What is made of the findings.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct AuditArgs {
    /// Deny a class of findings: late, silent_death, received, swallowed, harness_end, wrong_should_panic,
    /// hidden_exit or hook_replaced. May be given several times
    #[arg(long, value_name = "CLASS", value_parser = class)]
    pub(crate) deny: Vec<Class>,
    /// Only report a class
    #[arg(long, value_name = "CLASS", value_parser = class)]
    pub(crate) warn: Vec<Class>,
    /// Do not report a class
    #[arg(long, value_name = "CLASS", value_parser = class)]
    pub(crate) allow: Vec<Class>,
    /// Accept everything that is found now: writes `panic-audit-baseline.json` in the root of the workspace, or where the
    /// policy says
    #[arg(long)]
    pub(crate) write_baseline: bool,
    /// Write the findings as JSON lines
    #[arg(long, value_name = "PATH")]
    pub(crate) json: Option<PathBuf>,
    /// Write the findings as JUnit XML, a test suite per binary
    #[arg(long, value_name = "PATH")]
    pub(crate) junit: Option<PathBuf>,
    /// Show a short stack with each finding
    #[arg(long)]
    pub(crate) stacks: bool,
    /// Show what was folded, and what could not be judged
    #[arg(long)]
    pub(crate) show_folded: bool,
    /// Keep the lines of every test process in this directory
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) lines: Option<PathBuf>,
    /// Run `cargo nextest run` in place of `cargo test`
    #[arg(long)]
    pub(crate) nextest: bool,
}

/// Arguments of `preload`.
#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
#[group(required = true, multiple = false)]
pub(crate) struct PreloadArgs {
    /// Print the path of the library for the compiler in use; status 1 when it is not built yet
    #[arg(long)]
    pub(crate) path: bool,
    /// Build it unless it is there, and print its path
    #[arg(long)]
    pub(crate) build: bool,
    /// Remove every library that was built, and print how many those were
    #[arg(long)]
    pub(crate) clean: bool,
}

/// Arguments of `runner`.
#[derive(Args, Debug)]
pub(crate) struct RunnerArgs {
    /// Where the run keeps its settings and lines
    #[arg(long)]
    pub(crate) run: PathBuf,
    /// The test binary and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) command: Vec<OsString>,
}

/// Takes the arguments that are cargo's out of those of `test` and `nextest`: our options may stand between them.
pub(crate) fn split(args: Vec<OsString>) -> (Vec<OsString>, Vec<OsString>) {
    let ours = AuditArgs::augment_args(clap::Command::new("test"));
    let takes_value = |name: &str| {
        let known = ours.get_arguments().find(|arg| arg.get_long() == Some(name));
        known.map(|arg| arg.get_action().takes_values())
    };
    let mut args = args.into_iter();
    let (mut own, mut rest): (Vec<_>, Vec<_>) = (args.by_ref().take(2).collect(), Vec::new());
    while let Some(arg) = args.next() {
        let text = arg.to_str().unwrap_or_default();
        if text == "--" {
            rest.push(arg);
            rest.extend(args);
            break;
        }
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        match name.strip_prefix("--").and_then(takes_value) {
            Some(true) if value.is_none() => {
                own.push(arg);
                own.extend(args.next());
            }
            Some(_) => own.push(arg),
            None if matches!(text, "-h" | "--help") => own.push(arg),
            None => rest.push(arg),
        }
    }
    (own, rest)
}

fn class(word: &str) -> Result<Class, String> {
    Class::from_word(word).ok_or_else(|| format!("the classes are {}", Class::words()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_options_are_found_between_those_of_cargo_and_not_behind_the_dashes() {
        let args = ["cargo", "test", "-p", "x", "--deny", "late", "--lib", "--json=a", "--", "--deny", "y"];
        let (own, rest) = split(args.iter().map(OsString::from).collect());
        assert_eq!(own, ["cargo", "test", "--deny", "late", "--json=a"]);
        assert_eq!(rest, ["-p", "x", "--lib", "--", "--deny", "y"]);
        let Command::Test(test) = Cli::try_parse_from(own).unwrap().command else { panic!("it is `test`") };
        assert_eq!(test.audit.deny, [Class::Late]);
        assert!(Cli::try_parse_from(["x", "test", "--deny", "nothing"]).is_err());
    }
}
