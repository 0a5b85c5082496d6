//! The table of platforms is the data that scenarios are compared with.

use serde_json::Value;

use crate::text;

const COLUMNS: [&str; 6] = ["platform", "frames", "prediction", "probes", "spool", "tried"];

/// The table as it must stand on a page.
fn table(rows: &[Value]) -> String {
    let head = "| platform | frames | prediction | what came of it (`probes`) | reports outlive a kill | tried |\n\
                |---|---|---|---|---|---|\n";
    let row = |row: &Value| {
        let cells =
            COLUMNS.map(|column| row[column].as_str().unwrap_or_else(|| panic!("no `{column}` in {row}")));
        format!("| {} |\n", cells.join(" | "))
    };
    head.to_owned() + &rows.iter().map(row).collect::<String>()
}

#[test]
fn the_table_of_platforms_on_each_page_is_made_from_the_data() {
    let rows: Vec<Value> = serde_json::from_str(&text("docs/platforms.json")).expect("rows");
    let table = table(&rows);
    for page in ["README.md", "docs/platforms.md"] {
        assert!(text(page).contains(&table), "{page} has another table than:\n{table}");
    }
}

#[test]
fn a_cell_says_what_the_abilities_of_its_row_say() {
    let rows: Vec<Value> = serde_json::from_str(&text("docs/platforms.json")).expect("rows");
    assert!(rows.len() >= 8);
    for row in &rows {
        let can: Vec<&str> =
            row["can"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        let says = |column: &str, word: &str| row[column].as_str().is_some_and(|cell| cell.starts_with(word));
        assert_eq!(says("prediction", "from tables"), can.contains(&"tables"), "{row}");
        assert_eq!(says("prediction", "from names"), can.contains(&"names"), "{row}");
        assert_eq!(says("probes", "yes"), can.contains(&"probe_raise"), "{row}");
        assert_eq!(says("spool", "yes"), can.contains(&"spool"), "{row}");
    }
}
