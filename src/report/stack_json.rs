//! The end of a line, ready-made: everything in it that depends on the stack alone.
//!
//! Runs on: the writer thread. Must not: write another text than plain serde would; a test compares them.

use core::ops::Range;

use serde::Serialize;

use crate::record::{Frame, Image, Prediction, SoftError, StackSummary};

/// The fields from `prediction` to the end of the line, with the newline.
#[derive(Debug)]
pub(crate) struct StackJson {
    bytes: Vec<u8>,
    /// Where the images lie in it, a JSON array.
    images: Range<usize>,
    /// Where the first frame begins.
    frames: usize,
    /// Where each frame ends.
    frame_ends: Vec<usize>,
}

impl StackJson {
    pub(crate) fn new(
        prediction: &Prediction,
        summary: &StackSummary,
        soft_errors: &[SoftError],
        images: &[Image],
        frames: &[Frame],
    ) -> Self {
        let mut bytes = Vec::with_capacity(frames.len() * 300 + 1024);
        write_facts(&mut bytes, prediction, summary, soft_errors);
        bytes.extend_from_slice(br#","images":"#);
        let images_begin = bytes.len();
        write(&mut bytes, images);
        let images = images_begin..bytes.len();
        bytes.extend_from_slice(br#","frames":["#);
        let first = bytes.len();
        let mut frame_ends = Vec::with_capacity(frames.len());
        for frame in frames {
            if bytes.len() > first {
                bytes.push(b',');
            }
            write(&mut bytes, frame);
            frame_ends.push(bytes.len());
        }
        bytes.extend_from_slice(b"]}\n");
        bytes.shrink_to_fit();
        Self { bytes, images, frames: first, frame_ends }
    }

    /// The whole end of the line.
    pub(crate) fn whole(&self) -> &[u8] {
        &self.bytes
    }

    /// The images, a JSON array.
    pub(crate) fn images(&self) -> &[u8] {
        self.bytes.get(self.images.clone()).unwrap_or(b"[]")
    }

    /// How many frames there are.
    pub(crate) fn len(&self) -> usize {
        self.frame_ends.len()
    }

    /// How many of the frames fit into this many bytes, from the first one on.
    pub(crate) fn fitting(&self, bytes: usize) -> usize {
        self.frame_ends.partition_point(|end| end.saturating_sub(self.frames) <= bytes)
    }

    /// The first frames, with commas between them and no brackets.
    pub(crate) fn first(&self, frames: usize) -> &[u8] {
        let last = frames.checked_sub(1).and_then(|last| self.frame_ends.get(last));
        let end = last.copied().unwrap_or(self.frames);
        self.bytes.get(self.frames..end).unwrap_or_default()
    }
}

/// Appends the fields from `prediction` to `soft_errors`, without a comma around them.
pub(crate) fn write_facts(
    out: &mut Vec<u8>,
    prediction: &Prediction,
    summary: &StackSummary,
    soft_errors: &[SoftError],
) {
    out.extend_from_slice(br#""prediction":"#);
    write(out, prediction);
    out.extend_from_slice(br#","stack":"#);
    write(out, summary);
    out.extend_from_slice(br#","soft_errors":"#);
    write(out, soft_errors);
}

/// Appends a value as JSON. Writing to a vector does not fail, and none of these values has a map, whose key could be
/// refused.
fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).ok();
}
