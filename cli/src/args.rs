//! The command line. Longer than other files: one table of commands and options, which is their help text too.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use panic_agent::audit::Class;

use crate::crosscheck::CrosscheckArgs;
use crate::doctor::DoctorArgs;
use crate::explain::ExplainArgs;
use crate::page::ReportArgs;
use crate::recover::RecoverArgs;
use crate::scan::ScanArgs;
use crate::schema::{CompletionsArgs, ManArgs, SchemaArgs};
use crate::ship::ShipArgs;
use crate::stats::{StatsArgs, TopArgs};
use crate::supervise::SuperviseArgs;
use crate::symbolize::SymbolizeArgs;
use crate::view::ViewArgs;

/// Records the panics of programs and test suites that were built without panic-agent, and reads what was recorded.
///
/// `view` reads a `panics.jsonl` and prints its incidents as stories: what died, where, what stopped the panic, and who
/// received the error.
///
/// `run` and `test` load a library before the program. It records every Rust panic that unwinds. You need not change or
/// rebuild the program. It must be linked dynamically against glibc, on x86_64 or aarch64 Linux. The first run builds the
/// library with your compiler, which takes a minute or two.
#[derive(Debug, Parser)]
#[command(name = "panic-agent", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints one story per incident of a log: newest last, root cause first
    ///
    /// A chain of panics is one incident: `unwrap` of a dead thread's error, a poisoned lock, `thread::scope`. Panics that
    /// nobody learned of come first, and the last line has the counts. Lines that cannot be used are reported on stderr and
    /// skipped.
    #[command(
        after_help = "Examples:\n  panic-agent view                              panics.jsonl with its rotations\n  panic-agent \
                            view --silent --since -3h app.jsonl\n  kubectl logs deploy/app | panic-agent view -\n  \
                            panic-agent view --oneline --label tenant=42 /var/log/app/\n  panic-agent view --full --incident \
                            e24eb283d3c8ce96-1\n  panic-agent view --follow --json | jq .told\n\nStatus: 0; 2 when a file cannot \
                            be read."
    )]
    View(Box<ViewArgs>),
    /// Counts panics by what they have in common
    ///
    /// Groups are panics with one fingerprint, or one service, thread, function, version or label. The last verdict on each
    /// panic counts. Only the first fields of a line are read, so files of gigabytes take seconds and little memory.
    #[command(
        after_help = "Examples:\n  panic-agent stats                             panics.jsonl with its rotations\n  panic-agent \
                            stats --by label:tenant --since yesterday\n  panic-agent stats --new-since 1.4.0 /var/log/app/\n  \
                            panic-agent stats --sort silent --format csv\n\nStatus: 0; 2 when a file cannot be read."
    )]
    Stats(StatsArgs),
    /// Draws the table of `stats` again and again
    ///
    /// As many groups as the terminal has room for; stop with Ctrl-C.
    #[command(
        after_help = "Examples:\n  panic-agent top\n  panic-agent top --by service --since -1h --interval 5 /var/log/app/\n\nStatus: 2 \
                            when a file cannot be read, or standard output is no terminal."
    )]
    Top(TopArgs),
    /// Explains step by step why a panic has its verdict
    ///
    /// The answer of the unwind tables, the landing, reads and drops of the error, joins and detaches, the rule that decided,
    /// what another verdict would need, and what could not be seen, with the one thing that would make it visible.
    #[command(
        after_help = "Examples:\n  panic-agent explain last-silent\n  panic-agent explain e24eb283d3c8ce96-1 \
                            /var/log/app/\n  panic-agent explain e24e --json\n\nStatus: 0; 2 when there is no such panic."
    )]
    Explain(ExplainArgs),
    /// Writes one HTML page, which loads nothing and can be mailed
    ///
    /// Counts, panics over time, groups with their newest incidents, stacks with what each frame does to the panic, findings,
    /// and what the agents could not see; with `--crosscheck` also which places in source lost them. It can be read without
    /// JavaScript; with it there is a filter.
    #[command(
        after_help = "Examples:\n  panic-agent report -o panics.html\n  panic-agent report --since yesterday --source . -o - \
                            app.jsonl > page.html\n  panic-agent report --crosscheck crosscheck.json -o panics.html app.jsonl\n\nStatus: 0; 2 when a file cannot be read or written."
    )]
    Report(Box<ReportArgs>),
    /// Finds places in source where panics are swallowed, without building anything
    ///
    /// Handles of threads and tasks that are dropped, errors of joins and catches that nobody reads, hooks that are lost,
    /// destructors that panic, and more: docs/scan-rules.md has the rules. Names are followed through `use`, aliases and
    /// functions of the workspace, and each finding says whether it is resolved, syntactic or guessed. Mark an intended place
    /// with a comment: `// panic-agent: allow(RULE) reason`. The section `[scan]` of `panic-audit.toml` sets the levels.
    #[command(
        after_help = "Examples:\n  panic-agent scan                              the workspace here\n  panic-agent scan --inventory -p \
                            server\n  panic-agent scan --deny warnings --format github\n  panic-agent scan --format json -o \
                            scan.json\n  panic-agent scan --write-baseline\n  panic-agent scan --suggest\n  panic-agent scan --clippy                     with what the compiler knows\n\nStatus: 0; 1 when something is found that is denied; 2 \
                            when nothing can be scanned."
    )]
    Scan(Box<ScanArgs>),
    /// Compares what a scan found with what really happened
    ///
    /// Each place gets an answer: confirmed (a panic really got lost here), runtime only (one got lost where the scan had
    /// said nothing), exercised and fine, static only (no panic ever came here), stale (the source has changed since), or
    /// unknown. And which catches of the program ever stopped a panic.
    #[command(
        after_help = "Examples:\n  panic-agent crosscheck scan.json                            with panics.jsonl and its rotations\n  \
                            panic-agent crosscheck scan.json /var/log/app/ --remap /build/app=.\n  panic-agent crosscheck \
                            scan.json --format sarif > crosscheck.sarif\n  panic-agent crosscheck scan.json --deny \
                            confirmed\n\nStatus: 0; 1 when a denied answer occurs; 2 when a file cannot be read."
    )]
    Crosscheck(Box<CrosscheckArgs>),
    /// Tells what an agent will and will not see in a program, why, and what to change
    ///
    /// Reads the file of a program, or looks at a running process; starts nothing and writes nowhere.
    #[command(
        after_help = "Examples:\n  panic-agent doctor target/release/server\n  panic-agent doctor 4711 --log-dir \
                            /var/log/app\n  panic-agent doctor ./server --json | jq .worst\n  panic-agent doctor --cargo                    what this workspace will build\n\nStatus: 0 when nothing limits the \
                            agent, 1 when details will be missing, 3 when panics will not be seen; 2 when it cannot be told."
    )]
    Doctor(DoctorArgs),
    /// Writes the lines that dead processes left in their spools
    ///
    /// A process that was killed leaves unwritten reports in `panics.jsonl.spool-<pid>` beside its log. The next start with
    /// that log writes them; this does it for programs that do not start again. Spools of living processes are left alone.
    #[command(
        after_help = "Examples:\n  panic-agent recover /var/log/app\n\nStatus: 0; 2 when a spool could not be recovered."
    )]
    Recover(RecoverArgs),
    /// Names the frames of a stripped program, and settles the verdicts that waited for names
    ///
    /// Writes all lines again, those with names in them amended: frames, handlers, places, and fate and receipt where they were
    /// unknown for want of names. Every other command reads the result. A file is believed only if its build-id is that of the
    /// image in the line; separate, split and compressed debug files and `.gnu_debuglink` are followed. The file that was read
    /// stays as it is.
    #[command(
        after_help = "Examples:\n  panic-agent symbolize --binary build/server panics.jsonl > named.jsonl\n  panic-agent symbolize \
                            --debug-dir /srv/debug -o named.jsonl /var/log/app/\n  panic-agent symbolize --binary server.debug - \
                            < panics.jsonl | panic-agent view -\n\nStatus: 0; 1 when frames of the program have no names yet; 2 when \
                            a file cannot be read or written."
    )]
    Symbolize(SymbolizeArgs),
    /// Carries the panics of a log into a collector, tracker or log store, at least once
    ///
    /// Follows the log through rotation, and sends one record per panic once its verdict is known; a later change of the verdict
    /// is a second record with the same id. What cannot be sent stays on the disk. Positions are remembered, so a restart goes
    /// on where the deliveries ended. docs/shipping.md has a configuration for each destination.
    #[command(
        after_help = "Examples:\n  panic-agent ship --config /etc/panic-agent/ship.toml\n  panic-agent ship --once --timeout \
                            5m                from cron\n  panic-agent ship --check\n  panic-agent ship --metrics \
                            127.0.0.1:9464\n\nA configuration:\n  log = \"/var/log/app/panics.jsonl\"\n  state = \
                            \"/var/lib/panic-agent\"\n  [[destination]]\n  kind = \"otlp\"\n  url = \
                            \"http://127.0.0.1:4318/v1/logs\"\n\nStatus: 0; 2 when the configuration cannot be used. With \
                            --once: 1 when something is in a dead-letter file, 3 when not everything could be sent in time."
    )]
    Ship(ShipArgs),
    /// Prints a schema of what is written as JSON, or the format file for lnav
    #[command(
        after_help = "Examples:\n  panic-agent schema view\n  panic-agent schema lnav > panic_agent.json && lnav -i panic_agent.json"
    )]
    Schema(SchemaArgs),
    /// Prints completions for a shell
    #[command(
        after_help = "Examples:\n  panic-agent completions bash > ~/.local/share/bash-completion/completions/panic-agent"
    )]
    Completions(CompletionsArgs),
    /// Prints the man page of the tool, or writes those of all commands
    #[command(
        after_help = "Examples:\n  panic-agent man | man -l -\n  panic-agent man -o ~/.local/share/man/man1"
    )]
    Man(ManArgs),
    /// Panics, so that the tool's own agent has something to report; not meant for people
    #[command(hide = true)]
    Fault,
    /// Runs a program and appends a line to a file for each of its panics
    ///
    /// Exit status, output and signals are those of the program. A program that cannot be observed (static, musl, setuid,
    /// or built with `panic = "abort"`) runs anyway, after one line with the reason.
    ///
    /// With `--supervise` the program is started again when it dies. Deaths that are no panic get a `death` line: signals,
    /// stack overflow, memory that ran out, `abort`, `_exit`. SIGTERM, SIGINT and SIGQUIT are passed on and end the
    /// supervision. As the first process of a container it also waits for orphans.
    #[command(
        after_help = "Examples:\n  panic-agent run -- ./my-server --port 80\n  panic-agent run --file /var/log/panics.jsonl -- \
                            python3 uses_a_rust_module.py\n  panic-agent run --supervise --max-restarts 10/600 -- ./worker\n\nStatus: that \
                            of the program, or the signal that ended it; 126 or 127 when it cannot be started."
    )]
    Run(RunArgs),
    /// Runs `cargo test` and finds tests that pass although a thread or task that they started died
    ///
    /// Arguments that are not listed here are passed to `cargo test`, and those after `--` to the test binaries. Findings
    /// are printed after each binary. The exit status is that of cargo, or 102 if cargo succeeds and a finding is denied.
    /// `panic-audit.toml` in the package or the workspace sets what is denied, warned about, allowed and expected.
    #[command(
        override_usage = "cargo panic-agent test [OPTIONS] [ARGUMENTS OF CARGO TEST] [-- ARGUMENTS OF TEST BINARIES]",
        after_help = "Examples:\n  cargo panic-agent test\n  cargo panic-agent test --deny received --workspace -- \
                            --test-threads=4\n  cargo panic-agent test --write-baseline"
    )]
    Test(TestArgs),
    /// Runs `cargo nextest` the same way: `cargo panic-agent nextest run ...`
    #[command(override_usage = "cargo panic-agent nextest [OPTIONS] run [ARGUMENTS OF CARGO NEXTEST RUN]")]
    Nextest(TestArgs),
    /// Shows, builds or removes the library that is preloaded into programs
    Preload(PreloadArgs),
    /// Called by cargo in place of a test binary; internal
    #[command(hide = true)]
    Runner(RunnerArgs),
}

impl Command {
    /// Whether it only answers a question, and starts nothing that the tool's own agent could disturb.
    pub(crate) fn reads_only(&self) -> bool {
        !matches!(self, Self::Run(_) | Self::Test(_) | Self::Nextest(_) | Self::Preload(_) | Self::Runner(_))
    }
}

/// Arguments of `run`.
#[derive(Args, Debug)]
pub(crate) struct RunArgs {
    /// Append lines to this file; `{pid}` is replaced by the process id
    #[arg(long, value_name = "PATH", default_value = "panics.jsonl")]
    pub(crate) file: PathBuf,
    /// Observe the program's children too
    #[arg(long)]
    pub(crate) children: bool,
    #[command(flatten)]
    pub(crate) supervise: SuperviseArgs,
    /// Program to run, and its arguments
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
    /// hidden_exit or hook_replaced. Can be repeated
    #[arg(long, value_name = "CLASS", value_parser = class)]
    pub(crate) deny: Vec<Class>,
    /// Report a class, but do not fail
    #[arg(long, value_name = "CLASS", value_parser = class)]
    pub(crate) warn: Vec<Class>,
    /// Do not report a class
    #[arg(long, value_name = "CLASS", value_parser = class)]
    pub(crate) allow: Vec<Class>,
    /// Accept all current findings: write them to `panic-audit-baseline.json` in the workspace root, or to the path that
    /// the policy names
    #[arg(long)]
    pub(crate) write_baseline: bool,
    /// Write the findings as JSON lines
    #[arg(long, value_name = "PATH")]
    pub(crate) json: Option<PathBuf>,
    /// Write the findings as JUnit XML, one test suite per binary
    #[arg(long, value_name = "PATH")]
    pub(crate) junit: Option<PathBuf>,
    /// Show a short stack for each finding
    #[arg(long)]
    pub(crate) stacks: bool,
    /// Show findings that were folded, and panics that could not be judged
    #[arg(long)]
    pub(crate) show_folded: bool,
    /// Keep the lines of each test process in this directory
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) lines: Option<PathBuf>,
    /// Run `cargo nextest run` instead of `cargo test`
    #[arg(long)]
    pub(crate) nextest: bool,
}

/// Arguments of `preload`.
#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
#[group(required = true, multiple = false)]
pub(crate) struct PreloadArgs {
    /// Print the path of the library for the current compiler; exit with status 1 if it is not built
    #[arg(long)]
    pub(crate) path: bool,
    /// Build the library if it is missing, and print its path
    #[arg(long)]
    pub(crate) build: bool,
    /// Remove all libraries that were built, and print how many
    #[arg(long)]
    pub(crate) clean: bool,
}

/// Arguments of `runner`.
#[derive(Args, Debug)]
pub(crate) struct RunnerArgs {
    /// Directory of the run, for settings and lines
    #[arg(long)]
    pub(crate) run: PathBuf,
    /// Test binary to run, and its arguments
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
    Class::from_word(word).ok_or_else(|| format!("expected one of {}", Class::words()))
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
