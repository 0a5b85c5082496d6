//! The table of `docs/verdicts.md` that says how much each build leaves unknown.
//!
//! Runs on: libtest-mimic's thread. Must not: change the page unless it is asked to.

use std::fs;
use std::path::PathBuf;

use agent_demo::Names;
use agent_demo::check::Tally;
use libtest_mimic::Failed;

/// The lines before and after the table.
const BEGIN: &str = "<!-- made by the test `matrix` with AGENT_DEMO_BLESS=1 -->";
const END: &str = "<!-- end of the builds -->";

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/verdicts.md"))
}

/// How many more than its row says a build may leave unknown, of each kind: what is inlined, and so what has a name,
/// differs a little from compiler to compiler.
const SLACK: usize = 3;

/// Of hundred caught panics, how many a build may leave without a fate: with symbols, and stripped.
const UNKNOWN_FATES_PERCENT: [usize; 2] = [5, 15];

/// Compares what a build left unknown with its row, or writes the row where `AGENT_DEMO_BLESS` is set.
pub(crate) fn compare(build: &str, names: Names, found: Tally) -> Result<(), Failed> {
    let percent = UNKNOWN_FATES_PERCENT[usize::from(names == Names::None)];
    if found.unknown_fates * 100 > found.caught * percent {
        let Tally { caught, unknown_fates, .. } = found;
        return Err(format!("{unknown_fates} of {caught} fates are unknown, more than {percent} %").into());
    }
    let page = fs::read_to_string(path())?;
    let (before, rest) = page.split_once(BEGIN).ok_or("docs/verdicts.md has no table of builds")?;
    let (table, after) = rest.split_once(END).ok_or("the table of builds has no end")?;
    let row = row(build, found);
    let mut rows: Vec<&str> = table.lines().collect();
    let at = rows.iter().position(|row| row.starts_with(&format!("| `{build}` ")));
    if std::env::var_os("AGENT_DEMO_BLESS").is_some() {
        match at {
            Some(at) => rows[at] = &row,
            None => rows.push(&row),
        }
        let table = rows.join("\n");
        fs::write(path(), format!("{before}{BEGIN}{table}\n{END}{after}"))?;
        return Ok(());
    }
    let at = at.ok_or_else(|| format!("docs/verdicts.md has no row for `{build}`; it would be\n{row}"))?;
    if is_near(&figures(rows[at])?, &figures(&row)?) {
        return Ok(());
    }
    Err(format!("docs/verdicts.md says\n{}\nand it came out as\n{row}", rows[at]).into())
}

/// Whether as many panics were caught as the row says, and of each kind about as many are unknown.
fn is_near(said: &[usize], found: &[usize]) -> bool {
    said.len() == found.len()
        && said.first() == found.first()
        && said.iter().zip(found).all(|(said, found)| said.abs_diff(*found) <= SLACK)
}

/// The numbers of a row, behind the name of the build.
fn figures(row: &str) -> Result<Vec<usize>, Failed> {
    let cells = row.trim_matches('|').split('|').skip(1);
    let figures = cells.map(|cell| cell.trim().parse()).collect::<Result<_, _>>();
    figures.map_err(|error| format!("docs/verdicts.md: {error} in the row {row}").into())
}

fn row(build: &str, found: Tally) -> String {
    let Tally { caught, unknown_fates, unnamed_catches, unknown_receipts, open_silent } = found;
    format!(
        "| `{build}` | {caught} | {unknown_fates} | {unnamed_catches} | {unknown_receipts} | {open_silent} |"
    )
}
