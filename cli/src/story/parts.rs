//! Reads a plain file as fast as it comes: cut at newlines into a part for each thread.
//!
//! Runs on: one thread for each part. Must not: keep more than a piece of a file and the longest line.

use std::fs::File;
use std::io;

use super::{is_gzip, unprefixed};
use crate::system::read_at;

/// What a thread reads at once.
const PIECE: usize = 1 << 20;
/// Longest line that is looked at.
const MAX_LINE: usize = 4 << 20;
/// Files below this are read by one thread.
const SMALL: u64 = 8 << 20;

/// What a part of a file is made of.
pub(crate) enum Piece<'l> {
    /// Without its newline, and without what others put before it.
    Line(&'l [u8]),
    /// A line that nobody of ours has written.
    TooLong,
}

pub(crate) fn is_packed(file: &File) -> io::Result<bool> {
    let mut start = [0; 2];
    let count = read_at(file, &mut start, 0)?;
    Ok(is_gzip(start.get(..count).unwrap_or_default()))
}

/// Shows each line of the first `len` bytes to `look`, with what belongs to its part; these, in the order of the file.
pub(crate) fn in_parts<T: Default + Send>(
    file: &File,
    len: u64,
    look: impl Fn(&mut T, Piece<'_>) + Sync,
) -> io::Result<Vec<T>> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from).min(16);
    let threads = if len < SMALL { 1 } else { processors as u64 };
    let border = |number: u64| len / threads * number;
    let results: Vec<io::Result<T>> = std::thread::scope(|scope| {
        let part = |number: u64| {
            let end = if number + 1 == threads { len } else { border(number + 1) };
            let look = &look;
            scope.spawn(move || part(file, border(number), end, look))
        };
        let running: Vec<_> = (0..threads).map(part).collect();
        let died = || Err(io::Error::other("a reading thread died"));
        running.into_iter().map(|thread| thread.join().unwrap_or_else(|_| died())).collect()
    });
    results.into_iter().collect()
}

/// Looks at the lines that begin in a part of the file.
fn part<T: Default>(file: &File, begin: u64, end: u64, look: impl Fn(&mut T, Piece<'_>)) -> io::Result<T> {
    let mut found = T::default();
    let mut buffer = vec![0; PIECE];
    let (mut filled, mut position) = (0, begin.saturating_sub(1));
    // From the byte before on, everything up to the first newline belongs to the part before.
    let mut skipping = begin > 0;
    // Where the next line begins.
    let mut line_at = position;
    'file: loop {
        if filled == buffer.len() {
            buffer.resize(buffer.len() * 2, 0);
        }
        let room = buffer.get_mut(filled..).unwrap_or_default();
        let count = match read_at(file, room, position) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if count == 0 {
            if !skipping && line_at < end {
                look(&mut found, Piece::Line(unprefixed(buffer.get(..filled).unwrap_or_default())));
            }
            break;
        }
        let fresh = filled;
        filled += count;
        position += count as u64;
        let mut from = 0;
        for newline in memchr::memchr_iter(b'\n', buffer.get(fresh..filled).unwrap_or_default()) {
            let newline = fresh + newline;
            let line = buffer.get(from..newline).unwrap_or_default();
            if std::mem::take(&mut skipping) {
                // The end of somebody else's line.
            } else if line_at < end {
                look(&mut found, Piece::Line(unprefixed(line)));
            }
            line_at += (newline + 1 - from) as u64;
            from = newline + 1;
            if line_at >= end {
                break 'file;
            }
        }
        buffer.copy_within(from..filled, 0);
        filled -= from;
        if filled > MAX_LINE {
            // Too long for a line of ours: what follows is passed over up to its end.
            if !skipping {
                look(&mut found, Piece::TooLong);
            }
            skipping = true;
            line_at += filled as u64;
            filled = 0;
        }
    }
    Ok(found)
}
