//! The commands of docs/toolchain.md, as they stand there.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Place, skip};

/// Commands of the page, each with the lines that it must print. `…` stands for any.
fn steps(page: &str) -> Vec<(&str, Vec<&str>)> {
    let mut steps: Vec<(&str, Vec<&str>)> = Vec::new();
    for block in page.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push((command, Vec::new())),
                None => steps.last_mut().expect("a command comes first").1.push(line),
            }
        }
    }
    steps
}

/// Whether these lines are there in this order, and next to each other unless `…` is between them.
fn is_shown(mut out: &[&str], wanted: &[&str]) -> Result<(), String> {
    let mut any = false;
    for line in wanted {
        if *line == "…" {
            any = true;
            continue;
        }
        let at = out.iter().position(|shown| shown.trim_end() == line.trim_end());
        match at {
            Some(at) if any || at == 0 => out = &out[at + 1..],
            _ => return Err(format!("`{line}` is not shown where it should be")),
        }
        any = false;
    }
    if any || out.iter().all(|line| line.is_empty()) {
        Ok(())
    } else {
        Err(format!("more is shown: {out:?}"))
    }
}

#[test]
fn each_command_of_the_page_prints_what_the_page_shows() {
    let bin = Path::new(env!("CARGO_BIN_EXE_panic-agent")).parent().unwrap();
    if !bin.join("agent-demo").exists() {
        return skip("`agent-demo` is not built beside the tool (cargo build -p agent-demo)");
    }
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let page = fs::read_to_string(format!("{root}/docs/toolchain.md")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let steps = steps(&page);
    assert!(steps.len() >= 9, "{steps:?}");
    let mut attempts = (0..5).map(|_| walk(&steps, &path, root));
    attempts
        .find_map(|attempt| match attempt {
            // The program of the page waits for nobody; on a busy machine it ends while its worker still unwinds.
            Err(Failed { interrupted: true, .. }) => None,
            other => Some(other),
        })
        .expect("the worker comes to its end once")
        .unwrap_or_else(|failed| panic!("{}", failed.why));
}

struct Failed {
    why: String,
    /// Whether a panic of the page did not come to its end.
    interrupted: bool,
}

/// Takes all steps of the page in a directory of their own.
fn walk(steps: &[(&str, Vec<&str>)], path: &str, root: &str) -> Result<(), Failed> {
    let place = Place::new(&[]);
    for (command, wanted) in steps {
        let mut shell = Command::new("sh");
        place.prepare(&mut shell);
        shell.args(["-c", command]).env("PATH", path).env("SOURCE", fs::canonicalize(root).unwrap());
        let ran = shell.output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        let lines: Vec<&str> = out.lines().collect();
        let shown = match ran.status.success() {
            true => is_shown(&lines, wanted),
            false => Err(ran.status.to_string()),
        };
        if let Err(why) = shown {
            let log = fs::read_to_string(place.path("panics.jsonl")).unwrap_or_default();
            let interrupted = log.contains("\"fate\":\"interrupted\"");
            return Err(Failed { why: format!("{command}: {why}:\n{out}\n{err}"), interrupted });
        }
    }
    Ok(())
}

#[test]
fn the_check_of_the_page_can_fail() {
    assert!(is_shown(&["a", "b", "c"], &["a", "…", "c"]).is_ok());
    assert!(is_shown(&["a", "b", "c"], &["a", "c"]).is_err());
    assert!(is_shown(&["a", "b"], &["a"]).is_err());
    assert!(is_shown(&["a", "b"], &["b", "…"]).is_err());
    assert!(is_shown(&["a", "b"], &["…", "b"]).is_ok());
}
