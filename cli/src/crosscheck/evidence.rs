//! What a panic of the lines has to do with places in source.
//!
//! Runs on: the main thread. Must not: guess where a line says nothing.

use panic_agent::record::{Fate, Handler, HandlerKind};

use crate::story::Told;

/// A place in source as a line has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) function: Option<String>,
}

/// A panic.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub(super) id: String,
    pub(super) message: Option<String>,
    /// Whether nobody learned of it.
    pub(super) lost: Option<bool>,
    /// A thread or task died of it.
    pub(super) died: bool,
    /// Who stopped it, where that is a `catch_unwind`, or a future's.
    pub(super) landing: Option<Spot>,
    /// Who stopped it, where that is a runtime: a place of the scan if it is the runtime that was scanned.
    pub(super) runtime: Option<Spot>,
    /// The frame of the program just outside of the one that stopped it.
    pub(super) outside: Option<Spot>,
    /// Where its error was read or dropped.
    pub(super) received: Option<Spot>,
    /// Where its thread was spawned.
    pub(super) spawned: Option<Spot>,
    /// Frames of the program, outermost first.
    pub(super) frames: Vec<Spot>,
    /// Where it was raised.
    pub(super) raised: Option<Spot>,
}

impl Evidence {
    pub(super) fn of(told: &Told) -> Self {
        let word = &told.word;
        // What ends a test is the business of whoever runs the tests, and is told there.
        let of_harness =
            word.landing.as_ref().is_some_and(|landing| landing.kind == HandlerKind::TestHarness);
        let lost = match (word.silent, word.swallowed) {
            _ if of_harness => Some(false),
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
        let spot = |file: Option<&String>, line: Option<u32>, function: Option<&String>| {
            Some(Spot { file: file?.clone(), line: line?, function: function.cloned() })
        };
        let caught = matches!(word.fate, Fate::Caught | Fate::RuntimeCaught | Fate::Unknown);
        let is_own = |landing: &&Handler| {
            let own = matches!(
                landing.kind,
                HandlerKind::User
                    | HandlerKind::Futures
                    | HandlerKind::Ffi
                    | HandlerKind::TaskGroup
                    | HandlerKind::Unknown
            );
            caught && own
        };
        let at = |landing: &Handler| spot(landing.file.as_ref(), landing.line, landing.function.as_ref());
        let landing = word.landing.as_ref();
        let report = told.report.as_deref();
        let frames = report.map_or(&[][..], |report| &report.frames);
        let in_app = |frame: &&panic_agent::record::Frame| frame.in_app == Some(true);
        let of_frame = |frame: &panic_agent::record::Frame| {
            spot(frame.file.as_ref(), frame.line, frame.function.as_ref())
        };
        let stopper = report.and_then(|report| report.prediction.frame);
        let outside = frames
            .iter()
            .filter(|frame| stopper.is_some_and(|stopper| frame.index >= stopper))
            .find(in_app)
            .and_then(of_frame);
        let spawned = report.and_then(|report| report.lineage.first()?.spawned_at.as_ref());
        Self {
            id: told.id.to_string(),
            message: told.message().map(|text| text.lines().next().unwrap_or_default().to_owned()),
            lost,
            died: matches!(word.fate, Fate::ThreadDied | Fate::RuntimeCaught) && !of_harness,
            landing: landing.filter(is_own).and_then(at),
            runtime: landing.filter(|landing| caught && !is_own(landing) && !of_harness).and_then(at),
            outside,
            received: word
                .received_at
                .as_ref()
                .and_then(|place| spot(place.file.as_ref(), place.line, place.function.as_ref())),
            spawned: spawned.and_then(|place| spot(place.file.as_ref(), place.line, place.function.as_ref())),
            frames: frames.iter().rev().filter(in_app).filter_map(of_frame).collect(),
            raised: told.location().map(|at| Spot {
                file: at.file.clone(),
                line: at.line,
                function: frames.iter().find(in_app).and_then(|frame| frame.function.clone()),
            }),
        }
    }
}
