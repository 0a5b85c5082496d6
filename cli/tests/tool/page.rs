//! `panic-agent report`.

use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::crosscheck::{scan, source, swallowing_catch};
use crate::support::{Place, hostile, id_of, lines, skip};

pub(crate) fn page(place: &Place, args: &[&str]) -> String {
    let ran = place.run(&[&["report", "-o", "-"], args].concat());
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{args:?}");
    ran.out
}

fn between<'t>(text: &'t str, begin: &str, end: &str) -> &'t str {
    text.split_once(begin)
        .and_then(|(_, rest)| rest.split_once(end))
        .map(|(inside, _)| inside)
        .expect("both marks")
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number = group.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * place)) as usize & 63] as char;
            text.push(if place <= group.len() { letter } else { '=' });
        }
    }
    text
}

/// The hash in the policy that allows what stands between these.
fn hash(page: &str, begin: &str, end: &str) -> String {
    base64(&Sha256::digest(between(page, begin, end)))
}

/// The same of the style.
pub(crate) fn style_hash(page: &str) -> String {
    hash(page, "<style>", "</style>")
}

#[test]
fn the_page_tells_the_chain_and_allows_nothing_but_its_own_style_and_script() {
    let place = Place::new(&["thread-join-unwrapped", "thread-handle-dropped", "hook-replaced"]);
    let page = page(&place, &["."]);
    for told in [
        "the real cause",
        "nobody is told",
        "Then, `unwrap` or `expect`",
        "CATCHES",
        "not reached",
        "hook_replaced",
        "What the agents could not see",
        "<span class=\"bad\">SILENT</span>",
    ] {
        assert!(page.contains(&told.replace('\'', "&#39;")), "{told}");
    }
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\">");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    for (begin, end) in [("<style>", "</style>"), ("<script>", "</script>")] {
        let hash = hash(&page, begin, end);
        assert!(
            policy.contains(&format!("'sha256-{hash}'")),
            "{begin} has the hash {hash}, and the policy is {policy}"
        );
        assert_eq!(page.matches(begin).count(), 1);
    }
    let tags = page.split('<').map(|part| part.split('>').next().unwrap_or_default());
    let markup = tags.collect::<Vec<_>>().join("<");
    for outside in [" src=", "href=", "http:", "https:", "url(", "@import", " style="] {
        assert!(!markup.contains(outside), "{outside}");
    }
    let handler = markup.split_whitespace().find(|word| word.starts_with("on") && word.contains('='));
    assert_eq!(handler, None, "an attribute that runs a script");
}

#[test]
fn hostile_text_stays_text() {
    let place = Place::new(&[]);
    let evil = r"</script></style><img src=x onerror=alert(1)>\u0022 onclick=\u0022x '--><!--";
    let text = hostile(evil).replace("\"fingerprint\":\"", &format!("\"fingerprint\":\"{evil}")).replace(
        "\"soft_errors\":[]",
        &format!("\"soft_errors\":[{{\"field\":\"{evil}\",\"code\":\"{evil}\",\"detail\":\"{evil}\"}}]"),
    );
    place.put("evil.jsonl", text);
    let page = page(&place, &["--title", "<b>\"x'", "evil.jsonl"]);
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"), "it is shown");
    for markup in ["<img", "<b>\"", "\" onclick", "<!--", "onerror=alert(1)>"] {
        assert!(!page.contains(markup), "{markup}");
    }
    assert_eq!((page.matches("</script>").count(), page.matches("</style>").count()), (1, 1));
}

#[test]
fn a_thousand_groups_make_a_page_that_can_be_mailed_and_says_what_it_leaves_out() {
    let place = Place::new(&[]);
    let real = lines("thread-handle-dropped");
    let id = real.split("\"id\":\"").nth(1).unwrap()[..16].to_owned();
    let fingerprint = real.split("\"fingerprint\":\"").nth(1).unwrap()[..16].to_owned();
    let copy = |number: u32| {
        real.replace(&id, &format!("{number:016x}")).replace(&fingerprint, &format!("{number:016x}"))
    };
    place.put("many.jsonl", (0..1000).map(copy).collect::<String>());
    let whole = page(&place, &["many.jsonl"]);
    assert!(whole.len() < 5_000_000, "{}", whole.len());
    assert!(
        whole.contains("<h2>More groups</h2>") && whole.matches("<tr data-words").count() == 800,
        "{}",
        whole.len()
    );
    place.put(
        "same.jsonl",
        (0..20).map(|number| real.replace(&id, &format!("{number:016x}"))).collect::<String>(),
    );
    let same = page(&place, &["same.jsonl"]);
    assert!(
        same.contains("The newest 5 incidents; 15 older ones are only counted") && same.contains("20×</b>")
    );
    assert_eq!(page(&place, &["--all", "same.jsonl"]).matches("<details id=\"i-").count(), 20);
}

/// The chromium of this machine.
pub(crate) fn chromium() -> Option<&'static str> {
    let is_there = |name: &&str| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    ["chromium", "chromium-headless-shell", "google-chrome"].into_iter().find(is_there)
}

/// Runs it on a page, in a profile of its own; what it wrote.
fn browse(browser: &str, place: &Place, page: &str, args: &[&str]) -> String {
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu"]).args(args);
    command.arg(format!("--user-data-dir={}", place.path("profile").display()));
    command.current_dir(place.path(""));
    let output = command.arg(format!("file://{}", place.path(page).display())).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_real_browser_runs_the_script_and_loads_nothing() {
    let Some(browser) = chromium() else {
        return skip("there is no chromium");
    };
    let place = Place::new(&["thread-join-unwrapped"]);
    place.put("page.html", page(&place, &["."]));
    let dom = browse(browser, &place, "page.html#q=nothing", &["--dump-dom"]);
    assert!(dom.contains("class=\"js\""), "the policy allows the script: {dom:.500}");
    assert!(dom.contains("0 of 2 shown"), "the filter in the address is applied");
}

/// A catch that is confirmed, one that no panic comes to, and their cross-check with these lines in `crosscheck.json`.
pub(crate) fn checked(place: &Place, lines: &str) {
    source(place, "catching.rs", &swallowing_catch(0).replace(" fn other", "\nfn other"));
    scan(place);
    let check = place.text(&["crosscheck", "scan.json", lines, "--format", "json"]);
    place.put("crosscheck.json", check);
}

#[test]
fn the_cross_check_stands_on_the_page_and_leads_to_the_incidents() {
    let place = Place::new(&["catch-swallowed", "thread-join-read"]);
    checked(&place, "catch-swallowed.jsonl");
    let with = page(&place, &["catch-swallowed.jsonl", "--crosscheck", "crosscheck.json"]);
    for told in [
        "<b>1 of 2 catches ever stopped a panic</b>, <b class=\"bad\">1 confirmed</b>",
        "<b class=\"bad\">1</b>confirmed</li>",
        "confirmed: panics really got lost here",
        "static only: no panic came here",
        "catching.rs:191</td>",
        "swallowed-catch: catch std::panic::catch_unwind in agent_demo::scenarios::catching::catch_swallowed",
        "<td>1 lost</td><td>nobody looks",
        "<b>1</b> never did",
    ] {
        assert!(with.contains(told), "{told}: {}", between(&with, "<h2 id=\"crosscheck\">", "<footer>"));
    }
    let id = id_of("catch-swallowed");
    assert!(with.contains(&format!("<details id=\"i-{id}\"")), "the incident is told");
    assert!(with.contains(&format!("<a class=\"mono\" href=\"#i-{id}\">{id}</a>")), "and linked");
    let links = with.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default());
    assert!(links.clone().count() == 2 && links.clone().all(|link| link.starts_with('#')), "{links:?}");

    // What is not told on this page is not linked.
    let others = page(&place, &["thread-join-read.jsonl", "--crosscheck", "crosscheck.json"]);
    assert!(others.contains(&format!("<span class=\"mono dim\">{id}</span>")) && !others.contains("#i-"));
    // With lines of which none came to these catches, none is confirmed.
    checked(&place, "thread-join-read.jsonl");
    let other = page(&place, &["thread-join-read.jsonl", "--crosscheck", "crosscheck.json"]);
    assert!(other.contains("0 of 2 catches ever stopped a panic") && other.contains("<b>2</b> never did"));
    assert!(!other.contains("confirmed: panics really got lost here"));
    assert!(!page(&place, &["thread-join-read.jsonl"]).contains("crosscheck"), "only where asked for");
}

#[test]
fn what_is_no_cross_check_is_named() {
    let place = Place::new(&["catch-swallowed"]);
    checked(&place, "catch-swallowed.jsonl");
    let fails = |file: &str| {
        let ran = place.run(&["report", "-o", "page.html", "catch-swallowed.jsonl", "--crosscheck", file]);
        assert_eq!(ran.status, 2, "{ran:?}");
        ran.err
    };
    let scan = fails("scan.json");
    assert!(scan.contains("panic-agent.scan/1") && scan.contains("crosscheck --format json"), "{scan}");
    assert!(fails("catch-swallowed.jsonl").contains("catch-swallowed.jsonl:1:"));
    assert!(fails("nowhere.json").contains("cannot read `nowhere.json`"));
}

#[test]
fn hostile_text_of_a_cross_check_stays_text() {
    let place = Place::new(&["catch-swallowed"]);
    checked(&place, "catch-swallowed.jsonl");
    let evil = "</script></style></td><img src=x onerror=alert(1)>\" onclick=\"x '--><!--";
    let text = std::fs::read_to_string(place.path("crosscheck.json")).unwrap();
    let mut check: serde_json::Value = serde_json::from_str(&text).unwrap();
    for row in check["places"].as_array_mut().unwrap() {
        for field in ["kind", "file", "allowed", "function", "api", "message", "note"] {
            row[field] = evil.into();
        }
        row["panics"]["ids"] = serde_json::json!([evil]);
    }
    check["coverage"]["never"] = serde_json::json!([evil]);
    place.put("crosscheck.json", check.to_string());
    let page = page(&place, &["catch-swallowed.jsonl", "--crosscheck", "crosscheck.json"]);
    assert!(page.matches("&lt;img src=x onerror=alert(1)&gt;").count() >= 10, "it is shown");
    for markup in ["<img", "\" onclick", "<!--", "onerror=alert(1)>"] {
        assert!(!page.contains(markup), "{markup}");
    }
    assert_eq!((page.matches("</script>").count(), page.matches("</style>").count()), (1, 1));
}

#[test]
fn a_page_that_is_printed_without_javascript_has_what_is_folded_on_the_screen() {
    let Some(browser) = chromium() else {
        return skip("there is no chromium");
    };
    if Command::new("pdftotext").arg("-v").output().is_err() {
        return skip("there is no pdftotext (poppler-utils)");
    }
    let place = Place::new(&["catch-swallowed"]);
    checked(&place, "catch-swallowed.jsonl");
    let whole = page(&place, &["catch-swallowed.jsonl", "--crosscheck", "crosscheck.json"]);
    // The browser prints with a script of its own, so the page's is taken away in place of all.
    let (before, rest) = whole.split_once("<script>").unwrap();
    let whole = format!("{before}{}", rest.split_once("</script>").unwrap().1);
    let printed = |name: &str, html: &str| {
        place.put(&format!("{name}.html"), html);
        let pdf = place.path(&format!("{name}.pdf"));
        browse(browser, &place, &format!("{name}.html"), &[&format!("--print-to-pdf={}", pdf.display())]);
        let text = Command::new("pdftotext").arg("-layout").arg(pdf).arg("-").output();
        String::from_utf8_lossy(&text.unwrap().stdout).into_owned()
    };
    // The place of the catch that no panic came to is folded; what the printing rule does is seen without it.
    let folded = "catching::other";
    let text = printed("page", &whole);
    assert!(text.contains("confirmed: panics really got lost here") && text.contains(folded), "{text}");
    let text = printed("less", &whole.replace("::details-content", "::nothing"));
    assert!(text.contains("confirmed: panics really got lost here") && !text.contains(folded), "{text}");
}
