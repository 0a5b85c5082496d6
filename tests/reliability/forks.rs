//! Forked children that panic.
use libtest_mimic::Trial;
pub(crate) const PROGRAMS: &[(&str, fn())] = &[];
pub(crate) fn trials() -> Vec<Trial> {
    Vec::new()
}
pub(crate) fn campaign() {}
