//! Takes down, while the loader holds its lock, what a snapshot needs to know about each image.
//!
//! Nothing is allocated under that lock: an allocator that walks stacks would wait for the lock while
//! holding its own. Whatever does not fit into the room reserved before is counted, and the caller
//! reserves more and asks again.
//!
//! Runs on: the thread that installs the agent and the writer. Must not: allocate in `take_down`.

use core::ops::{ControlFlow, Range};

use super::build_id::find_build_id;
use super::loaded_image::LoadedImage;
use super::tables::ImageTables;
use crate::sys::phdr::{Changes, ImageView, for_each_image};
use crate::unwind::{Cie, EhFrameHdr, Entry, Fde, Pointer, Section, extent};

/// Segments with code, and personality routines, that are kept of an image. Linkers make one or two.
const FEW: usize = 8;

/// Images and bytes that are reserved at first.
const FIRST_IMAGES: usize = 64;
const FIRST_BYTES: usize = 1 << 20;

/// A list of a fixed capacity; what does not fit is dropped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Few<T> {
    items: [T; FEW],
    len: usize,
}

impl<T: Copy> Few<T> {
    fn filled_with(item: T) -> Self {
        Self { items: [item; FEW], len: 0 }
    }

    fn push(&mut self, item: T) {
        if let Some(place) = self.items.get_mut(self.len) {
            *place = item;
            self.len = self.len.saturating_add(1);
        }
    }

    pub(super) fn as_slice(&self) -> &[T] {
        self.items.get(..self.len).unwrap_or_default()
    }
}

/// Bytes copied from an image, by their place in [`Notes::bytes`], and where they belong.
#[derive(Clone, Debug, Default)]
pub(super) struct Piece {
    pub(super) address: u64,
    pub(super) bytes: Range<usize>,
}

/// The unwind sections of an image.
#[derive(Clone, Debug)]
pub(super) enum Sections {
    /// Of an image that is not unmapped while the agent's code is there: borrowed.
    Borrowed { hdr: Section<'static>, eh_frame: Section<'static>, constant: Few<Section<'static>> },
    /// Of any other image: copied.
    Copied { hdr: Piece, eh_frame: Piece, lsdas: Piece },
}

/// What is noted about one image.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// The same image in the previous snapshot; nothing else is noted then.
    pub(super) known: Option<&'static LoadedImage>,
    pub(super) bias: u64,
    pub(super) main: bool,
    pub(super) path: Range<usize>,
    pub(super) build_id: Range<usize>,
    pub(super) code: Few<(u64, u64)>,
    /// `None` when there are none that can be searched.
    pub(super) sections: Option<Sections>,
    /// Personality pointers as CIEs state them, and the routines they lead to.
    pub(super) personalities: Few<(u64, u64)>,
}

/// Everything that one visit of the images noted.
pub(super) struct Notes {
    pub(super) drafts: Vec<Draft>,
    pub(super) bytes: Vec<u8>,
    pub(super) changes: Changes,
    images_wanted: usize,
    bytes_wanted: usize,
}

/// The loader's counters as of now; `None` when it cannot be asked.
pub(super) fn current_changes() -> Option<Changes> {
    let mut changes = Changes::default();
    let asked = for_each_image(&mut |view| {
        changes = view.changes();
        ControlFlow::Break(())
    });
    asked.then_some(changes)
}

/// Finds an image of the previous snapshot by bias, path, `.eh_frame_hdr` and build-id.
pub(super) type Known<'k> = &'k dyn Fn(u64, &[u8], &[u8], &[u8]) -> Option<&'static LoadedImage>;

/// Visits all images.
pub(super) fn take_down(known: Known<'_>) -> Option<Notes> {
    let (mut images, mut bytes) = (FIRST_IMAGES, FIRST_BYTES);
    for _ in 0..8 {
        let mut notes = Notes {
            drafts: Vec::with_capacity(images),
            bytes: Vec::with_capacity(bytes),
            changes: Changes::default(),
            images_wanted: 0,
            bytes_wanted: 0,
        };
        let asked = for_each_image(&mut |view| {
            notes.note(view, known);
            ControlFlow::Continue(())
        });
        if !asked {
            return None;
        }
        if notes.images_wanted <= images && notes.bytes_wanted <= bytes {
            return Some(notes);
        }
        // With room for images that are loaded in the meantime.
        images = images.max(notes.images_wanted.saturating_mul(2));
        bytes = bytes.max(notes.bytes_wanted.saturating_mul(2));
    }
    None
}

impl Notes {
    fn note(&mut self, view: &ImageView<'_>, known: Known<'_>) {
        self.changes = view.changes();
        self.images_wanted = self.images_wanted.saturating_add(1);
        if self.drafts.len() == self.drafts.capacity() {
            return;
        }
        let tables = live_tables(view);
        let hdr_bytes = tables.map_or(&[][..], |tables| tables.hdr.bytes());
        let build_id = live_build_id(view).unwrap_or_default();
        let mut draft = Draft {
            known: known(view.bias(), view.path(), hdr_bytes, build_id),
            bias: view.bias(),
            main: view.is_main(),
            path: 0..0,
            build_id: 0..0,
            code: Few::filled_with((0, 0)),
            sections: None,
            personalities: Few::filled_with((0, 0)),
        };
        if draft.known.is_none() {
            draft.path = self.copy(view.path());
            draft.build_id = self.copy(build_id);
            view.code_ranges().for_each(|range| draft.code.push(range));
            draft.sections = tables.and_then(|tables| {
                if !view.is_lasting() {
                    return Some(self.copied(view, tables.cut()?, &mut draft.personalities));
                }
                if !view.is_main() {
                    note_personalities(view, &tables, &mut draft.personalities);
                }
                borrowed(view, tables)
            });
        }
        self.drafts.push(draft);
    }

    fn copied(
        &mut self,
        view: &ImageView<'_>,
        tables: LiveTables<'_>,
        personalities: &mut Few<(u64, u64)>,
    ) -> Sections {
        let lsdas = survey(view, &tables, personalities);
        let lsda_bytes = lsdas.as_ref().and_then(|range| {
            let len = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
            let bytes = view.constant_bytes(range.start)?;
            Some(bytes.get(..len).unwrap_or(bytes))
        });
        Sections::Copied {
            hdr: self.piece(tables.hdr),
            eh_frame: self.piece(tables.eh_frame),
            lsdas: Piece {
                address: lsdas.map_or(0, |range| range.start),
                bytes: self.copy(lsda_bytes.unwrap_or_default()),
            },
        }
    }

    fn piece(&mut self, section: Section<'_>) -> Piece {
        Piece { address: section.address(), bytes: self.copy(section.bytes()) }
    }

    /// Copies into the reserved room; an empty range when it is full.
    fn copy(&mut self, bytes: &[u8]) -> Range<usize> {
        self.bytes_wanted = self.bytes_wanted.saturating_add(bytes.len());
        let start = self.bytes.len();
        if self.bytes.capacity().saturating_sub(start) < bytes.len() {
            return 0..0;
        }
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }
}

/// The unwind sections of an image in their place; `.eh_frame` reaches to the end of its segment.
#[derive(Clone, Copy)]
pub(super) struct LiveTables<'a> {
    pub(super) hdr: Section<'a>,
    pub(super) eh_frame: Section<'a>,
    parsed: EhFrameHdr<'a>,
}

/// Finds the sections of an image; `None` when there is no search table.
pub(super) fn live_tables<'a>(view: &ImageView<'a>) -> Option<LiveTables<'a>> {
    let (start, end) = view.find_all(libc::PT_GNU_EH_FRAME).next()?;
    let len = usize::try_from(end.checked_sub(start)?).ok()?;
    let hdr = Section::new(start, view.constant_bytes(start)?.get(..len)?);
    let parsed = EhFrameHdr::parse(hdr).ok()?;
    let eh_frame = Section::new(parsed.eh_frame(), view.constant_bytes(parsed.eh_frame())?);
    Some(LiveTables { hdr, eh_frame, parsed })
}

impl<'a> LiveTables<'a> {
    /// With `.eh_frame` cut after its last entry instead of at the end of the segment.
    ///
    /// No header states its length: it ends after the last entry that the search table knows.
    fn cut(self) -> Option<Self> {
        let last = self.parsed.entries().map(|(_, fde)| fde).max()?;
        let end = Entry::at(self.eh_frame, last).ok()??.next;
        let len = usize::try_from(end.checked_sub(self.eh_frame.address())?).ok()?;
        let eh_frame = Section::new(self.eh_frame.address(), self.eh_frame.bytes().get(..len)?);
        Some(Self { eh_frame, ..self })
    }

    /// As tables that answer questions, given the places of LSDAs.
    pub(super) fn with_lsdas(self, lsdas: &'a [Section<'a>]) -> ImageTables<'a> {
        ImageTables {
            hdr: self.parsed,
            hdr_bytes: self.hdr.bytes(),
            eh_frame: self.eh_frame,
            lsdas,
            personalities: &[],
        }
    }
}

fn live_build_id<'a>(view: &ImageView<'a>) -> Option<&'a [u8]> {
    view.find_all(libc::PT_NOTE).find_map(|(start, end)| {
        let len = usize::try_from(end.checked_sub(start)?).ok()?;
        find_build_id(view.constant_bytes(start)?.get(..len)?)
    })
}

fn borrowed(view: &ImageView<'_>, tables: LiveTables<'_>) -> Option<Sections> {
    let lasting = |section: Section<'_>| {
        let bytes = view.lasting_bytes(section.address())?.get(..section.bytes().len())?;
        Some(Section::new(section.address(), bytes))
    };
    let mut constant = Few::filled_with(Section::new(0, &[]));
    for (start, _) in view.constant_ranges() {
        constant.push(Section::new(start, view.lasting_bytes(start)?));
    }
    Some(Sections::Borrowed { hdr: lasting(tables.hdr)?, eh_frame: lasting(tables.eh_frame)?, constant })
}

/// Goes through all entries for the range of their LSDAs and for their personality routines.
fn survey(
    view: &ImageView<'_>,
    tables: &LiveTables<'_>,
    personalities: &mut Few<(u64, u64)>,
) -> Option<Range<u64>> {
    let eh_frame = tables.eh_frame;
    let end = eh_frame.address().saturating_add(eh_frame.bytes().len() as u64);
    let mut cie: Option<(u64, Cie<'_>)> = None;
    let mut range: Option<(u64, u64)> = None;
    let mut address = eh_frame.address();
    while address < end {
        let Ok(entry) = Entry::at(eh_frame, address) else { break };
        let Some(entry) = entry else {
            // A terminator between the parts of several objects.
            address = address.saturating_add(4);
            continue;
        };
        address = entry.next;
        let Some(cie_address) = entry.cie() else { continue };
        if cie.is_none_or(|(at, _)| at != cie_address) {
            let Ok(read) = Cie::at(eh_frame, cie_address) else { continue };
            note_personality(view, read.personality, personalities);
            cie = Some((cie_address, read));
        }
        let Some((_, cie)) = cie.filter(|(_, cie)| cie.has_lsdas()) else { continue };
        let Ok(fde) = Fde::with_cie(cie, &entry) else { continue };
        let Some(Pointer::Direct(lsda)) = fde.lsda else { continue };
        let (low, high) = range.unwrap_or((lsda, lsda));
        range = Some((low.min(lsda), high.max(lsda)));
    }
    let (low, high) = range?;
    let section = Section::new(low, view.constant_bytes(low)?);
    Some(low..extent(&section, high).ok()?)
}

/// Notes the personality routines of all entries up to the terminator.
fn note_personalities(view: &ImageView<'_>, tables: &LiveTables<'_>, personalities: &mut Few<(u64, u64)>) {
    let mut address = tables.eh_frame.address();
    while let Ok(Some(entry)) = Entry::at(tables.eh_frame, address) {
        if entry.cie().is_none()
            && let Ok(cie) = Cie::at(tables.eh_frame, address)
        {
            note_personality(view, cie.personality, personalities);
        }
        address = entry.next;
    }
}

fn note_personality(view: &ImageView<'_>, stated: Option<Pointer>, personalities: &mut Few<(u64, u64)>) {
    let Some(stated) = stated else { return };
    let target = match stated {
        Pointer::Direct(target) => Some(target),
        Pointer::Indirect(place) => view.word(place),
    };
    let known = personalities.as_slice().iter().any(|(place, _)| *place == stated.stated());
    if let Some(target) = target.filter(|_| !known) {
        personalities.push((stated.stated(), target));
    }
}
