//! What a prediction means for the panic, as far as it is known when the hook ran.
//!
//! Runs on: the writer thread. Must not: fold `unknown` into "uncaught" or into "caught".

use super::Predicted;
use crate::record::{Fate, HandlerKind, Level, Prediction, Receipt, StopKind};

/// The flat fields of a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) fate: Fate,
    pub(crate) receipt: Receipt,
    pub(crate) uncaught: Option<bool>,
    pub(crate) silent: Option<bool>,
    pub(crate) swallowed: Option<bool>,
    pub(crate) reason: Option<String>,
    pub(crate) level: Level,
}

/// Turns a prediction into the outcome at raise time.
pub(crate) fn settle(predicted: &Predicted) -> Outcome {
    let Predicted { prediction, inside_root, .. } = predicted;
    let fate = fate_of(prediction, *inside_root);
    let uncaught = match fate {
        Fate::Unknown => inside_root.then_some(false),
        known => Some(known.is_uncaught()),
    };
    // The process ends with it: nobody can receive it, and the end is not silent.
    let ends_process = matches!(fate, Fate::Aborted | Fate::MainDied);
    let reason =
        prediction.reason.clone().or_else(|| prediction.abort_reason.map(|why| why.word().to_owned()));
    Outcome {
        fate,
        receipt: match fate {
            Fate::Aborted | Fate::MainDied => Receipt::Discarded,
            Fate::Unknown if !inside_root => Receipt::Unknown,
            _ => Receipt::Pending,
        },
        uncaught,
        silent: ends_process.then_some(false),
        swallowed: ends_process.then_some(false),
        reason,
        level: level_of(fate),
    }
}

/// Severity of a panic with this fate.
pub(crate) fn level_of(fate: Fate) -> Level {
    match fate {
        Fate::Caught | Fate::RuntimeCaught => Level::Warn,
        Fate::Aborted | Fate::MainDied | Fate::Interrupted => Level::Fatal,
        Fate::ThreadDied | Fate::Unknown => Level::Error,
    }
}

fn fate_of(prediction: &Prediction, inside_root: bool) -> Fate {
    match prediction.stop {
        StopKind::Abort | StopKind::None => Fate::Aborted,
        StopKind::Unknown => Fate::Unknown,
        StopKind::Catch => match prediction.handler.as_ref().map(|handler| handler.kind) {
            // Whoever it is: something stops it that is no root.
            Some(HandlerKind::Unknown) if inside_root => Fate::Caught,
            Some(handler) => fate_of_handler(handler),
            None => Fate::Unknown,
        },
    }
}

/// The fate of a panic that this handler stops.
pub(crate) fn fate_of_handler(kind: HandlerKind) -> Fate {
    match kind {
        HandlerKind::User | HandlerKind::Futures | HandlerKind::Ffi => Fate::Caught,
        HandlerKind::ThreadRoot => Fate::ThreadDied,
        HandlerKind::MainRoot => Fate::MainDied,
        HandlerKind::TestHarness
        | HandlerKind::TokioTask
        | HandlerKind::TokioBlocking
        | HandlerKind::Rayon
        | HandlerKind::TaskGroup
        | HandlerKind::Supervisor
        | HandlerKind::Tower => Fate::RuntimeCaught,
        HandlerKind::Foreign | HandlerKind::Unknown => Fate::Unknown,
    }
}
