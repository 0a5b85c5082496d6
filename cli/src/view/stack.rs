//! A stack, trimmed to what matters: the program's frames and the one that stops the panic; the others are counted.
//!
//! Runs on: the main thread. Must not: fold a frame of which it is not known whose it is.

use panic_agent::Report;
use panic_agent::record::{EhAction, Frame};

use super::source::Sources;
use crate::screen::{Links, Paint, clean, cut, cut_front};
use crate::story::words;

/// Columns of what a frame does.
const ACTION: usize = 16;
/// Frames of the program whose source line is shown in a story.
const SHOWN: usize = 3;

/// How a stack is shown.
pub(crate) struct StackView<'a> {
    pub(crate) sources: &'a mut Sources,
    pub(crate) links: &'a Links,
    pub(crate) width: Option<usize>,
    /// All frames, with their addresses.
    pub(crate) full: bool,
    pub(crate) indent: &'a str,
}

/// One row.
#[derive(Debug, PartialEq)]
enum Row<'a> {
    Frame { frame: &'a Frame, action: &'static str, stops: bool },
    Folded { frames: usize, below: bool },
}

impl StackView<'_> {
    pub(crate) fn show(&mut self, report: &Report, out: &mut String) {
        if report.frames.is_empty() {
            let why = format!("no frames ({}, {})", report.stack.source, report.stack.end);
            out.push_str(&format!("{}{}\n", self.indent, Paint::Faint.on(why)));
            return;
        }
        let mut own = 0;
        for row in rows(report, self.full) {
            match row {
                Row::Frame { frame, action, stops } => {
                    self.frame(frame, action, stops, out);
                    if frame.in_app == Some(true) && (self.full || own < SHOWN) {
                        self.source(frame, report, own == 0, out);
                        own += 1;
                    }
                }
                Row::Folded { frames, below } => {
                    let what = words::count(frames as u64, "frame");
                    let what = if below {
                        format!("… {what} below, not reached")
                    } else {
                        format!("… {what} of libraries")
                    };
                    out.push_str(&format!("{}{:ACTION$}  {}\n", self.indent, "", Paint::Faint.on(what)));
                }
            }
        }
        self.missing(report, out);
    }

    fn frame(&mut self, frame: &Frame, action: &str, stops: bool, out: &mut String) {
        let padded = format!("{action:ACTION$}");
        let action = if stops { Paint::Warning.on(padded) } else { Paint::Faint.on(padded) };
        let name = match (&frame.function, &frame.image, &frame.address) {
            (Some(function), ..) => clean(function),
            (None, Some(image), Some(address)) => clean(&format!("{image}+{address} (no symbol)")),
            _ => clean(&format!("{} (no symbol)", frame.ip)),
        };
        let place = frame.file.as_deref().map(|file| {
            let file = clean(short(file));
            frame.line.map_or(file.clone(), |line| format!("{file}:{line}"))
        });
        let room = self.width.map(|width| width.saturating_sub(self.indent.len() + ACTION + 2));
        let name_width = name.chars().count();
        let name = cut_front(&name, room);
        let shown = if frame.in_app == Some(true) { Paint::Strong.on(&name) } else { name };
        out.push_str(&format!("{}{action}  {shown}", self.indent));
        if let Some(place) = place {
            let file = frame.file.as_deref().and_then(|file| self.sources.find(file));
            let path = file.as_ref().map(|file| file.path.as_path());
            let fits = room.is_none_or(|room| name_width + 2 + place.chars().count() <= room);
            let gap = if fits { "  ".to_owned() } else { format!("\n{}{:ACTION$}    ", self.indent, "") };
            out.push_str(&gap);
            out.push_str(&Paint::Place.on(self.links.on(&place, path, frame.line)));
        }
        if self.full {
            let inlined = if frame.inlined { ", inlined" } else { "" };
            out.push_str(&Paint::Faint.on(format!("  [{} {}{inlined}]", frame.index, clean(&frame.ip))));
        }
        out.push('\n');
    }

    /// The line of the frame; of the innermost own frame those around it, too.
    fn source(&mut self, frame: &Frame, report: &Report, around: bool, out: &mut String) {
        let (Some(name), Some(line)) = (&frame.file, frame.line) else { return };
        let Some(file) = self.sources.find(name) else { return };
        let (from, to) =
            if around { (line.saturating_sub(2).max(1), line.saturating_add(1)) } else { (line, line) };
        let room = self.width.map(|width| width.saturating_sub(self.indent.len() + ACTION + 10));
        for number in from..=to {
            let Some(text) = file.line(number) else { continue };
            let text = cut(&clean(text), room);
            let shown = if number == line {
                format!("{number:>5} ▸ {text}")
            } else {
                Paint::Faint.on(format!("{number:>5} │ {text}"))
            };
            out.push_str(&format!("{}{:ACTION$}  {shown}\n", self.indent, ""));
        }
        if file.is_newer_than(report.head.ts_ms) {
            let words = "(the file was changed after this panic: the lines may be others)";
            out.push_str(&format!("{}{:ACTION$}  {}\n", self.indent, "", Paint::Warning.on(words)));
        }
    }

    fn missing(&self, report: &Report, out: &mut String) {
        let stack = &report.stack;
        let mut say = |frames: u32, why: &str| {
            if frames > 0 {
                let what = format!("… {} {why}", words::count(frames.into(), "frame"));
                out.push_str(&format!("{}{:ACTION$}  {}\n", self.indent, "", Paint::Faint.on(what)));
            }
        };
        say(stack.cut_for_size, "left out by the agent to keep the line short");
        say(stack.not_recorded, "walked and not recorded (`max_frames`)");
    }
}

fn rows(report: &Report, full: bool) -> Vec<Row<'_>> {
    let stop = report.prediction.frame;
    let frames = &report.frames;
    let mut rows = Vec::new();
    for (at, frame) in frames.iter().enumerate() {
        let below = stop.is_some_and(|stop| frame.index > stop);
        // What is inlined shares the fate of its physical frame.
        let physical = frames.iter().skip(at).find(|other| other.index == frame.index && !other.inlined);
        let does = physical.and_then(|frame| frame.action).or(frame.action);
        let stops = stop == Some(frame.index) && does.is_some_and(EhAction::stops) && !frame.inlined;
        let action = match (below, stop == Some(frame.index) && !stops) {
            (true, _) => "not reached",
            // Inlined into the frame that stops it.
            (_, true) => "",
            _ => words::action(does),
        };
        if full || stops || frame.in_app == Some(true) || (frame.in_app.is_none() && !below) {
            rows.push(Row::Frame { frame, action, stops });
        } else if let Some(Row::Folded { frames, below: same }) = rows.last_mut()
            && *same == below
        {
            *frames += 1;
        } else {
            rows.push(Row::Folded { frames: 1, below });
        }
    }
    rows
}

/// A path without what is the same for everybody.
pub(crate) fn short(file: &str) -> &str {
    for mark in ["/library/", "/registry/src/"] {
        if let Some((_, rest)) = file.split_once(mark) {
            return match mark {
                "/registry/src/" => rest.split_once('/').map_or(rest, |(_, rest)| rest),
                _ => rest,
            };
        }
    }
    file
}
