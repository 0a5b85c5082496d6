//! What a path means in a place: `use` with its renames, modules, and what the crates of the workspace hand on.
//!
//! Runs on: the threads that read files. Must not: say that a name is known when only its last part is.

use std::collections::HashMap;

use super::site::Certainty;

/// Names that are in force, innermost scope last.
#[derive(Debug, Default)]
pub(super) struct Names {
    scopes: Vec<Scope>,
}

#[derive(Debug, Default)]
struct Scope {
    /// Path of the module that begins here.
    module: Option<String>,
    renames: HashMap<String, String>,
    globs: Vec<String>,
}

/// Longest chain of names that stand for names.
const MAX_STEPS: usize = 8;

impl Names {
    /// A module, or a block with items (`module` is `None`).
    pub(super) fn enter(&mut self, module: Option<String>) {
        self.scopes.push(Scope { module, ..Scope::default() });
    }

    pub(super) fn leave(&mut self) {
        self.scopes.pop();
    }

    /// Path of the module that we are in.
    pub(super) fn module(&self) -> &str {
        self.scopes.iter().rev().find_map(|scope| scope.module.as_deref()).unwrap_or_default()
    }

    /// Takes a `use` into the innermost scope, and tells each name with its path.
    pub(super) fn take(&mut self, tree: &syn::UseTree, mut tell: impl FnMut(&str, &str)) {
        let mut found = Vec::new();
        flatten(tree, String::new(), &mut found, 0);
        for (name, path) in found {
            let path = self.absolute(&path);
            let Some(scope) = self.scopes.last_mut() else { return };
            if name == "*" {
                tell("*", &path);
                scope.globs.push(path);
            } else {
                tell(&name, &path);
                scope.renames.insert(name, path);
            }
        }
    }

    /// `extern crate a as b`.
    pub(super) fn rename(&mut self, name: &str, path: &str) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.renames.insert(name.to_owned(), path.to_owned());
        }
    }

    /// The paths that a path may mean, most certain first.
    pub(super) fn candidates(&self, path: &str) -> Vec<(String, Certainty)> {
        let mut found = Vec::new();
        let (first, rest) = split(path);
        let mut module_seen = false;
        for scope in self.scopes.iter().rev() {
            // `use` of an outer module is not seen in an inner one.
            if module_seen {
                break;
            }
            if let Some(to) = scope.renames.get(first) {
                found.push((join(to, rest), Certainty::Resolved));
                return found;
            }
            for glob in &scope.globs {
                found.push((join(&join(glob, first), rest), Certainty::Syntactic));
            }
            module_seen = scope.module.is_some();
        }
        let absolute = self.absolute(path);
        if absolute != path {
            found.insert(0, (absolute, Certainty::Resolved));
            return found;
        }
        if !rest.is_empty() || path == "drop" {
            found.push((path.to_owned(), Certainty::Resolved));
        }
        found.push((join(self.module(), path), Certainty::Syntactic));
        found
    }

    /// Without `crate`, `self` and `super`, and with the first name as `use` has it.
    fn absolute(&self, path: &str) -> String {
        let mut path = path.trim_start_matches("::").to_owned();
        for _ in 0..MAX_STEPS {
            let (first, rest) = split(&path);
            let module = self.module();
            path = match first {
                "crate" => join(split(module).0, rest),
                "self" => join(module, rest),
                "super" => join(module.rsplit_once("::").map_or("", |(parent, _)| parent), rest),
                _ => {
                    let inner = self.scopes.iter().rev();
                    let mut inner = inner.take(self.scopes.len());
                    match inner.find_map(|scope| scope.renames.get(first)) {
                        // `use tokio::{self}` names itself.
                        Some(to) if split(to).0 != first => join(to, rest),
                        Some(to) if to != first && !rest.starts_with(to.as_str()) => {
                            return join(to, rest);
                        }
                        _ => return path,
                    }
                }
            };
        }
        path
    }
}

/// Names of a `use`, with their paths.
fn flatten(tree: &syn::UseTree, before: String, found: &mut Vec<(String, String)>, depth: usize) {
    if depth > 64 {
        return;
    }
    match tree {
        syn::UseTree::Path(path) => flatten(&path.tree, join(&before, &plain(&path.ident)), found, depth + 1),
        syn::UseTree::Name(name) => {
            let name = plain(&name.ident);
            if name == "self" {
                let last = before.rsplit("::").next().unwrap_or_default().to_owned();
                found.push((last, before));
            } else {
                found.push((name.clone(), join(&before, &name)));
            }
        }
        syn::UseTree::Rename(rename) => {
            let (name, to) = (plain(&rename.ident), plain(&rename.rename));
            let path = if name == "self" { before } else { join(&before, &name) };
            found.push((to, path));
        }
        syn::UseTree::Glob(_) => found.push(("*".to_owned(), before)),
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, before.clone(), found, depth + 1);
            }
        }
    }
}

/// The text of a path, without generic arguments.
pub(super) fn text(path: &syn::Path) -> String {
    let mut text = String::new();
    for segment in &path.segments {
        if !text.is_empty() {
            text.push_str("::");
        }
        text.push_str(&plain(&segment.ident));
    }
    text
}

/// An identifier without `r#`.
pub(super) fn plain(ident: &proc_macro2::Ident) -> String {
    let mut text = ident.to_string();
    if text.starts_with("r#") {
        text.drain(..2);
    }
    text
}

fn split(path: &str) -> (&str, &str) {
    path.split_once("::").unwrap_or((path, ""))
}

pub(super) fn join(before: &str, after: &str) -> String {
    match (before.is_empty(), after.is_empty()) {
        (true, _) => after.to_owned(),
        (_, true) => before.to_owned(),
        _ => format!("{before}::{after}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(uses: &[&str], path: &str) -> Vec<String> {
        let mut names = Names::default();
        names.enter(Some("app::net".to_owned()));
        for text in uses {
            let item: syn::ItemUse = syn::parse_str(text).unwrap();
            names.take(&item.tree, |_, _| {});
        }
        names.candidates(path).into_iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn renames_modules_and_globs_are_followed() {
        assert_eq!(means(&["use std::thread;"], "thread::spawn")[0], "std::thread::spawn");
        assert_eq!(means(&["use std::thread as t;"], "t::spawn")[0], "std::thread::spawn");
        assert_eq!(means(&["use std::thread::spawn as go;"], "go")[0], "std::thread::spawn");
        assert_eq!(
            means(&["use std::{panic::{self, catch_unwind as c}};"], "c")[0],
            "std::panic::catch_unwind"
        );
        assert_eq!(means(&["use std::panic::{self};"], "panic::set_hook")[0], "std::panic::set_hook");
        assert_eq!(means(&["use tokio::task;", "use task::spawn;"], "spawn")[0], "tokio::task::spawn");
        assert_eq!(means(&["use tokio;"], "tokio::spawn")[0], "tokio::spawn");
        assert_eq!(means(&["use super::rt;"], "rt::go")[0], "app::rt::go");
        assert_eq!(means(&["use crate::rt::go;"], "go")[0], "app::rt::go");
        assert!(means(&["use std::thread::*;"], "spawn").contains(&"std::thread::spawn".to_owned()));
        assert!(means(&[], "spawn").contains(&"app::net::spawn".to_owned()));
        assert_eq!(means(&[], "std::thread::spawn")[0], "std::thread::spawn");
        assert_eq!(means(&["use r#async::r#fn as r#x;"], "x")[0], "async::fn");
        // Names that stand for each other end.
        means(&["use a::b as c;", "use c::d as a;"], "a::x");
    }
}
