//! Bugsink, a tracker that takes the protocol of Sentry: its issues are our incidents, and `handled` is what the log says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::receivers::{MANY, event_id, fill, free_port, ship, start};
use crate::support::Place;

/// Where its address stands in what is prepared.
const PORT: &str = "18010";

/// A database with one project, made once.
fn prepare(venv: &Path) {
    let made = venv.join("made");
    if made.join("dsn").exists() {
        return;
    }
    // Left by a run that ended early.
    let _gone = fs::remove_dir_all(&made);
    fs::create_dir_all(&made).expect("a directory");
    let run = |program: &str, args: &[&str]| {
        let output = Command::new(venv.join("bin").join(program)).args(args).current_dir(&made).output();
        let output = output.expect("it runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("a text")
    };
    run("bugsink-create-conf", &["--template=local", "--host", "127.0.0.1", "--port", PORT]);
    let path = made.join("bugsink_conf.py");
    let conf = fs::read_to_string(&path).expect("its configuration");
    // It asks its makers for news otherwise.
    fs::write(&path, conf.replace("BUGSINK = {", "BUGSINK = {\n    \"PHONEHOME\": False,")).expect("a file");
    run("bugsink-manage", &["migrate"]);
    let project = "from teams.models import Team; from projects.models import Project; \
                   print(Project.objects.create(name='p', team=Team.objects.create(name='t')).dsn)";
    let said = run("bugsink-manage", &["shell", "-c", project]);
    let dsn = said.split_whitespace().find(|word| word.starts_with("http://")).expect("a DSN");
    fs::write(made.join("dsn"), dsn).expect("a file");
}

pub(crate) fn bugsink(venv: &Path) {
    prepare(venv);
    let place = Place::new();
    let port = free_port();
    for name in ["bugsink_conf.py", "db.sqlite3", "dsn"] {
        fs::copy(venv.join("made").join(name), place.path(name)).expect("a copy");
    }
    for name in ["bugsink_conf.py", "dsn"] {
        let text = fs::read_to_string(place.path(name)).expect("a text");
        place.put(name, &text.replace(PORT, &port.to_string()));
    }
    let mut gunicorn = Command::new(venv.join("bin/gunicorn"));
    gunicorn.args(["--bind", &format!("127.0.0.1:{port}"), "--workers", "1", "bugsink.wsgi"]);
    let receiver = start(&place, gunicorn.env("DJANGO_SETTINGS_MODULE", "bugsink_conf"), port);
    let filled = fill(&place, MANY);
    place.configure(&format!(
        "kind = \"sentry\"\ndsn_file = \"{}\"\ntimeout = \"60s\"\n",
        place.path("dsn").display()
    ));
    ship(&place, filled.records());
    drop(receiver);

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ship/bugsink_read.py");
    let output = Command::new(venv.join("bin/python")).arg(script).current_dir(place.path("")).output();
    let output = output.expect("python runs");
    let text = String::from_utf8(output.stdout).expect("a text");
    let events: BTreeMap<String, Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .map(|event| (event["event"].as_str().expect("an id").to_owned(), event))
        .collect();
    assert_eq!(events.len(), filled.records(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut handled = BTreeSet::new();
    for (id, word) in &filled.told {
        let event = &events[&event_id(id)];
        assert_eq!(event["issue"], events[&event_id(&word.incident)]["issue"], "{id}");
        assert_eq!(event["handled"], if word.handled { "true" } else { "false" }, "{id}");
        let level = match word.severity {
            13 => "warning",
            17 => "error",
            _ => "fatal",
        };
        assert_eq!(event["level"], level, "{id}");
        handled.insert(word.handled);
    }
    assert_eq!(handled.len(), 2);
    let issues: BTreeSet<String> = events.values().map(|event| event["issue"].to_string()).collect();
    assert_eq!(issues.len(), 14, "ten scenarios, two findings, losses, a death");
}
