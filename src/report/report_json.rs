//! Serializes a report by putting the ready-made JSON of its stack behind freshly written scalars, and
//! keeps the line under its maximum size.
//!
//! Runs on: the writer thread. Must not: write another line than plain serde would; a test compares them.

use std::sync::Arc;

use super::prepared::Prepared;
use super::stack_json::write_facts;
use crate::record::{EncodedLine, Head, Line, Report, ShortLine, SoftError, start_of};
use crate::sink::Stacks;

/// What stands around the two arrays, and the newline.
const AROUND: usize = br#","images":,"frames":[]}"#.len() + 1;
/// How a line ends.
const END: &[u8] = b"}\n";
/// `,"stack_id":"0123456789abcdef"`
const STACK_ID: usize = 30;
/// Room before the ready-made end of a line. Scalars that need more get more.
const HEAD_ROOM: usize = 4096;
/// What is given up, step by step, until the line fits: frames down to a number, then message text down
/// to a number of bytes.
const STEPS: [(usize, usize); 4] = [(4, usize::MAX), (4, 512), (0, 128), (0, 0)];

/// The line cannot be brought under its maximum size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// A reused buffer for one line.
///
/// In a storm one line is like the one before but for its scalars. So the end of a line stays where it is, and the
/// scalars of the next line are put in front of it: what is nine tenths of the line is not copied again.
#[derive(Debug)]
pub(crate) struct LineBuffer {
    /// Room, the scalars of the line up to `end_at`, and from there its end.
    bytes: Vec<u8>,
    /// Where the line begins in `bytes`.
    start: usize,
    end_at: usize,
    /// Whose ready-made end lies in `bytes`.
    end_of: Option<Arc<Prepared>>,
    /// The scalars while they are written.
    head: Vec<u8>,
    /// Whether a file has each stack once.
    stacks: Stacks,
    /// The line without its stack.
    short: Vec<u8>,
    /// Of the stack that `short` leaves out; `None` when the line shows what no other does.
    short_of: Option<u64>,
}

impl LineBuffer {
    /// For lines that show their stacks.
    pub(crate) fn new() -> Self {
        Self::with(Stacks::Each)
    }

    pub(crate) fn with(stacks: Stacks) -> Self {
        Self {
            bytes: Vec::with_capacity(32 * 1024),
            start: 0,
            end_at: 0,
            end_of: None,
            head: Vec::with_capacity(HEAD_ROOM),
            stacks,
            short: Vec::new(),
            short_of: None,
        }
    }

    /// The line that was written last, with its newline.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// The line that was written last, as the text of this value.
    pub(crate) fn encoded<'a>(&'a self, line: &'a Line) -> EncodedLine<'a> {
        let short = self.short_of.map(|stack_id| ShortLine { stack_id, with_newline: &self.short });
        EncodedLine::new(line, self.bytes()).with_short(short)
    }

    /// Writes a report whose frames are those of `prepared`. When it has to be cut the report says so, and
    /// its own frames and message are cut alike.
    ///
    /// # Errors
    /// [`TooLarge`] when the line stays longer than `max` bytes without any frame and message.
    pub(crate) fn write(
        &mut self,
        report: &mut Report,
        prepared: &Arc<Prepared>,
        max: usize,
    ) -> Result<(), TooLarge> {
        self.short_of = None;
        report.stack_id = None;
        self.scalars(report)?;
        let whole = prepared.json.whole();
        let same = report.prediction == prepared.prediction
            && report.stack == prepared.summary
            && report.soft_errors == prepared.soft_errors;
        let once = self.stacks == Stacks::Once;
        let named = if once { STACK_ID } else { 0 };
        if same && self.head.len().saturating_add(named + whole.len()) <= max {
            if once {
                let stack_id = format!("{:016x}", prepared.stack_id());
                self.short.clear();
                self.short.extend_from_slice(&self.head);
                put_stack_id(&mut self.short, &stack_id);
                self.short_of = Some(prepared.stack_id());
                report.stack_id = Some(stack_id);
            }
            self.put_before(prepared, report.stack_id.as_deref());
            return Ok(());
        }
        let kept = self.write_within(report, prepared, max)?;
        if kept < report.frames.len() {
            report.frames = report.frames.get(..kept).unwrap_or_default().into();
        }
        Ok(())
    }

    /// The scalars, before the ready-made end.
    fn put_before(&mut self, prepared: &Arc<Prepared>, stack_id: Option<&str>) {
        let there = self.end_of.as_ref().is_some_and(|known| Arc::ptr_eq(known, prepared));
        if !there || self.head.len() > self.end_at {
            self.end_at = self.head.len().max(HEAD_ROOM);
            self.bytes.resize(self.end_at, b' ');
            self.bytes.extend_from_slice(prepared.json.whole());
            if let Some(stack_id) = stack_id {
                self.bytes.truncate(self.bytes.len().saturating_sub(END.len()));
                self.bytes.push(b',');
                put_stack_id(&mut self.bytes, stack_id);
            }
            self.end_of = Some(prepared.clone());
        }
        self.start = self.end_at.saturating_sub(self.head.len());
        if let Some(room) = self.bytes.get_mut(self.start..self.end_at) {
            room.copy_from_slice(&self.head);
        }
    }

    /// Cuts until the line fits; how many frames were written.
    fn write_within(
        &mut self,
        report: &mut Report,
        prepared: &Prepared,
        max: usize,
    ) -> Result<usize, TooLarge> {
        let all = prepared.json.len();
        self.facts(report);
        let fitting = self.room(prepared, max).map(|room| prepared.json.fitting(room));
        if fitting == Some(all) {
            self.assemble(prepared, all);
            return Ok(all);
        }
        if self.cut_breadcrumbs(report, prepared, max)? {
            return Ok(all);
        }
        let (message, soft_errors) = (report.message.clone(), report.soft_errors.clone());
        for (least_frames, message_bytes) in STEPS {
            report.soft_errors.clone_from(&soft_errors);
            let message_cut = cut_message(report, message.as_deref(), message_bytes);
            // The largest number it can be, so that the final head is no longer than this one.
            say_cut(report, all, max);
            self.scalars(report)?;
            self.facts(report);
            let Some(room) = self.room(prepared, max) else { continue };
            let kept = prepared.json.fitting(room);
            if kept < least_frames.min(all) {
                continue;
            }
            report.soft_errors.truncate(soft_errors.len() + usize::from(message_cut));
            say_cut(report, all - kept, max);
            self.scalars(report)?;
            self.facts(report);
            self.assemble(prepared, kept);
            return Ok(kept);
        }
        Err(TooLarge)
    }

    /// Gives up breadcrumbs, the oldest first, until the line fits; whether it does. If it does not, none is left.
    fn cut_breadcrumbs(
        &mut self,
        report: &mut Report,
        prepared: &Prepared,
        max: usize,
    ) -> Result<bool, TooLarge> {
        let all = report.breadcrumbs.len();
        let soft_errors = report.soft_errors.len();
        for kept in [all / 2, all / 4, 0] {
            let gone = report.breadcrumbs.len().saturating_sub(kept);
            if gone == 0 {
                continue;
            }
            report.breadcrumbs.drain(..gone);
            report.soft_errors.truncate(soft_errors);
            let detail = format!("{} of {all} cut to keep the line under its maximum size", all - kept);
            report.soft_errors.push(SoftError::new("breadcrumbs", "cut_for_size", detail));
            self.scalars(report)?;
            self.facts(report);
            let frames = prepared.json.len();
            if self.room(prepared, max).map(|room| prepared.json.fitting(room)) == Some(frames) {
                self.assemble(prepared, frames);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Everything before the prediction, with the comma after it.
    fn scalars(&mut self, report: &Report) -> Result<(), TooLarge> {
        self.head.clear();
        write_scalars(&mut self.head, report).map_err(|_| TooLarge)
    }

    /// Everything from the prediction to the images.
    fn facts(&mut self, report: &Report) {
        write_facts(&mut self.head, &report.prediction, &report.stack, &report.soft_errors);
    }

    /// Bytes left for frames.
    fn room(&self, prepared: &Prepared, max: usize) -> Option<usize> {
        max.checked_sub(self.head.len() + AROUND + prepared.json.images().len())
    }

    fn assemble(&mut self, prepared: &Prepared, frames: usize) {
        self.end_of = None;
        self.start = 0;
        self.bytes.clear();
        self.bytes.extend_from_slice(&self.head);
        self.bytes.extend_from_slice(br#","images":"#);
        self.bytes.extend_from_slice(prepared.json.images());
        self.bytes.extend_from_slice(br#","frames":["#);
        self.bytes.extend_from_slice(prepared.json.first(frames));
        self.bytes.extend_from_slice(b"]}\n");
    }
}

/// Appends the name of a stack and the end of the line.
fn put_stack_id(out: &mut Vec<u8>, stack_id: &str) {
    out.extend_from_slice(br#""stack_id":""#);
    out.extend_from_slice(stack_id.as_bytes());
    out.push(b'"');
    out.extend_from_slice(END);
}

/// Appends `"name":value,` for each field, by its name in the source, which needs no escaping.
macro_rules! write_fields {
    ($out:ident: $($name:ident)*) => {
        $(
            $out.extend_from_slice(concat!("\"", stringify!($name), "\":").as_bytes());
            serde_json::to_writer(&mut *$out, $name)?;
            $out.push(b',');
        )*
    };
}

/// The fields of a report before its prediction, in order. Derived code would check the names of all fields for
/// characters to escape, and write those of the stack again, which takes longer than everything here.
fn write_scalars(out: &mut Vec<u8>, report: &Report) -> serde_json::Result<()> {
    // All fields by name, so that none can be added and left out here.
    let Report {
        head: Head { schema, kind, id, ts, ts_ms, pid, level, service, version, environment, host },
        fingerprint,
        message,
        thread,
        fate,
        receipt,
        basis,
        uncaught,
        silent,
        swallowed,
        reason,
        incident,
        relation,
        landing,
        received_at,
        hops,
        evidence,
        lineage,
        test,
        hook,
        recovered,
        mono_ns,
        message_len,
        payload_type,
        thread_facts,
        location,
        late,
        labels,
        breadcrumbs,
        prediction: _,
        stack: _,
        soft_errors: _,
        images: _,
        frames: _,
        stack_id: _,
    } = report;
    out.push(b'{');
    write_fields!(out: schema kind id ts ts_ms pid level service version environment host fingerprint);
    write_fields!(out: message thread fate receipt basis uncaught silent swallowed reason incident relation);
    write_fields!(out: landing received_at hops);
    if evidence.is_some() {
        write_fields!(out: evidence);
    }
    write_fields!(out: lineage test hook recovered mono_ns message_len payload_type);
    write_fields!(out: thread_facts location late labels breadcrumbs);
    Ok(())
}

/// Shortens the message to a number of bytes; whether there was anything to shorten.
fn cut_message(report: &mut Report, message: Option<&str>, bytes: usize) -> bool {
    let Some(message) = message.filter(|message| message.len() > bytes) else { return false };
    let start = start_of(message, bytes);
    report.message = Some(start.to_owned());
    let (all, kept) = (message.len(), start.len());
    let detail = format!("cut from {all} to {kept} bytes to keep the line under its maximum size");
    report.soft_errors.push(SoftError::new("message", "cut_for_size", detail));
    true
}

fn say_cut(report: &mut Report, cut: usize, max: usize) {
    report.stack.cut_for_size = u32::try_from(cut).unwrap_or(u32::MAX);
    if cut > 0 {
        let detail = format!("{cut} outer frames cut to keep the line under {max} bytes");
        report.soft_errors.push(SoftError::new("frames", "cut_for_size", detail));
    }
}
