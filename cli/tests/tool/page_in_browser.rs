//! The page of `panic-agent report` in a real browser, driven by playwright: what it loads, what can be read and done.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::packages;
use crate::page::{chromium, page};
use crate::support::{Place, hostile, id_of, lines, skip};

/// What drives the browser, and the rules of accessibility. Browsers of its own it has none.
const PACKAGES: [&str; 2] = ["playwright-core@1.65.1", "axe-core@4.14.1"];

/// The path of a browser, and the directory of the packages. Without them it is said why, and nothing is tested.
fn browser() -> Option<(PathBuf, PathBuf)> {
    let Some(name) = chromium() else {
        skip("there is no chromium");
        return None;
    };
    let places = std::env::var_os("PATH")?;
    let path = std::env::split_paths(&places).map(|place| place.join(name)).find(|path| path.is_file())?;
    match packages::npm("page-npm", &PACKAGES) {
        Ok(packages) => Some((path, packages)),
        Err(why) => {
            skip(&why);
            None
        }
    }
}

/// Puts a question to a page; `browser.js` has them.
fn ask((browser, packages): &(PathBuf, PathBuf), place: &Place, question: &str, html: &str) -> Value {
    let name = format!("{question}.html");
    place.put(&name, html);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tool/browser.js");
    let mut node = Command::new("node");
    node.arg(script).arg(packages).arg(browser).arg(question).arg(place.path(&name));
    let output = node.output().expect("node runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{question}: {said}");
    serde_json::from_slice(&output.stdout).expect("an answer")
}

/// A page with a chain, a silent death, and a finding, among others.
fn story(place: &Place) -> String {
    for scenario in ["thread-join-unwrapped", "thread-handle-dropped", "hook-replaced", "tokio-join-read"] {
        place.put(&format!("{scenario}.jsonl"), lines(scenario));
    }
    page(place, &["."])
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn number(value: &Value) -> i64 {
    value.as_i64().expect("a number")
}

#[test]
fn the_page_asks_for_nothing_and_its_script_fails_on_no_page() {
    let Some(browser) = browser() else { return };
    let place = Place::new(&[]);
    let nothing = serde_json::json!({"requests": [], "errors": [], "dialogs": []});
    let whole = story(&place);
    assert_eq!(ask(&browser, &place, "loads", &whole), nothing);
    // Without a group there is no filter.
    place.put("none.jsonl", "");
    let none = page(&place, &["none.jsonl"]);
    assert!(none.contains("No panics.") && !none.contains("<input"), "{none}");
    assert_eq!(ask(&browser, &place, "loads", &none), nothing);

    // The twin: what a page could ask for if it had no policy and its texts were markup.
    let asks = "<img src=\"http://127.0.0.1:9/x\" onerror=\"alert(1)\"><script>throw 'up'</script>";
    let other = format!("<main>{asks}</main>");
    let seen = ask(&browser, &place, "loads", &other);
    assert_eq!(
        seen,
        serde_json::json!({"requests": ["http://127.0.0.1:9/x"], "errors": ["up"], "dialogs": ["1"]})
    );
    // And with the policy of the page, where it would stand in the page.
    let seen = ask(&browser, &place, "loads", &whole.replace("<h2>Groups", &format!("{asks}<h2>Groups")));
    assert_eq!((&seen["requests"], &seen["dialogs"]), (&nothing["requests"], &nothing["dialogs"]), "{seen}");
}

#[test]
fn hostile_texts_do_nothing_in_a_real_browser() {
    let Some(browser) = browser() else { return };
    let place = Place::new(&[]);
    let evil =
        r"</script></style><img src=http://127.0.0.1:9/ onerror=alert(1)>\u0022 onclick=\u0022alert(2)";
    place.put("evil.jsonl", hostile(evil));
    let whole = page(&place, &["evil.jsonl"]);
    let seen = ask(&browser, &place, "loads", &whole);
    assert_eq!(seen, serde_json::json!({"requests": [], "errors": [], "dialogs": []}));
    let seen = ask(&browser, &place, "without_script", &whole);
    let shown = "</script></style><img src=http://127.0.0.1:9/ onerror=alert(1)>\" onclick=\"alert(2)";
    assert!(text(&seen["folded"]).contains(shown), "it is shown: {seen}");
}

#[test]
fn everything_can_be_read_without_javascript() {
    let Some(browser) = browser() else { return };
    let place = Place::new(&[]);
    let seen = ask(&browser, &place, "without_script", &story(&place));
    assert_eq!(seen["filter"], false, "what needs the script is not shown");
    for told in ["nobody is told", "the real cause", "not heard", "the task dies seen", "hook_replaced"] {
        assert!(text(&seen["folded"]).contains(told), "{told}: {seen}");
    }
    for told in ["CATCHES", "not reached", "Then, ", "thread worker"] {
        assert!(text(&seen["unfolded"]).contains(told), "{told}: {seen}");
        assert!(!text(&seen["folded"]).contains(told), "{told} is folded at first");
    }
}

#[test]
fn axe_finds_nothing_in_both_schemes_wide_and_narrow_folded_and_unfolded() {
    let Some(browser) = browser() else { return };
    let place = Place::new(&["catch-swallowed"]);
    crate::page::checked(&place, "catch-swallowed.jsonl");
    std::fs::remove_file(place.path("catch-swallowed.jsonl")).unwrap();
    story(&place);
    let whole = page(&place, &[".", "--crosscheck", "crosscheck.json"]);
    let seen = ask(&browser, &place, "axe", &whole);
    let ran = seen["ran"].as_array().unwrap();
    assert!(ran.len() == 8 && ran.iter().all(|rules| number(rules) > 15), "{seen}");
    assert_eq!(seen["found"], serde_json::json!([]), "{:#}", seen["found"]);

    // The twin: a level of headings is left out, and a text is too pale.
    let worse = whole.replace("h3>", "h5>").replace("--dim:#5f6368", "--dim:#ccc");
    let hash = crate::page::style_hash(&worse);
    let worse = worse.replacen(&crate::page::style_hash(&whole), &hash, 1);
    let found = ask(&browser, &place, "axe", &worse)["found"].to_string();
    assert!(found.contains("heading-order") && found.contains("color-contrast"), "{found}");
}

#[test]
fn the_page_is_dark_where_the_system_is_and_light_on_paper() {
    let Some(browser) = browser() else { return };
    let place = Place::new(&[]);
    let whole = story(&place);
    let seen = ask(&browser, &place, "colours", &whole);
    assert_eq!(
        seen,
        serde_json::json!({
            "light": {"background": "rgb(255, 255, 255)", "text": "rgb(26, 26, 26)"},
            "dark": {"background": "rgb(21, 23, 26)", "text": "rgb(230, 230, 230)"},
        })
    );
    let seen = ask(&browser, &place, "print", &whole);
    assert_eq!((&seen["background"], &seen["text"]), (&"rgb(255, 255, 255)".into(), &"rgb(0, 0, 0)".into()));
    assert_eq!(seen["word"], "rgb(179, 38, 30)", "the colours of the light scheme");
    assert_eq!((&seen["pdf"], &seen["filter"]), (&"%PDF-".into(), &false.into()));
    for told in ["CATCHES", "Then, ", "thread worker"] {
        assert!(text(&seen["paper"]).contains(told), "{told} is on paper: {seen}");
        assert!(!text(&seen["screen"]).contains(told), "and folded on the screen");
    }
}

#[test]
fn keys_filter_and_move_and_open() {
    let Some(browser) = browser() else { return };
    let place = Place::new(&[]);
    let seen = ask(&browser, &place, "keys", &story(&place));
    assert_eq!((&seen["start"], &seen["slash"]), (&(-1).into(), &"filter".into()), "{seen}");
    assert_eq!((&seen["filtered"], &seen["said"]), (&0.into(), &"0 of 5 shown".into()), "{seen}");
    assert_eq!((&seen["address"], &seen["all"]), (&"#q=nothing-has-this".into(), &5.into()), "{seen}");
    let moves = ["escape", "j", "jj", "k"].map(|key| seen[key].as_i64());
    assert_eq!(moves, [Some(-1), Some(0), Some(1), Some(0)], "{seen}");
    assert_eq!((&seen["open"], &seen["inside"]), (&true.into(), &true.into()), "{seen}");
}

#[test]
fn nothing_is_wider_than_a_small_or_a_magnified_window() {
    let Some(browser) = browser() else { return };
    let place = Place::new(&[]);
    let whole = story(&place);
    let fits = |seen: &Value, name: &str| number(&seen[name]["content"]) <= number(&seen[name]["room"]);
    let seen = ask(&browser, &place, "widths", &whole);
    for name in ["narrow", "zoomed", "large_text"] {
        assert!(fits(&seen, name), "{name}: {seen}");
    }
    // The twin: what may break anywhere does not.
    let wider = whole.replace("overflow-wrap:anywhere", "white-space:pre").replace("overflow-x:auto", "");
    let wider = wider.replacen(&crate::page::style_hash(&whole), &crate::page::style_hash(&wider), 1);
    let seen = ask(&browser, &place, "widths", &wider);
    assert!(!fits(&seen, "narrow"), "{seen}");
}

/// Two hundred groups of five incidents: threads whose handle is dropped, catches, and tasks.
fn thousand(place: &Place) -> String {
    let mut all = String::new();
    let scenarios = ["thread-handle-dropped", "catch-swallowed", "tokio-join-read"];
    for number in 0..1000_i64 {
        let group = number % 200;
        let scenario = scenarios[usize::try_from(group).unwrap() % 3];
        let instance = id_of(scenario)[..16].to_owned();
        for line in lines(scenario).lines() {
            let line = line.replace(&instance, &format!("{:016x}", number + 1));
            let mut line: Value = serde_json::from_str(&line).expect("JSON");
            if let Some(cause) = line["fingerprint"].as_str() {
                line["fingerprint"] = format!("{}{group:08x}", &cause[..8]).into();
            }
            if let Some(message) = line["message"].as_str() {
                line["message"] = format!("{message} {group}").into();
            }
            // Each group has a stack of its own.
            for frame in line["frames"].as_array_mut().into_iter().flatten() {
                if let (Some(true), Some(line)) = (frame["in_app"].as_bool(), frame["line"].as_i64()) {
                    frame["line"] = (line + group).into();
                }
            }
            line["ts_ms"] = (self::number(&line["ts_ms"]) + number * 60_000).into();
            all.push_str(&line.to_string());
            all.push('\n');
        }
    }
    place.put("thousand.jsonl", all);
    page(place, &["thousand.jsonl"])
}

/// Past the capture of the output.
fn tell(text: &str) {
    std::io::Write::write_all(&mut std::io::stderr(), format!("a thousand incidents: {text}\n").as_bytes())
        .ok();
}

#[test]
fn a_thousand_incidents_are_told_in_full_in_a_page_that_opens_at_once() {
    let place = Place::new(&[]);
    let whole = thousand(&place);
    tell(&format!("{} kB", whole.len() / 1000));
    assert_eq!(whole.matches("<details id=\"i-").count(), 1000);
    assert!(whole.len() < 5_000_000, "{}", whole.len());
    // Each stack stands there once, and the others lead to it.
    let (stacks, links) =
        (whole.matches("<details open id=\"s-").count(), whole.matches("href=\"#s-").count());
    assert_eq!((stacks, stacks + links), (200, 1000));
    // The groups at the top have their line as JSON, and the others say how to see it.
    let (with, without) =
        (whole.matches("<details class=\"raw\">").count(), whole.matches("view --json --incident").count());
    assert!(with > 20 && without > 20 && with + without == 200, "{with} with, {without} without");
    let Some(browser) = browser() else { return };
    let seen = ask(&browser, &place, "speed", &whole);
    tell(&seen.to_string());
    // Well under a second on a machine with nothing else to do, and bounded for one that has.
    assert!(
        seen["paint"].as_f64().unwrap() < 10_000.0 && seen["loaded"].as_f64().unwrap() < 10_000.0,
        "{seen}"
    );
    assert!(number(&seen["size"]) > 10_000, "{seen}");
}
