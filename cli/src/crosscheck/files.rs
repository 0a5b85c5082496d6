//! Which scanned file a path in a line means: builds and machines spell the same file in many ways.
//!
//! Runs on: the main thread. Must not: take a bare file name, or a file of another package, for the same.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::scan::report::Report;
use crate::scan::source_file::fnv;

/// The files of a scan.
pub(super) struct Files<'r> {
    report: &'r Report,
    by_name: HashMap<&'r str, Vec<&'r str>>,
    crates: HashSet<&'r str>,
    remap: &'r [(String, String)],
    /// Files that are another text now.
    changed: HashSet<&'r str>,
}

impl<'r> Files<'r> {
    pub(super) fn new(report: &'r Report, root: &Path, remap: &'r [(String, String)]) -> Self {
        let mut by_name: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut changed = HashSet::new();
        for file in &report.files {
            let name = file.path.rsplit('/').next().unwrap_or_default();
            by_name.entry(name).or_default().push(&file.path);
            // A file that is not there tells nothing: the lines may be read elsewhere.
            if !file.hash.is_empty()
                && let Ok(bytes) = std::fs::read(root.join(&file.path))
                && format!("{:016x}", fnv(&bytes)) != file.hash
            {
                changed.insert(file.path.as_str());
            }
        }
        let crates = report.sites.iter().filter_map(|site| site.function.split("::").next()).collect();
        Self { report, by_name, crates, remap, changed }
    }

    pub(super) fn is_changed(&self, file: &str) -> bool {
        self.changed.contains(file)
    }

    /// The scanned file that a path means, for code of this function.
    pub(super) fn find(&self, path: &str, function: Option<&str>) -> Option<&'r str> {
        let path = self.remapped(path);
        // A program's own spelling, where that was scanned.
        let exact = self.by_name.get(path.rsplit('/').next()?)?.iter().copied().find(|known| *known == path);
        if exact.is_some() || self.report.binary.is_some() {
            return exact;
        }
        let root = self.report.root.to_string_lossy();
        if let Some(inside) = path.strip_prefix(root.as_ref()) {
            let inside = inside.trim_start_matches('/');
            let known = self.by_name.get(inside.rsplit('/').next()?)?;
            return known.iter().copied().find(|known| *known == inside);
        }
        let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let is_absolute = path.starts_with('/');
        let own_crate = function.map(first_name).is_none_or(|name| self.crates.contains(name));
        // Elsewhere, and of a crate that was not scanned.
        if is_absolute && (!own_crate || path.starts_with("/rustc/") || path.contains("/registry/src/")) {
            return None;
        }
        let known = self.by_name.get(parts.last()?)?;
        let common = |known: &&str| {
            let pairs = known.rsplit('/').zip(parts.iter().rev());
            pairs.take_while(|(one, other)| one == *other).count()
        };
        let most = known.iter().map(common).max()?;
        let enough = |known: &&str| {
            let whole = common(known) == known.split('/').count() || common(known) == parts.len();
            let least = if function.is_some() { 2 } else { 3 };
            common(known) == most && (most >= least || whole && !is_absolute)
        };
        let mut found = known.iter().copied().filter(|known| enough(known));
        let first = found.next()?;
        let Some(second) = found.next() else { return Some(first) };
        // Two packages have a file of that name: the crate of the function tells which.
        let name = first_name(function?);
        let of_crate = |file: &str| {
            self.report.sites.iter().any(|site| site.file == file && first_name(&site.function) == name)
        };
        let mut fitting = [first, second].into_iter().chain(found).filter(|file| of_crate(file));
        let only = fitting.next()?;
        fitting.next().is_none().then_some(only)
    }

    fn remapped(&self, path: &str) -> String {
        for (from, to) in self.remap {
            if let Some(rest) = path.strip_prefix(from.as_str()) {
                return format!("{}{rest}", to.trim_end_matches('/'));
            }
        }
        path.to_owned()
    }
}

/// The crate in the path of a function: `<app::T as X>::f` is of `app`.
fn first_name(function: &str) -> &str {
    let function = function.trim_start_matches(['<', '&', '*', '(']);
    function.split([':', ' ', '>', '<']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(root: &str, files: &[(&str, &str)]) -> Report {
        let span = serde_json::json!({"line":1,"column":1,"end_line":1,"end_column":1,"start":0,"end":0});
        let sites: Vec<_> = files.iter().map(|(file, function)| serde_json::json!({
            "kind":"catch","api":"x","file":file,"span":span,"value_span":span,"argument":null,"function":function,
            "function_span":span,"runs":"","becomes":"read","certainty":"resolved","in_test":false})).collect();
        let files: Vec<_> =
            files.iter().map(|(file, _)| serde_json::json!({"path":file,"hash":"0","lines":1})).collect();
        let report = serde_json::json!({"schema":"panic-agent.scan/1","engine":"source","root":root,"commit":null,"binary":null,"build_id":null,
            "packages":[],"files":files,"sites":sites,"findings":[],"unread":[]});
        serde_json::from_value(report).unwrap()
    }

    #[test]
    fn a_file_is_known_by_its_end_and_by_its_crate_and_never_by_its_name_alone() {
        let report =
            report("/w", &[("src/main.rs", "app::main"), ("a/src/lib.rs", "a::f"), ("b/src/lib.rs", "b::f")]);
        let files = Files::new(&report, Path::new("/none"), &[]);
        let find = |path: &str, function: &str| files.find(path, Some(function)).unwrap_or("none");
        assert_eq!(find("/w/src/main.rs", "app::main"), "src/main.rs");
        assert_eq!(find("src/main.rs", "app::main"), "src/main.rs");
        assert_eq!(find("/build/x/src/main.rs", "app::run::{{closure}}"), "src/main.rs");
        assert_eq!(find("/build/x/src/main.rs", "other::run"), "none");
        assert_eq!(find("/root/.cargo/registry/src/i/app-1.0.0/src/main.rs", "app::run"), "none");
        assert_eq!(find("/build/x/a/src/lib.rs", "<a::T as X>::f"), "a/src/lib.rs");
        assert_eq!(find("src/lib.rs", "b::g"), "b/src/lib.rs");
        assert_eq!(find("src/lib.rs", "c::g"), "none");
        assert_eq!(find("/x/main.rs", "app::run"), "none");
        assert_eq!(find("/rustc/0/library/std/src/lib.rs", "a::x"), "none");
        assert_eq!(files.find("/build/x/src/main.rs", None), None);
        let remap = [("/build/x".to_owned(), "/w/".to_owned())];
        let files = Files::new(&report, Path::new("/none"), &remap);
        assert_eq!(files.find("/build/x/src/main.rs", None), Some("src/main.rs"));
    }
}
