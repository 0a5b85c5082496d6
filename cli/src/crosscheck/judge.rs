//! Holds the places of a scan against panics that happened.
//!
//! Runs on: the main thread. Must not: call a place fine that no panic came to.

use std::collections::{BTreeMap, HashMap};

use super::answer::{Answer, Coverage, Panics, Row};
use super::evidence::{Evidence, Spot};
use super::files::Files;
use crate::scan::report::Report;
use crate::scan::site::{Site, SiteKind, Span};

/// What comes out.
pub(super) struct Judged {
    pub(super) rows: Vec<Row>,
    pub(super) coverage: Coverage,
    pub(super) panics: u64,
}

/// See above.
pub(super) struct Judge<'r> {
    report: &'r Report,
    files: Files<'r>,
    by_file: HashMap<&'r str, Vec<usize>>,
    /// Sites with findings.
    blamed: HashMap<usize, Vec<usize>>,
    touched: HashMap<usize, Touched>,
    /// Panics that got lost where the scan knows nothing: by kind and place.
    unknown_places: BTreeMap<(SiteKind, Spot), Elsewhere>,
    panics: u64,
}

/// Panics at a place that is none of the scan.
#[derive(Default)]
struct Elsewhere {
    panics: Panics,
    message: Option<String>,
    note: Option<String>,
}

#[derive(Default)]
struct Touched {
    panics: Panics,
    message: Option<String>,
    /// Lost here and nowhere that the scan had named.
    lost_unseen: bool,
    /// The function is the same, and its lines are others.
    moved: bool,
}

impl<'r> Judge<'r> {
    pub(super) fn new(report: &'r Report, files: Files<'r>) -> Self {
        let mut by_file: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, site) in report.sites.iter().enumerate() {
            by_file.entry(&site.file).or_default().push(number);
        }
        let mut blamed: HashMap<usize, Vec<usize>> = HashMap::new();
        for (number, finding) in report.findings.iter().enumerate() {
            if let Some(site) = finding.site {
                blamed.entry(site).or_default().push(number);
            }
        }
        Self {
            report,
            files,
            by_file,
            blamed,
            touched: HashMap::new(),
            unknown_places: BTreeMap::new(),
            panics: 0,
        }
    }

    /// Takes a panic.
    pub(super) fn take(&mut self, evidence: &Evidence) {
        self.panics += 1;
        let mut sites = Vec::new();
        if let Some(spot) = &evidence.landing {
            sites.extend(self.at(spot, SiteKind::Catch, |site| site.span));
            if sites.is_empty()
                && let Some(outside) = &evidence.outside
            {
                // A future's catch is in its library; what awaits it is here.
                let awaited = self.at(outside, SiteKind::Catch, |site| site.value_span);
                sites.extend(
                    awaited
                        .filter(|site| self.site(*site).is_some_and(|site| site.api.contains("FutureExt"))),
                );
            }
        }
        let own = evidence.runtime.as_ref().and_then(|spot| self.at(spot, SiteKind::Catch, |site| site.span));
        sites.extend(own);
        if evidence.died && own.is_none() {
            if let Some(spot) = &evidence.received {
                let joined = self.at(spot, SiteKind::Join, |site| site.value_span);
                sites.extend(joined.or_else(|| self.only_of(spot, SiteKind::Join)));
            }
            let spawned =
                evidence.spawned.as_ref().and_then(|spot| self.at(spot, SiteKind::Spawn, |site| site.span));
            let argument = |spot| self.at(spot, SiteKind::Spawn, |site| site.argument.unwrap_or_default());
            // A job of a pool began where it was handed over, on a thread that the pool had spawned elsewhere.
            let handed_over = evidence.frames.iter().find_map(argument);
            let by_function = |spot| self.only_of(spot, SiteKind::Spawn);
            let began = handed_over.or(spawned).or_else(|| evidence.frames.first().and_then(by_function));
            sites.extend(began);
            sites.extend(spawned.filter(|spawned| Some(*spawned) != began));
        }
        let lost = evidence.lost == Some(true);
        let blamed = sites.iter().any(|site| self.blamed.contains_key(site));
        // A received error is lost where it is joined; else where its thread began.
        let nearest = sites.first().copied();
        for site in sites {
            let touched = self.touched.entry(site).or_default();
            touched.panics.add(evidence.lost, evidence.id.clone());
            if touched.message.is_none() || lost {
                touched.message.clone_from(&evidence.message);
            }
            touched.lost_unseen |= lost && !blamed && Some(site) == nearest;
        }
        if nearest.is_none() {
            self.nowhere(evidence, lost);
        }
    }

    /// A panic that came to no place of the scan.
    fn nowhere(&mut self, evidence: &Evidence, lost: bool) {
        let (kind, spot) = match (&evidence.landing, &evidence.received, evidence.died) {
            (Some(landing), ..) => (SiteKind::Catch, Some(landing)),
            (_, Some(received), true) => (SiteKind::Join, Some(received)),
            _ => (
                SiteKind::Spawn,
                evidence.spawned.as_ref().or(evidence.frames.first()).or(evidence.raised.as_ref()),
            ),
        };
        let Some(spot) = spot else { return };
        // The landing says where a `catch_unwind` stood. In this function there is one, and in this line there is none.
        let file = self.files.find(&spot.file, spot.function.as_deref());
        let landed = evidence.landing.is_some();
        let moved = if landed { self.all_of(spot, kind).into_iter().next() } else { None };
        if let Some(site) = moved {
            let touched = self.touched.entry(site).or_default();
            touched.moved = true;
            touched.panics.add(evidence.lost, evidence.id.clone());
            touched.message.clone_from(&evidence.message);
        } else if lost {
            let note = match file {
                Some(file) => format!("`{file}` was scanned, and nothing was seen in this line"),
                None => "not among the files of the scan".to_owned(),
            };
            let named = file.map_or_else(|| spot.file.clone(), str::to_owned);
            let spot = Spot { file: named, ..spot.clone() };
            let entry = self.unknown_places.entry((kind, spot)).or_default();
            entry.panics.add(evidence.lost, evidence.id.clone());
            entry.message = entry.message.take().or_else(|| evidence.message.clone());
            entry.note = Some(note);
        }
    }

    fn site(&self, number: usize) -> Option<&'r Site> {
        self.report.sites.get(number)
    }

    /// Places of a kind in the function of a spot.
    fn all_of(&self, spot: &Spot, kind: SiteKind) -> Vec<usize> {
        let file = self.files.find(&spot.file, spot.function.as_deref());
        let all = file.and_then(|file| self.by_file.get(file)).map_or(&[][..], Vec::as_slice);
        let fits = |site: &Site| site.kind == kind && same_function(&site.function, spot.function.as_deref());
        all.iter().copied().filter(|number| self.site(*number).is_some_and(fits)).collect()
    }

    /// The only place of a kind in the function of a spot.
    fn only_of(&self, spot: &Spot, kind: SiteKind) -> Option<usize> {
        match self.all_of(spot, kind).as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// The narrowest place of a kind that has a line.
    fn at(&self, spot: &Spot, kind: SiteKind, span: impl Fn(&Site) -> Span) -> Option<usize> {
        let file = self.files.find(&spot.file, spot.function.as_deref())?;
        let all = self.by_file.get(file)?.iter().copied();
        let fitting = all.filter(|number| {
            self.site(*number).is_some_and(|site| {
                let span = span(site);
                site.kind == kind && (span.line..=span.end_line).contains(&spot.line) && span.line > 0
            })
        });
        fitting.min_by_key(|number| {
            self.site(*number).map(|site| (span(site).lines(), span(site).end - span(site).start))
        })
    }

    pub(super) fn finish(self, tests: bool) -> Judged {
        let mut rows = Vec::new();
        let mut coverage = Coverage::default();
        for (number, site) in self.report.sites.iter().enumerate() {
            if site.kind == SiteKind::Hook || site.in_test && !tests {
                continue;
            }
            let touched = self.touched.get(&number);
            let panics = touched.map(|touched| touched.panics.clone()).unwrap_or_default();
            if site.kind == SiteKind::Catch {
                coverage.catches += 1;
                match panics.total() {
                    0 => coverage.never.push(format!("{}:{}", site.file, site.span.line)),
                    _ => coverage.exercised += 1,
                }
            }
            rows.push(self.row(number, site, touched, panics));
        }
        for ((kind, spot), Elsewhere { panics, message, note }) in self.unknown_places {
            rows.push(Row {
                answer: Answer::RuntimeOnly,
                kind: kind.word().to_owned(),
                file: spot.file,
                line: spot.line,
                site: None,
                rules: Vec::new(),
                allowed: None,
                function: spot.function.unwrap_or_default(),
                api: String::new(),
                panics,
                message,
                note,
            });
        }
        rows.sort_by(|a, b| (a.answer, &a.file, a.line).cmp(&(b.answer, &b.file, b.line)));
        Judged { rows, coverage, panics: self.panics }
    }

    fn row(&self, number: usize, site: &Site, touched: Option<&Touched>, panics: Panics) -> Row {
        let findings = self.blamed.get(&number).map_or(&[][..], Vec::as_slice);
        let findings = || findings.iter().filter_map(|finding| self.report.findings.get(*finding));
        // A program has catches, and nobody judged them.
        let blamed = findings().next().is_some() || self.report.binary.is_some();
        let mut note = None;
        let answer = if self.files.is_changed(&site.file) {
            note = Some("the file was changed after the scan".to_owned());
            Answer::Stale
        } else if touched.is_some_and(|touched| touched.moved) {
            note = Some("panics came to this function in lines where the scan saw nothing: the program was built from another text".to_owned());
            Answer::Stale
        } else if panics.total() == 0 {
            Answer::StaticOnly
        } else if panics.lost > 0 && blamed {
            Answer::Confirmed
        } else if touched.is_some_and(|touched| touched.lost_unseen) {
            note = Some("the scan took this place for fine".to_owned());
            Answer::RuntimeOnly
        } else if panics.told > 0 || panics.lost > 0 {
            note = (panics.lost > 0)
                .then(|| "what got lost got lost later: where it was joined or caught".to_owned());
            Answer::Exercised
        } else {
            Answer::Unknown
        };
        Row {
            answer,
            kind: site.kind.word().to_owned(),
            file: site.file.clone(),
            line: site.span.line,
            site: Some(number),
            rules: findings().map(|finding| finding.rule).collect(),
            allowed: findings().find_map(|finding| finding.allowed.clone()),
            function: site.function.clone(),
            api: site.api.clone(),
            panics,
            message: touched.and_then(|touched| touched.message.clone()),
            note,
        }
    }
}

/// Whether a function of the lines is one of the scan: the lines may have closures, arguments of types, and no crate.
fn same_function(scanned: &str, seen: Option<&str>) -> bool {
    let Some(seen) = seen else { return false };
    let plain: String =
        seen.replace("::{{closure}}", "").replace("::{closure#0}", "").replace(['<', '>'], "");
    plain == scanned || scanned.ends_with(&format!("::{plain}"))
}
