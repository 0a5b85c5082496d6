//! Where a panic was raised, without a hook: std has the `Location` in the frame that calls hooks, at a distance from
//! the raise that is the same in every program of one compiler release.
//!
//! Runs on: the thread that installs the agent (`calibrate`), panicking threads (`find`). Must not, in `find`:
//! allocate, lock, panic, or read outside its stack and the segments of loaded images.
//!
//! The agent raises a few panics of its own and looks where their location lies. A panic of the program is asked for
//! its location only if the frame at that distance is a call at the same offset of a function of the same length:
//! `resume_unwind`, which has no location, comes from another function, and so does a std that was optimized anew.

use core::cell::Cell;
use std::panic::{self, Location};

use once_cell::race::OnceBox;

use super::segments;
use super::shapes::{SHAPES, clear_stack, formatted};
use super::text::is_like;
use crate::capture::stack;
use crate::image;
use crate::platform::FoundLocation;
use crate::sys::registers;
use crate::sys::stack_bound::StackWindow;

/// Words above the raise that are searched.
const WORDS: usize = 256;
/// Longest path of a source file that is believed.
const MAX_FILE: usize = 4096;

/// What was learned: the word above the raise that holds the location, and the function of the agent's own std in whose
/// frame it lies.
static LEARNED: OnceBox<(usize, FrameOf)> = OnceBox::new();

thread_local! {
    static CALIBRATION: Cell<Option<Calibration>> = const { Cell::new(None) };
}

/// What is looked for in a panic of the agent's own.
#[derive(Clone, Copy)]
enum Calibration {
    /// The location that the hook is told, as an address.
    Location(usize),
    /// The words above the raise that held the location of every panic so far, one bit each.
    Words { location: usize, holding: [u64; WORDS / 64] },
    /// Length of the function whose frame holds a word, and offset of its call.
    Frame { word: usize, found: Option<FrameOf> },
}

/// A function and a call in it.
#[derive(Clone, Copy, Debug)]
struct FrameOf {
    start: u64,
    length: u64,
    /// Offset of the instruction after the call.
    call: u64,
}

/// std's `Location`; the calibration compares it with what `Location` itself says.
#[repr(C)]
#[derive(Clone, Copy)]
struct Raw {
    file: usize,
    file_len: usize,
    line: u32,
    column: u32,
}

/// Learns the distance, with panics of this thread that nobody sees.
pub(super) fn calibrate() -> Result<(), &'static str> {
    let previous = panic::take_hook();
    let learned = learn();
    CALIBRATION.set(None);
    panic::set_hook(previous);
    // A second agent of the process learns the same.
    let _first = LEARNED.set(Box::new(learned?));
    Ok(())
}

fn learn() -> Result<(usize, FrameOf), &'static str> {
    let gone = "the calibration is gone";
    panic::set_hook(Box::new(|info| {
        let location = info.location().map_or(0, |location| core::ptr::from_ref(location).addr());
        CALIBRATION.set(Some(Calibration::Location(location)));
    }));
    let mut locations = [0; SHAPES.len()];
    for (shape, place) in SHAPES.iter().zip(&mut locations) {
        let Calibration::Location(location) = raise(*shape, Calibration::Location(0)).ok_or(gone)? else {
            return Err(gone);
        };
        if !agrees(location) {
            return Err("a location is laid out in another way");
        }
        *place = location;
    }
    // From here on with a hook that does not look: what that one left on the stack is not std's.
    panic::set_hook(Box::new(|_| {}));
    let mut holding = [u64::MAX; WORDS / 64];
    for (shape, location) in SHAPES.iter().zip(locations) {
        match raise(*shape, Calibration::Words { location, holding }).ok_or(gone)? {
            Calibration::Words { holding: still, .. } => holding = still,
            _ => return Err(gone),
        }
    }
    let holds = |word: &usize| holding.get(word / 64).is_some_and(|bits| bits & (1 << (word % 64)) != 0);
    let word = (1..WORDS).find(holds).ok_or("no word holds the location of every panic")?;
    match raise(formatted, Calibration::Frame { word, found: None }) {
        Some(Calibration::Frame { found: Some(frame), .. }) => Ok((word, frame)),
        _ => Err("the frame that holds the location is not known"),
    }
}

/// Panics, and returns what that panic made of the calibration.
fn raise(shape: fn(), calibration: Calibration) -> Option<Calibration> {
    CALIBRATION.set(Some(calibration));
    clear_stack();
    drop(panic::catch_unwind(shape));
    CALIBRATION.get()
}

/// Whether the layout that is assumed here says the same as the location itself.
fn agrees(address: usize) -> bool {
    if address == 0 || size_of::<Location<'_>>() != size_of::<Raw>() {
        return false;
    }
    // SAFETY: the address of a `&'static Location` that the hook was shown.
    let location = unsafe { &*core::ptr::with_exposed_provenance::<Location<'static>>(address) };
    // SAFETY: as above, of the same size, and plain numbers.
    let raw = unsafe { *core::ptr::with_exposed_provenance::<Raw>(address) };
    // Some releases count the file's final zero.
    let len = raw.file_len == location.file().len();
    len && raw.file == location.file().as_ptr().addr()
        && (raw.line, raw.column) == (location.line(), location.column())
}

/// A raise of the calibration; `false` when this thread does not raise to calibrate.
pub(super) fn raised(anchor: usize) -> bool {
    let calibrates = CALIBRATION.try_with(|cell| {
        let Some(mut calibration) = cell.get() else { return false };
        match &mut calibration {
            Calibration::Words { location, holding } => {
                for word in 0..WORDS {
                    let holds = word_at(anchor, word) == Some(*location);
                    if let Some(bits) = holding.get_mut(word / 64).filter(|_| !holds) {
                        *bits &= !(1 << (word % 64));
                    }
                }
            }
            Calibration::Frame { word, found } => *found = frame_of(place_of(anchor, *word)),
            Calibration::Location(_) => {}
        }
        cell.set(Some(calibration));
        true
    });
    calibrates.unwrap_or(false)
}

fn place_of(anchor: usize, word: usize) -> usize {
    // The anchor is a byte at a fixed place of the probe's frame: rounding it keeps distances comparable.
    let base = anchor & !(size_of::<usize>().wrapping_sub(1));
    base.wrapping_add(word.wrapping_mul(size_of::<usize>()))
}

/// A word above the raise; `None` beyond the thread's stack.
fn word_at(anchor: usize, word: usize) -> Option<usize> {
    let stack = StackWindow::above(&registers::current())?;
    usize::try_from(stack.word(place_of(anchor, word) as u64)?).ok()
}

/// The function whose frame holds an address of this stack, and its call.
fn frame_of(address: usize) -> Option<FrameOf> {
    called_by(stack::frame_holding(address)?)
}

fn called_by(ip: u64) -> Option<FrameOf> {
    let function = image::current()?.function_at(ip.wrapping_sub(1))?;
    Some(FrameOf {
        start: function.start,
        length: function.end.checked_sub(function.start)?,
        call: ip.checked_sub(function.start)?,
    })
}

/// Among the return addresses of this thread, innermost first, the one into the function of std's that calls hooks, while
/// it does not raise: a hook is being called, or what it calls in place of a raise. `None` also where that function is not
/// known.
///
/// # Cost
/// A look into the tables for each address; no allocation, no lock.
pub(super) fn calls_hook(ips: &[u64]) -> Option<usize> {
    let (_, FrameOf { start, length, call }) = *LEARNED.get()?;
    let own = start..start.checked_add(length)?;
    ips.iter().position(|ip| {
        called_by(*ip).is_some_and(|frame| {
            frame.length == length
                && frame.call != call
                && is_like(&own, &(frame.start..frame.start.saturating_add(length)))
        })
    })
}

/// The place of the panic that is just raised; `None` when it has none or that cannot be told.
///
/// # Cost
/// A walk of half a dozen frames.
pub(super) fn find(anchor: usize) -> Option<FoundLocation> {
    let (word, own) = *LEARNED.get()?;
    let frame = frame_of(place_of(anchor, word))?;
    if (frame.length, frame.call) != (own.length, own.call) {
        return None;
    }
    read(word_at(anchor, word)?)
}

/// Reads a location that may be none.
fn read(address: usize) -> Option<FoundLocation> {
    if !address.is_multiple_of(align_of::<Raw>()) || !segments::is_readable(address, size_of::<Raw>()) {
        return None;
    }
    // SAFETY: aligned and inside a segment that was readable when the table of segments was made. The caller found the
    // address in a frame of std's that calls hooks, so it is the `&'static Location` of code that is panicking on this
    // thread: its image cannot be unloaded before the frames above are gone. Any bytes are plain numbers.
    let raw = unsafe { *core::ptr::with_exposed_provenance::<Raw>(address) };
    let sane = (1..=MAX_FILE).contains(&raw.file_len) && raw.line != 0 && raw.column != 0;
    if !sane || !segments::is_readable(raw.file, raw.file_len) {
        return None;
    }
    let bytes = core::ptr::with_exposed_provenance::<u8>(raw.file);
    // SAFETY: the range lies in a readable segment of the image of the location, which is loaded as above; text of a
    // program is not written.
    let bytes = unsafe { core::slice::from_raw_parts(bytes, raw.file_len) };
    let file = core::str::from_utf8(bytes).ok()?;
    Some(FoundLocation { file, line: raw.line, column: raw.column })
}
