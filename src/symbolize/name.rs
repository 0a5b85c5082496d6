//! Function names reduced to a plain path, so that rules can compare them: no generic arguments, no
//! `<T as Trait>`, closures spelled one way.
//!
//! Runs on: the writer thread. Must not: do I/O.

use super::origin::module_of_file;

/// The plain path of a function, such as `tokio::runtime::task::harness::poll_future`.
///
/// A name without a path (line tables have no more) gets the module of its file when that is known.
pub(crate) fn plain_path(function: &str, file: Option<&str>) -> String {
    let plain = plain(function);
    if plain.contains("::") {
        return plain;
    }
    match file.and_then(module_of_file) {
        Some(module) => format!("{module}::{plain}"),
        None => plain,
    }
}

/// First segment of a plain path with more than one segment.
pub(crate) fn crate_of(plain: &str) -> Option<&str> {
    plain.split_once("::").map(|(first, _)| first)
}

fn plain(function: &str) -> String {
    if let Some((head, rest)) = qualified_self(function) {
        let (this, of) = split_as(head);
        let this = without_pointers(this);
        let owner = match of {
            // `<F as core::ops::function::FnOnce>::call_once`: a type parameter says nothing.
            Some(of) if !this.contains("::") => of,
            _ => this,
        };
        return format!("{}{}", plain(owner), without_generics(rest));
    }
    without_generics(function)
}

/// Splits `<head>rest` at the bracket that closes the first one.
fn qualified_self(function: &str) -> Option<(&str, &str)> {
    let inside = function.strip_prefix('<')?;
    let mut depth = 1_u32;
    let mut before = '<';
    for (at, found) in inside.char_indices() {
        match found {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some((&inside[..at], &inside[at + 1..]));
        }
        before = found;
    }
    None
}

/// Splits `Type as Trait` outside of any brackets.
fn split_as(head: &str) -> (&str, Option<&str>) {
    let mut depth = 0_u32;
    let mut before = ' ';
    for (at, found) in head.char_indices() {
        match found {
            '<' | '(' | '[' => depth += 1,
            '>' if before == '-' => {}
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 && head[at..].starts_with(" as ") => {
                return (&head[..at], Some(&head[at + 4..]));
            }
            _ => {}
        }
        before = found;
    }
    (head, None)
}

fn without_pointers(mut name: &str) -> &str {
    let prefixes = ["&", "mut ", "dyn ", "*const ", "*mut ", "impl "];
    while let Some(shorter) = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)) {
        name = shorter;
    }
    name
}

/// Drops `<…>` and `::<…>`, and writes `{{closure}}` and `{closure#3}` as `{closure}`.
fn without_generics(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    let mut depth = 0_u32;
    let mut before = ' ';
    for found in name.chars() {
        match found {
            '<' => {
                if depth == 0 && plain.ends_with("::") {
                    plain.truncate(plain.len() - 2);
                }
                depth += 1;
            }
            '>' if before != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(found),
            _ => {}
        }
        before = found;
    }
    let mut text = plain.replace("{{", "{").replace("}}", "}");
    while let Some(at) = text.find("{closure#") {
        let Some(length) = text[at..].find('}') else { break };
        text.replace_range(at..at + length, "{closure");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generics_and_qualified_selves_are_reduced_to_a_path() {
        for (name, expected) in [
            ("app::work", "app::work"),
            ("app::work::{{closure}}", "app::work::{closure}"),
            ("app::work::{closure#12}", "app::work::{closure}"),
            (
                "std::panicking::catch_unwind::<isize, std::rt::f::{closure#0}>",
                "std::panicking::catch_unwind",
            ),
            ("core::ptr::drop_in_place<app::Guard>", "core::ptr::drop_in_place"),
            (
                "<tokio::runtime::blocking::task::BlockingTask<T> as core::future::future::Future>::poll",
                "tokio::runtime::blocking::task::BlockingTask::poll",
            ),
            ("<F as core::ops::function::FnOnce<()>>::call_once", "core::ops::function::FnOnce::call_once"),
            (
                "<&dyn core::ops::function::Fn<(), Output = i32> + core::marker::Sync as \
                 core::ops::function::FnOnce<()>>::call_once",
                "core::ops::function::Fn + core::marker::Sync::call_once",
            ),
            (
                "<std::sys::thread::unix::Thread>::new::thread_start",
                "std::sys::thread::unix::Thread::new::thread_start",
            ),
            (
                "core::slice::index::<impl core::ops::index::Index<I> for [T]>::index",
                "core::slice::index::index",
            ),
            ("app::call::<fn(u8) -> u8>::{closure#0}", "app::call::{closure}"),
            (
                "core::ops::function::FnOnce::call_once{{vtable.shim}}",
                "core::ops::function::FnOnce::call_once{vtable.shim}",
            ),
            ("main", "main"),
            ("", ""),
        ] {
            assert_eq!(plain_path(name, None), expected, "{name}");
        }
    }

    #[test]
    fn a_name_without_a_path_takes_the_module_of_its_file() {
        let file = "/rustc/abc/library/std/src/panicking.rs";
        assert_eq!(
            plain_path("catch_unwind<(), app::main::{closure_env#1}>", Some(file)),
            "std::panicking::catch_unwind"
        );
        assert_eq!(plain_path("main", Some("/home/u/app/src/main.rs")), "main");
    }

    #[test]
    fn unbalanced_names_do_not_panic() {
        for name in ["<", "<<a", ">>>", "a<b", "<a as", "{closure#", "->", "a::<"] {
            plain_path(name, None);
        }
    }
}
