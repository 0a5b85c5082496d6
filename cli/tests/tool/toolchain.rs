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
    let place = Place::new(&[]);
    let steps = steps(&page);
    assert!(steps.len() >= 9, "{steps:?}");
    for (command, wanted) in steps {
        let mut shell = Command::new("sh");
        place.prepare(&mut shell);
        shell.args(["-c", command]).env("PATH", &path).env("SOURCE", fs::canonicalize(root).unwrap());
        let ran = shell.output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{command}: {err}");
        let lines: Vec<&str> = out.lines().collect();
        is_shown(&lines, &wanted).unwrap_or_else(|why| panic!("{command}: {why}:\n{out}\n{err}"));
    }
}

#[test]
fn the_check_of_the_page_can_fail() {
    assert!(is_shown(&["a", "b", "c"], &["a", "…", "c"]).is_ok());
    assert!(is_shown(&["a", "b", "c"], &["a", "c"]).is_err());
    assert!(is_shown(&["a", "b"], &["a"]).is_err());
    assert!(is_shown(&["a", "b"], &["b", "…"]).is_err());
    assert!(is_shown(&["a", "b"], &["…", "b"]).is_ok());
}
