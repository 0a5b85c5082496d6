//! Variables that are understood, and those that are not.

use std::ffi::OsString;

use super::*;

fn with(variables: &[(&str, &str)]) -> (Options, Vec<EnvWarning>) {
    let mut options = Options::default();
    let warnings = apply(VARIABLES, &mut options, |name| {
        variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(*value))
    });
    (options, warnings)
}

#[test]
fn good_values_win() {
    let (options, warnings) = with(&[
        ("PANIC_AGENT", "off"),
        ("PANIC_AGENT_FILE", "stderr"),
        ("PANIC_AGENT_SERVICE", "billing"),
        ("PANIC_AGENT_LABELS", "zone=eu, rack=7"),
        ("PANIC_AGENT_CONSOLE", "pretty"),
        ("PANIC_AGENT_SYMBOLS", "off"),
        ("PANIC_AGENT_PROBES", "off"),
        ("PANIC_AGENT_SPOOL", "/run/spools"),
        ("PANIC_AGENT_DEBUG_DIR", DEBUG_DIRECTORIES.0),
        ("PANIC_AGENT_MAX_REPORT_BYTES", "8192"),
        ("PANIC_AGENT_OVERFLOW", "block:250"),
        ("PANIC_AGENT_FOLD", "5 / 10"),
        ("PANIC_AGENT_FILE_TRUST", "any"),
        ("PANIC_AGENT_ROTATE_BYTES", "65536"),
        ("PANIC_AGENT_ROTATE_SECONDS", "86400"),
        ("PANIC_AGENT_ROTATE_KEEP", "3"),
        ("PANIC_AGENT_STACKS", "once"),
        ("PANIC_AGENT_SLOTS", "16"),
        ("PANIC_AGENT_FLUSH_MS", "100"),
        ("PANIC_AGENT_SETTLE_MS", "0"),
        ("PANIC_AGENT_INHERIT_LABELS", "on"),
        ("PANIC_AGENT_SPAWN_PLACES", "on"),
    ]);
    assert_eq!(warnings, []);
    assert!(!options.enabled);
    assert!(matches!(options.outputs[..], [Output::Stderr]));
    assert_eq!(options.service.as_deref(), Some("billing"));
    let labels = [("zone".to_owned(), "eu".to_owned()), ("rack".to_owned(), "7".to_owned())];
    assert_eq!(options.labels, labels);
    assert_eq!(options.console, Console::Pretty);
    assert_eq!(options.symbols, Symbols::Off);
    assert_eq!(options.probes, Probes::Off);
    assert_eq!(options.spool, Spool::Directory("/run/spools".into()));
    assert_eq!(options.max_report_bytes, 8192);
    assert_eq!(options.overflow, Overflow::Block(Duration::from_millis(250)));
    assert_eq!(options.folding, Some(Folding::after(5).every(Duration::from_secs(10))));
    assert_eq!(options.trust, FileTrust::Any);
    let day = Duration::from_secs(86_400);
    assert_eq!(options.rotation, crate::sink::Rotation::never().at_bytes(65_536).after(day).keep(3));
    assert_eq!(options.stacks, crate::sink::Stacks::Once);
    assert_eq!(options.slots, 16);
    assert_eq!(options.flush_deadline, Duration::from_millis(100));
    assert_eq!(options.settle, Duration::ZERO);
    assert_eq!(options.debug_directories, DEBUG_DIRECTORIES.1.map(PathBuf::from));
    assert_eq!(options.inherit_labels, InheritLabels::FromSpawner);
    assert_eq!(options.spawn_places, SpawnPlaces::On);
}

#[test]
fn a_bad_value_names_the_variable_the_value_and_what_is_accepted_and_changes_nothing() {
    for (name, bad) in [
        ("PANIC_AGENT", "maybe"),
        ("PANIC_AGENT_FILE", ""),
        ("PANIC_AGENT_SERVICE", ""),
        ("PANIC_AGENT_LABELS", "zone"),
        ("PANIC_AGENT_LABELS", "=eu"),
        ("PANIC_AGENT_CONSOLE", "loud"),
        ("PANIC_AGENT_SYMBOLS", "some"),
        ("PANIC_AGENT_PROBES", "some"),
        ("PANIC_AGENT_SPOOL", ""),
        ("PANIC_AGENT_DEBUG_DIR", "/srv/debug:here"),
        ("PANIC_AGENT_MAX_REPORT_BYTES", "100"),
        ("PANIC_AGENT_OVERFLOW", "block"),
        ("PANIC_AGENT_OVERFLOW", "block:soon"),
        ("PANIC_AGENT_FOLD", "some"),
        ("PANIC_AGENT_FOLD", "0/5"),
        ("PANIC_AGENT_FOLD", "5/0"),
        ("PANIC_AGENT_FILE_TRUST", "all"),
        ("PANIC_AGENT_ROTATE_BYTES", "4095"),
        ("PANIC_AGENT_ROTATE_SECONDS", "1h"),
        ("PANIC_AGENT_ROTATE_KEEP", "0"),
        ("PANIC_AGENT_STACKS", "twice"),
        ("PANIC_AGENT_SLOTS", "0"),
        ("PANIC_AGENT_SLOTS", "65537"),
        ("PANIC_AGENT_FLUSH_MS", "-1"),
        ("PANIC_AGENT_SETTLE_MS", "60001"),
        ("PANIC_AGENT_SETTLE_MS", "soon"),
        ("PANIC_AGENT_INHERIT_LABELS", "some"),
        ("PANIC_AGENT_SPAWN_PLACES", "all"),
    ] {
        let (options, warnings) = with(&[(name, bad)]);
        let text = warnings.first().expect(name).to_string();
        assert!(text.contains(name) && text.contains(bad) && text.contains("accepted:"), "{text}");
        assert!(options.outputs.is_empty() && options.labels.is_empty() && options.enabled);
        assert_eq!((options.rotation, options.trust), Default::default());
        assert_eq!(options.folding, None);
        assert_eq!(options.stacks, crate::sink::Stacks::Each);
        assert_eq!(options.slots, DEFAULTS.0);
        assert_eq!(options.max_report_bytes, DEFAULTS.1);
        assert_eq!(options.settle, Duration::from_millis(20));
        assert_eq!(options.inherit_labels, InheritLabels::Off);
        assert_eq!(options.spawn_places, SpawnPlaces::Off);
    }
}

#[test]
fn off_switches_off_what_the_code_has_switched_on() {
    let rotation = crate::sink::Rotation::never().at_bytes(8192).after(Duration::from_secs(5));
    let mut options = Options { folding: Some(Folding::after(1)), rotation, ..Options::default() };
    apply(VARIABLES, &mut options, |name| {
        ["PANIC_AGENT_FOLD", "PANIC_AGENT_ROTATE_BYTES", "PANIC_AGENT_ROTATE_SECONDS"]
            .contains(&name)
            .then(|| "off".into())
    });
    assert_eq!((options.folding, options.rotation), (None, crate::sink::Rotation::never()));
}

/// As the variable has them, and one by one.
const DEBUG_DIRECTORIES: (&str, [&str; 2]) = if cfg!(windows) {
    (r"C:\debug;D:\debug", [r"C:\debug", r"D:\debug"])
} else {
    ("/srv/debug:/opt/debug", ["/srv/debug", "/opt/debug"])
};
const DEFAULTS: (usize, usize) = (256, 30 * 1024);

#[test]
fn the_file_variable_replaces_the_file_and_keeps_other_sinks() {
    struct Null;
    impl crate::Sink for Null {
        fn write(&mut self, _: &crate::sink::EncodedLine<'_>) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut options = Options::default();
    options.outputs.push(Output::File("a".into()));
    options.outputs.push(Output::Sink(Box::new(Null)));
    apply(VARIABLES, &mut options, |name| (name == "PANIC_AGENT_FILE").then(|| "b".into()));
    assert!(matches!(&options.outputs[..], [Output::File(path), Output::Sink(_)] if path.as_os_str() == "b"));
}

#[test]
fn the_page_says_of_each_variable_what_the_table_does() {
    const PAGE: &str = include_str!("../../../docs/configuration.md");
    for Variable { name, accepted, .. } in VARIABLES {
        let row = PAGE.lines().find(|line| line.contains(&format!("| `{name}` |"))).expect(name);
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [.., default, says] = cells[..] else { panic!("{row}") };
        assert!(says.starts_with(accepted), "{name}: the page says `{says}`, the table `{accepted}`");
        // The first word, where it is one that could be set.
        let word = default.split(' ').next().unwrap_or_default();
        if word.starts_with(|first: char| first == '`' || first.is_ascii_digit()) {
            assert_eq!(with(&[(name, word.trim_matches('`'))]).1, [], "{name}: the default of the page");
        }
    }
}
