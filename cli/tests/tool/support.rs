//! Runs the tool.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory for one test, with copies of lines.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    /// Copies the lines of these scenarios.
    pub(crate) fn new(scenarios: &[&str]) -> Self {
        let place = Self(tempfile::tempdir().expect("a directory"));
        for scenario in scenarios {
            fs::write(place.path(&format!("{scenario}.jsonl")), lines(scenario)).expect("a copy");
        }
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).expect("a file");
    }

    /// The tool in this directory, without the user's settings.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_panic-agent"));
        command.args(args);
        self.prepare(&mut command);
        command
    }

    /// Runs it in this directory, without the user's settings.
    pub(crate) fn prepare(&self, command: &mut Command) {
        command.current_dir(self.0.path()).env("TZ", "UTC").env("XDG_STATE_HOME", self.path("state"));
        let settings = [
            "NO_COLOR",
            "CLICOLOR_FORCE",
            "CLICOLOR",
            "PAGER",
            "COLUMNS",
            "PANIC_AGENT",
            "PANIC_AGENT_LINKS",
            "PANIC_AGENT_FILE",
        ];
        for name in settings {
            command.env_remove(name);
        }
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).output().expect("the tool runs"))
    }

    /// Runs it, and wants status 0 and an empty stderr.
    pub(crate) fn text(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{args:?}");
        ran.out
    }
}

/// What a run said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            status: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}

/// Real lines of a scenario.
pub(crate) fn lines(scenario: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lines").join(format!("{scenario}.jsonl"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Says that a test does not run, past the capture of its output.
pub(crate) fn skip(reason: &str) {
    std::io::Write::write_all(&mut std::io::stderr(), format!("SKIPPED: {reason}\n").as_bytes()).ok();
}

/// Holds values to a published schema that allows nothing beside what it names.
pub(crate) fn assert_schema(name: &str, values: &[serde_json::Value]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schemas").join(format!("{name}.json"));
    let mut schema = serde_json::from_str(&fs::read_to_string(path).expect("a schema")).expect("JSON");
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    assert!(!values.is_empty(), "nothing to hold to `{name}`");
    for value in values {
        let errors: Vec<_> = validator.iter_errors(value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

/// Forbids fields that the schema does not name.
fn close(schema: &mut serde_json::Value) {
    match schema {
        serde_json::Value::Object(fields) => {
            if fields.contains_key("properties") {
                fields.entry("additionalProperties").or_insert(false.into());
            }
            fields.values_mut().for_each(close);
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(close),
        _ => {}
    }
}

/// Lines of a death that nobody hears of, in which every text of the program is this one.
pub(crate) fn hostile(evil: &str) -> String {
    lines("thread-handle-dropped")
        .replace("nobody is told", evil)
        .replace("\"thread\":\"worker\"", &format!("\"thread\":\"{evil}\""))
        .replace("agent_demo::scenarios", evil)
        .replace("agent-demo/src/scenarios", evil)
        .replace("\"host\":\"vm\"", &format!("\"host\":\"{evil}\""))
        .replace(",\"breadcrumbs\":[]", "")
        .replace(
            "\"labels\":{}",
            &format!("\"labels\":{{\"{evil}\":\"{evil}\"}},\"breadcrumbs\":[{}]", breadcrumb(evil, evil)),
        )
}

/// A breadcrumb as it stands in a line.
pub(crate) fn breadcrumb(target: &str, message: &str) -> String {
    format!(
        "{{\"age_ns\":2500000,\"level\":\"warn\",\"target\":\"{target}\",\"message\":\"{message}\",\"cut\":false}}"
    )
}

/// The first id in a text.
pub(crate) fn id_of(scenario: &str) -> String {
    let text = lines(scenario);
    let panic = text.lines().find(|line| line.contains("\"kind\":\"panic\"")).expect("a panic");
    let value: serde_json::Value = serde_json::from_str(panic).expect("JSON");
    value["id"].as_str().expect("an id").to_owned()
}
