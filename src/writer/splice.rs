//! Serializes a report by putting the ready-made JSON of its stack behind freshly written scalars, and
//! keeps the line under its maximum size.
//!
//! Runs on: the writer thread. Must not: write another line than plain serde would; a test compares them.

use std::sync::Arc;

use super::prepared::Prepared;
use crate::record::{Frame, Image, Report, SoftError};

/// How serde ends a report without images and frames, which are its last fields.
const EMPTY_TAIL: &[u8] = br#""images":[],"frames":[]}"#;
/// What stands between and around the two arrays, and the newline.
const AROUND: usize = br#""images":,"frames":[]}"#.len() + 1;
/// What is given up, step by step, until the line fits: frames down to a number, then message text down
/// to a number of bytes.
const STEPS: [(usize, usize); 4] = [(4, usize::MAX), (4, 512), (0, 128), (0, 0)];

/// The line cannot be brought under its maximum size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// A reused buffer for one line.
#[derive(Debug)]
pub(crate) struct LineBuffer {
    bytes: Vec<u8>,
    no_images: Arc<[Image]>,
    no_frames: Arc<[Frame]>,
}

impl LineBuffer {
    pub(crate) fn new() -> Self {
        Self { bytes: Vec::with_capacity(32 * 1024), no_images: Arc::new([]), no_frames: Arc::new([]) }
    }

    /// The line that was written last, with its newline.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes a report whose frames are those of `prepared`. When it has to be cut the report says so, and
    /// its own frames and message are cut alike.
    ///
    /// # Errors
    /// [`TooLarge`] when the line stays longer than `max` bytes without any frame and message.
    pub(crate) fn write(
        &mut self,
        report: &mut Report,
        prepared: &Prepared,
        max: usize,
    ) -> Result<(), TooLarge> {
        let images = core::mem::replace(&mut report.images, self.no_images.clone());
        let frames = core::mem::replace(&mut report.frames, self.no_frames.clone());
        let kept = self.write_within(report, prepared, max);
        report.images = images;
        report.frames = match kept {
            Ok(kept) if kept < frames.len() => frames.get(..kept).unwrap_or_default().into(),
            _ => frames,
        };
        kept.map(|_| ())
    }

    /// How many frames were written.
    fn write_within(
        &mut self,
        report: &mut Report,
        prepared: &Prepared,
        max: usize,
    ) -> Result<usize, TooLarge> {
        let all = prepared.frame_ends.len();
        self.head(report)?;
        if self.room(prepared, max).is_some_and(|room| prepared.frames_json.len() <= room) {
            self.tail(prepared, all);
            return Ok(all);
        }
        let (message, soft_errors) = (report.message.clone(), report.soft_errors.clone());
        for (least_frames, message_bytes) in STEPS {
            report.soft_errors.clone_from(&soft_errors);
            let message_cut = cut_message(report, message.as_deref(), message_bytes);
            // The largest number it can be, so that the final head is no longer than this one.
            say_cut(report, all, max);
            self.head(report)?;
            let Some(room) = self.room(prepared, max) else { continue };
            let kept = prepared.frame_ends.partition_point(|end| *end <= room);
            if kept < least_frames.min(all) {
                continue;
            }
            report.soft_errors.truncate(soft_errors.len() + usize::from(message_cut));
            say_cut(report, all - kept, max);
            self.head(report)?;
            self.tail(prepared, kept);
            return Ok(kept);
        }
        Err(TooLarge)
    }

    /// Everything before the images.
    fn head(&mut self, report: &Report) -> Result<(), TooLarge> {
        self.bytes.clear();
        serde_json::to_writer(&mut self.bytes, report).map_err(|_| TooLarge)?;
        let head = self.bytes.strip_suffix(EMPTY_TAIL).ok_or(TooLarge)?.len();
        self.bytes.truncate(head);
        Ok(())
    }

    /// Bytes left for frames.
    fn room(&self, prepared: &Prepared, max: usize) -> Option<usize> {
        max.checked_sub(self.bytes.len() + AROUND + prepared.images_json.len())
    }

    fn tail(&mut self, prepared: &Prepared, frames: usize) {
        let end = frames.checked_sub(1).and_then(|last| prepared.frame_ends.get(last)).copied().unwrap_or(0);
        self.bytes.extend_from_slice(br#""images":"#);
        self.bytes.extend_from_slice(&prepared.images_json);
        self.bytes.extend_from_slice(br#","frames":["#);
        self.bytes.extend_from_slice(prepared.frames_json.get(..end).unwrap_or_default());
        self.bytes.extend_from_slice(b"]}\n");
    }
}

/// Shortens the message to a number of bytes; whether there was anything to shorten.
fn cut_message(report: &mut Report, message: Option<&str>, bytes: usize) -> bool {
    let Some(message) = message.filter(|message| message.len() > bytes) else { return false };
    let mut end = bytes;
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    report.message = Some(message[..end].to_owned());
    let detail = format!("cut from {} to {end} bytes to keep the line under its maximum size", message.len());
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
