//! The schema is a contract: real lines, the normative page and the JSON Schema must name the same fields.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;
use crate::config::Folding;
use crate::harness::{Said, Word};
use crate::probe::{Event, Keeper, Trace};
use crate::record::finding::Finding;
use crate::record::{NamedFrame, *};
use crate::report::process_lines::test_line;
use crate::sink::MemorySink;
use crate::testing::fake_probes::{FakeProbes, PROGRAM, named};
use crate::testing::samples::*;

const PAGE: &str = include_str!("../../docs/record-schema.md");
const SCHEMA: &str = include_str!("../../docs/record-schema.json");

/// Real lines of every kind. Reports: a full one that landed before its line was made, one that lacks nearly
/// everything, one that aborts, one that lands later, one that the end of the process cuts short.
fn real_lines() -> Vec<Value> {
    let (inbox, sink) = (Channel::leaked(), MemorySink::new());
    let options = Options { symbols: Symbols::Off, ..Options::default() };
    let mut config =
        WriterConfig::new(0xabc, options, vec![Box::new(sink.clone())], Box::new(FakeSurroundings));
    config.options.folding = Some(Folding::after(3));
    config.options.stacks = crate::sink::Stacks::Once;
    let probes = FakeProbes::new(64);
    config.sight.events = Some(probes.queue);
    // Without probes and symbols there is none on some platforms.
    config.abilities.can("spool");
    let (mut worker, handle) = by_hand(inbox, config);
    let tid = raw_record().tid;
    probes.spawned(tid, tid - 1, &[NAMELESS, PROGRAM]);
    probes.raised(tid, 1, 0);
    probes.landed(tid, 1, 5);
    // Inside of the program's function is one without a name.
    let place = [NAMELESS, PROGRAM];
    probes.send(tid, Event::Dropped { panic: named(1), payload: 0, reads: 0 }, &place);
    inbox.publish(raw_record());
    let mut poor = RawRecord::boxed();
    poor.sequence = 2;
    inbox.publish(poor);
    let mut nested = numbered(3);
    nested.nested_in = 1;
    nested.set_flag(RawFlag::CannotUnwind);
    inbox.publish(nested);
    for sequence in [4, 5] {
        let mut record = numbered(sequence);
        record.tid += sequence as u32;
        probes.started(record.tid, tid);
        probes.raised(record.tid, sequence, 0);
        inbox.publish(record);
    }
    inbox.publish(numbered(6));
    evidence(&probes, 7);
    (7..=10).map(apart).for_each(|record| _ = inbox.publish(record));
    while worker.turn().is_none() {}
    evidence(&probes, 9);
    probes.landed(tid + 4, 4, 5);
    probes.send(tid, Event::Read { panic: named(4), payload: 0, nth: 1 }, &place);
    probes.dropped(tid, 4, 1);
    let caller = NamedFrame { function: Some("app::main".to_owned()), ..NamedFrame::default() };
    let stack = vec!["app+0x10".to_owned()];
    worker.find(Finding::hook_replaced(&[caller]).with_stack(stack, None));
    worker.find(Finding::raise_without_hook(4, true));
    worker.find(Finding::unbalanced(4, "landed_without_throw"));
    inbox.losses.record(LossReason::PoolFull);
    inbox.loss_sites.record("src/main.rs", 12, 5);
    handle.finish(core::time::Duration::ZERO);
    while worker.turn().is_none() {}
    let words = [
        Word::Planned(2),
        Word::Finished { name: "tests::adds".to_owned(), result: TestResult::Failed, should_panic: true },
    ];
    let said = |what| Said { mono_ns: 78, what };
    let tests = words.map(|word| serde_json::to_value(test_line(&mut builder(None), said(word))).unwrap());
    let lines = sink.lines().into_iter().map(|line| serde_json::from_str(&line).unwrap());
    lines.flat_map(with_test).chain(tests).chain(deaths()).collect()
}

/// A panic of its own thread and fingerprint.
fn apart(sequence: u64) -> Box<RawRecord> {
    let mut record = numbered(sequence);
    record.tid += sequence as u32;
    record.message.set(["first", "second", "third", "fourth"][sequence as usize % 4]);
    record
}

/// A wrapper drops this panic unseen; and the next one, which nobody can follow, it hands on.
fn evidence(probes: &FakeProbes, sequence: u64) {
    let of = |sequence| (apart(sequence).tid, named(sequence));
    let (tid, panic) = of(sequence);
    probes.raised(tid, sequence, 0);
    probes.landed(tid, sequence, 5);
    probes.send(tid + 100, Event::Disposed { panic, by: Keeper::Wrapper }, &[PROGRAM]);
    let (tid, panic) = of(sequence + 1);
    let raised = Event::Raised {
        panic,
        exception: 0,
        payload: 0,
        vtable: 0,
        trace: Trace::ZeroSized,
        hops: 0,
        walked: false,
    };
    probes.send(tid, raised, &[]);
    probes.landed(tid, sequence + 1, 5);
    probes.send(tid + 100, Event::Handed { panic }, &[]);
}

/// The line of a supervisor, bare and with everything in it.
fn deaths() -> [Value; 2] {
    let mut death = crate::recovery::death(4711, None);
    let bare = serde_json::to_value(&death).unwrap();
    let panic = "00000000000000ab-1".parse().unwrap();
    death.panics = vec![LastPanic::new(panic, Some("the last one".to_owned()), Fate::Aborted)];
    death.command = vec!["app".to_owned()];
    death.usage = Some(DeathUsage::new(1, 2, 3));
    [bare, serde_json::to_value(&death).unwrap()]
}

/// The line, and what it is in an audited harness.
fn with_test(line: Value) -> Vec<Value> {
    let mut audited = line.clone();
    match audited.get_mut("test") {
        None => vec![line],
        Some(test) => {
            let known = TestRef::known("tests::adds", TestEvidence::Lineage);
            let owner = Some("tests::first".to_owned());
            *test = serde_json::to_value(TestRef { first_owner: owner, ended: Some(true), ..known }).unwrap();
            vec![line, audited]
        }
    }
}

fn kind(line: &Value) -> String {
    line["kind"].as_str().unwrap().to_owned()
}

/// Paths of every field of a value, in the page's spelling.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = if path == "labels" || path == "fates" { "*" } else { name };
                let inner = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                found.insert(inner.clone());
                paths(value, &inner, found);
            }
        }
        Value::Array(values) => {
            let inner = format!("{path}[]");
            for value in values {
                if !value.is_object() {
                    found.insert(inner.clone());
                }
                paths(value, &inner, found);
            }
        }
        _ => {}
    }
}

/// Field and type of each row, by section of the page.
fn documented() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut sections = BTreeMap::new();
    for section in PAGE.split("\n## ").skip(1) {
        let title = section.lines().next().unwrap().trim_matches('`').to_owned();
        let fields = section.split("\n### ").next().unwrap();
        let rows = fields.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.splitn(3, '|');
            Some((cells.next()?.trim().trim_matches('`').to_owned(), cells.next()?.trim().to_owned()))
        });
        sections.insert(title, rows.collect());
    }
    sections
}

#[test]
fn every_documented_field_occurs_and_every_field_is_documented() {
    let documented = documented();
    let common = &documented["Fields of every line"];
    let lines = real_lines();
    for of in ["process", "panic", "verdict", "finding", "repeats", "test", "losses", "end", "death"] {
        let mut seen = BTreeSet::new();
        lines.iter().filter(|line| kind(line) == of).for_each(|line| paths(line, "", &mut seen));
        let page: BTreeSet<String> = common.keys().chain(documented[of].keys()).cloned().collect();
        assert_eq!(seen, page, "{of}");
    }
}

#[test]
fn only_fields_that_say_so_are_ever_null() {
    let documented = documented();
    for line in real_lines() {
        let rows = documented["Fields of every line"].iter().chain(&documented[&kind(&line)]);
        for (field, of_type) in rows.filter(|(field, _)| !field.contains(['.', '['])) {
            let is_left_out = of_type.contains("or left out") && line.get(field).is_none();
            let may_be_null = is_left_out || of_type.contains("or null");
            assert!(may_be_null || !line[field].is_null(), "{field} of {}", kind(&line));
        }
    }
}

#[test]
fn the_json_schema_accepts_real_lines_and_refuses_broken_ones() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for line in real_lines() {
        let errors: Vec<String> =
            validator.iter_errors(&line).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", kind(&line));
        for field in line.as_object().unwrap().keys() {
            let mut broken = line.clone();
            broken.as_object_mut().unwrap().remove(field);
            let may_be_left_out = ["stack_id", "evidence"].contains(&field.as_str());
            assert_eq!(validator.is_valid(&broken), may_be_left_out, "{} without {field}", kind(&line));
            broken[field] = Value::from(-1.5);
            assert!(!validator.is_valid(&broken), "{} with a wrong {field}", kind(&line));
        }
        let mut later = line.clone();
        later["a_field_of_later"] = Value::from(1);
        assert!(validator.is_valid(&later), "open to new fields");
    }
    let mut named = real_lines().into_iter().find(|line| line.get("stack_id").is_some()).unwrap();
    for field in ["prediction", "stack", "soft_errors", "images", "frames"] {
        assert!(validator.is_valid(&named) == (field == "prediction"), "all of them or none: {field}");
        named.as_object_mut().unwrap().remove(field);
    }
    assert!(validator.is_valid(&named), "another line shows its stack");
    named.as_object_mut().unwrap().remove("stack_id");
    assert!(!validator.is_valid(&named), "no line shows its stack");
    let mut frame = real_lines().into_iter().find(|line| kind(line) == "panic").unwrap();
    frame["frames"][0]["ip"] = Value::from(12);
    assert!(!validator.is_valid(&frame), "nested fields count too");
}

#[test]
fn the_json_schema_names_the_fields_of_the_page() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let documented = documented();
    for (title, rows) in &documented {
        let name = if title.starts_with("Fields") { "line" } else { title };
        for field in rows.keys() {
            let mut node = &schema["$defs"][name];
            for part in field.replace("[]", ".[]").split('.') {
                node = match part {
                    "[]" => &node["items"],
                    "*" => &node["additionalProperties"],
                    name => &node["properties"][name],
                };
            }
            assert!(node.is_object(), "{title}: {field} is not in the JSON Schema");
        }
    }
}

#[test]
fn the_words_of_the_code_are_on_the_page() {
    let sources: [(&str, &[&str], usize); 7] = [
        (include_str!("../verdict/reason.rs"), &["= \""], 26),
        (include_str!("../verdict/tracker/relation.rs"), &[" = \""], 7),
        (include_str!("../verdict/tracker/trail.rs"), &[" = \""], 25),
        (include_str!("../verdict/life/rule.rs"), &[" = \""], 11),
        (include_str!("../probe/ability.rs"), &[" => (\"", "=> {\n                (\"", "return (\""], 9),
        (include_str!("../record/finding.rs"), &["Error, \"", "Warn, \"", "Fatal, \""], 9),
        (include_str!("../harness/owner.rs"), &["&str = \""], 6),
    ];
    for (source, before, least) in sources {
        let source = source.split("#[cfg(test)]").next().unwrap();
        let found: BTreeSet<&str> = before
            .iter()
            .flat_map(|before| source.split(before).skip(1))
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert!(found.len() >= least, "{found:?}");
        for word in found {
            assert!(PAGE.contains(&format!("| `{word}` |")), "{word}");
        }
    }
}
