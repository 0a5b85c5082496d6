//! Every bad value is an error that names key, value, place and what to do.

use super::*;

fn failure(text: &str) -> String {
    match Config::parse(Path::new("/etc/ship.toml"), text) {
        Ok(config) => panic!("{text} reads as {config:?}"),
        Err(failure) => failure.to_string(),
    }
}

const HEAD: &str = "log = \"p.jsonl\"\nstate = \"s\"\n";

#[test]
fn a_small_file_has_the_defaults_and_paths_beside_it() {
    let text = format!("{HEAD}[[destination]]\nkind = \"stdout\"\n");
    let config = Config::parse(Path::new("/etc/ship.toml"), &text).unwrap();
    assert_eq!(
        (config.log.as_path(), config.state.as_path()),
        (Path::new("/etc/p.jsonl"), Path::new("/etc/s"))
    );
    assert_eq!((config.hold, config.memory, config.from_end), (HOLD, MEMORY, false));
    let route = config.routes.first().unwrap();
    assert_eq!((route.name.as_str(), route.batch, route.pause), ("stdout", 256, PAUSE));
}

#[test]
fn each_bad_value_names_place_key_value_and_what_to_do() {
    let http = "[[destination]]\nkind = \"http\"\nurl = \"http://127.0.0.1:1/\"\n";
    let cases = [
        (
            format!("{HEAD}hold = \"soon\"\n"),
            "/etc/ship.toml:3:8: `hold = \"soon\"`: this is not a duration; write",
        ),
        (format!("{HEAD}hold = 2\n"), ":3:8: `hold = 2`: this is not a string"),
        (format!("{HEAD}memory = \"1MB\"\n"), "`memory = \"1MB\"`: this is not a size; write `512KiB`"),
        (format!("{HEAD}from = \"here\"\n"), "`from = \"here\"`: say one of: beginning, end"),
        (HEAD.to_owned(), "there is no destination; add"),
        ("state = \"s\"\n".to_owned(), "the key `log` is missing; add `log = "),
        (format!("{HEAD}[[destination]]\n"), "the key `kind` is missing; add `kind = "),
        (format!("{HEAD}[[destination]]\nkind = \"loky\"\n"), ":4:8: `kind = \"loky\"`: say one of: stdout"),
        (format!("{HEAD}{http}batch = 0\n"), ":6:9: `batch = 0`: say a whole number from 1 to 100000"),
        (format!("{HEAD}{http}batch = \"9\"\n"), "`batch = \"9\"`: say a whole number"),
        (format!("{HEAD}{http}gzip = \"yes\"\n"), "`gzip = \"yes\"`: write `true` or `false`"),
        (format!("{HEAD}{http}name = \"a/b\"\n"), "`name = \"a/b\"`: it names files"),
        (
            format!("{HEAD}{http}colour = 1\n"),
            ":6:1: `colour`: unknown key; the keys of this table are backoff_max,",
        ),
        (format!("{HEAD}{http}{http}"), "two destinations `http`; give each its own `name`"),
        (
            format!("{HEAD}{http}token_env = \"NO_SUCH_VARIABLE\"\n"),
            "the environment has no `NO_SUCH_VARIABLE`",
        ),
        (format!("{HEAD}[[destination]]\nkind = \"http\"\nurl = \"ftp://x\"\n"), "`url = \"ftp://x\"`: "),
        (format!("{HEAD}[destination]\nkind = \"http\"\n"), "begin each with `[[destination]]`"),
        (format!("{HEAD}{http}headers = {{ a = 1 }}\n"), "`a = 1`: this is not a string"),
        (format!("{HEAD}x\n"), "/etc/ship.toml:3:2: this is not valid TOML: "),
    ];
    for (text, expected) in cases {
        let failure = failure(&text);
        assert!(failure.contains(expected), "{failure}\nshould have: {expected}");
    }
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let lines = [
        "url = \"http://me:hunter2@127.0.0.1:1/\"",
        "url = \"http://127.0.0.1:1/\"\nheaders = { Authorization = \"Bearer hunter2\" }",
        "url = \"http://127.0.0.1:1/\"\nheaders = { X-Api-Key = \"hunter2\" }",
        "url = \"http://127.0.0.1:1/\"\ntoken = \"hunter2\"",
    ];
    for line in lines {
        let failure = failure(&format!("{HEAD}[[destination]]\nkind = \"http\"\n{line}\n"));
        assert!(!failure.contains("hunter2"), "{failure}");
        assert!(failure.contains("file") || failure.contains("those are"), "{failure}");
    }
}

#[test]
fn every_configuration_of_the_page_can_be_used() {
    let dir = tempfile::tempdir().unwrap();
    for (name, secret) in [("sentry-dsn", "http://k@127.0.0.1/1"), ("store-token", "t")] {
        std::fs::write(dir.path().join(name), secret).unwrap();
    }
    let page = include_str!("../../../../docs/shipping.md");
    let blocks: Vec<_> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 2);
    let mut kinds = std::collections::BTreeSet::new();
    for block in blocks {
        let text = block.replace("/run/secrets", &dir.path().display().to_string());
        let config =
            Config::parse(Path::new("ship.toml"), &text).unwrap_or_else(|why| panic!("{why}\n{text}"));
        assert!(!config.routes.is_empty());
        kinds.extend(
            text.lines()
                .filter_map(|line| line.strip_prefix("kind = \"")?.split('"').next())
                .map(str::to_owned),
        );
    }
    let known: std::collections::BTreeSet<_> = destination::KINDS.map(str::to_owned).into();
    assert_eq!(kinds, known, "each kind is shown");
    for kind in destination::KINDS {
        assert!(page.contains(&format!("`{kind}`")), "{kind}");
    }
}
