//! `cargo panic-agent test` and `nextest`: cargo, with this tool as the runner of test binaries, and what its runners
//! found, together.

mod by_line;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_config2::Config;
use panic_agent::audit::{BASELINE_FILE, DENIED_STATUS, Run, workspace_root};

use crate::args::{AuditArgs, TestArgs};
use crate::failure::Failure;
use crate::report::{Process, audit};
use crate::settings::Settings;
use crate::{Outcome, child, library};

/// `cargo test`.
pub(crate) fn test(args: TestArgs) -> Outcome {
    if args.audit.nextest {
        let mut rest = vec![OsString::from("run")];
        rest.extend(args.rest);
        return nextest(TestArgs { rest, ..args });
    }
    let TestArgs { audit, rest } = args;
    observed(&audit, &rest, false, |cargo, config| {
        cargo.args(config).arg("test").args(&rest);
    })
}

/// `cargo nextest`.
pub(crate) fn nextest(args: TestArgs) -> Outcome {
    let TestArgs { audit, rest } = args;
    let (command, others) = match rest.split_first() {
        Some((command, others)) => (command.clone(), others.to_vec()),
        None => return Err(Failure::new("missing the nextest command: use `cargo panic-agent nextest run`")),
    };
    observed(&audit, &rest, true, |cargo, config| {
        cargo.arg("nextest").arg(&command).args(config).args(&others);
    })
}

fn observed(
    args: &AuditArgs,
    rest: &[OsString],
    tables: bool,
    fill: impl FnOnce(&mut Command, &[OsString]),
) -> Outcome {
    let config = Config::load()
        .map_err(|error| Failure::new(format!("cannot read cargo's configuration: {error}")))?;
    let targets = targets(rest);
    let targets = config
        .build_target_for_cli(targets.iter().map(String::as_str))
        .map_err(|error| Failure::new(format!("cannot read cargo's configuration: {error}")))?;
    let host = config.host_triple().map_err(|error| Failure::new(error.to_string()))?.to_owned();
    let target = targets.first().cloned().unwrap_or(host);
    if let Some(why) = cannot_preload(&target.to_string()) {
        return by_line::run(args, &why, |cargo| fill(cargo, &[]));
    }
    let runner = config
        .runner(target.as_str())
        .map_err(|error| Failure::new(format!("cannot read the runner in cargo's configuration: {error}")))?;
    let runner = runner.map_or_else(Vec::new, |runner| {
        let path = runner.path.into_os_string();
        std::iter::once(path).chain(runner.args).collect()
    });
    let kept = args.lines.as_ref().map(|lines| std::path::absolute(lines).unwrap_or_else(|_| lines.clone()));
    if let Some(kept) = &kept {
        fs::create_dir_all(kept).map_err(|error| Failure::io("create", kept, &error))?;
    }
    let base = kept.clone().unwrap_or_else(std::env::temp_dir);
    let mut run = tempfile::Builder::new()
        .prefix("panic-agent-run-")
        .tempdir_in(&base)
        .map_err(|error| Failure::io("create a directory in", &base, &error))?;
    run.disable_cleanup(kept.is_some());
    let library = library::get()?;
    if !child::can_be_preloaded(library.as_os_str()) {
        return Err(Failure::new(format!(
            "`LD_PRELOAD` cannot name a path with a colon or a space; set PANIC_AGENT_CACHE to another directory (it \
             is `{}`)",
            library.display()
        )));
    }
    let settings = Settings::new(library, runner, args);
    settings.write(run.path())?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    fill(&mut cargo, &[OsString::from("--config"), setting(&target, run.path())?]);
    let status = child::start(&mut cargo)?
        .wait()
        .map_err(|error| Failure::new(format!("cannot wait for cargo: {error}")))?;
    let denied = report(args, &settings, run.path(), tables)?;
    let status = child::status_of(status);
    Ok(if status == 0 && denied { u8::try_from(DENIED_STATUS).unwrap_or(1) } else { status })
}

/// Why no library can be loaded before programs of this target; `None` when one can.
fn cannot_preload(target: &str) -> Option<String> {
    if cfg!(not(target_os = "linux")) {
        return Some("on this system no library can be loaded before programs".to_owned());
    }
    let architecture = target.split('-').next().unwrap_or_default();
    let is_glibc = target.ends_with("-linux-gnu") && matches!(architecture, "x86_64" | "aarch64");
    (!is_glibc).then(|| format!("programs for {target} cannot be observed from outside"))
}

/// What `--target` says.
fn targets(rest: &[OsString]) -> Vec<String> {
    let mut targets = Vec::new();
    let mut rest = rest.iter().map_while(|arg| arg.to_str()).take_while(|arg| *arg != "--");
    while let Some(arg) = rest.next() {
        if arg == "--target" {
            targets.extend(rest.next().map(str::to_owned));
        } else if let Some(target) = arg.strip_prefix("--target=") {
            targets.push(target.to_owned());
        }
    }
    targets
}

/// The setting that makes this tool the runner. Not a variable: the environment would pass it on to cargo in tests.
fn setting(target: &str, run: &Path) -> Result<OsString, Failure> {
    let own = std::env::current_exe()
        .map_err(|error| Failure::new(format!("cannot find the path of this program: {error}")))?;
    let text = |path: &Path| {
        let text = path.to_str().map(str::to_owned);
        text.ok_or_else(|| {
            Failure::new(format!("the path `{}` is not UTF-8, and cargo cannot run it", path.display()))
        })
    };
    let words = [text(&own)?, "runner".to_owned(), "--run".to_owned(), text(run)?, "--".to_owned()];
    // A JSON string is a TOML string.
    let list = serde_json::to_string(&words).map_err(|error| Failure::new(error.to_string()))?;
    Ok(format!("target.{target}.runner={list}").into())
}

/// Puts together what the runners left; whether something is denied. `tables`: they have printed nothing themselves.
fn report(args: &AuditArgs, settings: &Settings, directory: &Path, tables: bool) -> Result<bool, Failure> {
    let mut run = Run::new();
    let mut json = String::new();
    let processes = Process::all(directory)?;
    let mut root = None;
    for (place, process) in &processes {
        if let Some(audit) = audit(settings, place, process)? {
            root = root
                .or_else(|| workspace_root(process.package()).or_else(|| Some(process.package().to_owned())));
            json.push_str(&audit.json());
            run.push(audit);
        }
    }
    if tables {
        eprint!("{}", run.tables(settings.detail()));
    }
    eprint!("{}", run.summary());
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        let repository = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
        for audit in run.audits() {
            print!("{}", audit.github(repository.as_deref(), root.as_deref()));
        }
    }
    let put =
        |path: &Path, text: &str| fs::write(path, text).map_err(|error| Failure::io("write", path, &error));
    if let Some(path) = &args.json {
        put(path, &json)?;
    }
    if let Some(path) = &args.junit {
        put(path, &run.junit())?;
    }
    if args.write_baseline {
        let Some(root) = root else {
            return Err(Failure::new("no test binary was observed, so there is no baseline to write"));
        };
        let policy = settings.policy(&root)?;
        let path = policy.baseline_path().map_or_else(|| root.join(BASELINE_FILE), Path::to_owned);
        let baseline = run.baseline(policy.baseline());
        put(&path, &baseline.to_json())?;
        eprintln!("panic-agent: {} entries in `{}`", baseline.len(), path.display());
        return Ok(false);
    }
    Ok(run.is_denied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_of_glibc_can_have_a_library_loaded_before_them() {
        for target in ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"] {
            assert_eq!(cannot_preload(target), None, "{target}");
        }
        for target in [
            "x86_64-unknown-linux-musl",
            "aarch64-apple-darwin",
            "x86_64-pc-windows-msvc",
            "i686-unknown-linux-gnu",
        ] {
            assert!(cannot_preload(target).is_some_and(|why| why.contains(target)), "{target}");
        }
    }
}
