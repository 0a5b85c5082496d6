//! The images of the process at one moment, sorted by address, with a table of facts about return addresses.
//!
//! Snapshots are never freed: a panicking thread may hold one without saying so. Their number is bounded;
//! a program that loads and unloads images for ever ends with the last snapshot and walks newer images with
//! the system's unwinder.
//!
//! Runs on: `refresh` on the thread that installs the agent and on the writer; the rest on every thread.
//! Must not: allocate or lock outside `refresh`.

use core::hint::black_box;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

use once_cell::race::OnceBox;

use super::FrameFacts;
use super::fact_table::FactTable;
use super::loaded_image::LoadedImage;
use super::scan::{Draft, Notes, Piece, Sections, current_changes, take_down};
use super::tables::ImageTables;
use super::vtables::is_first_method;
use crate::platform;
use crate::sys::fork_lock::ForkLock;
use crate::sys::phdr::{Changes, exported_name};
use crate::sys::registers;
use crate::unwind::{EhFrameHdr, Personality, Section};

/// Snapshots that a process can have, about 130 KiB each.
const MAX_SNAPSHOTS: usize = 256;

/// Published snapshots: `LATEST` of them, in order. Only `refresh` adds one.
static SNAPSHOTS: [OnceBox<Snapshot>; MAX_SNAPSHOTS] = [const { OnceBox::new() }; MAX_SNAPSHOTS];
/// Number of published snapshots, 0 before the first `refresh`. Written with Release after the snapshot is
/// complete; read with Acquire.
static LATEST: AtomicUsize = AtomicUsize::new(0);
/// Held by `refresh`, so that two callers do not build the same snapshot.
static REFRESHING: ForkLock = ForkLock::new();

/// An immutable view of the loaded images.
#[derive(Debug)]
pub(crate) struct Snapshot {
    generation: u32,
    changes: Changes,
    images: Vec<&'static LoadedImage>,
    /// Start, end and image of each segment with code, sorted by start.
    code: Vec<(u64, u64, &'static LoadedImage)>,
    facts: FactTable,
}

/// The newest snapshot; `None` before the first [`refresh`].
///
/// # Cost
/// Two loads.
pub(crate) fn current() -> Option<&'static Snapshot> {
    SNAPSHOTS.get(LATEST.load(Ordering::Acquire).checked_sub(1)?)?.get()
}

/// The snapshot of a number, as a record names it.
pub(crate) fn of_generation(generation: u32) -> Option<&'static Snapshot> {
    SNAPSHOTS.get(usize::try_from(generation).ok()?.checked_sub(1)?)?.get()
}

/// Makes a new snapshot if images were loaded or unloaded since the last one; `true` if it did.
///
/// Allocates, reads `/proc/self/exe` the first time, and takes the loader's lock: not for a panicking thread.
pub(crate) fn refresh() -> bool {
    let _one_at_a_time = REFRESHING.lock();
    let previous = current();
    let Some(changes) = current_changes() else { return false };
    if previous.is_some_and(|snapshot| snapshot.changes == changes) {
        return false;
    }
    let index = LATEST.load(Ordering::Relaxed);
    let Some(place) = SNAPSHOTS.get(index) else { return false };
    let known = |bias: u64, path: &[u8], hdr: &[u8], build_id: &[u8]| {
        previous?.images.iter().copied().find(|image| image.is_the_same(bias, path, hdr, build_id))
    };
    let Some(notes) = take_down(&known) else { return false };
    let generation = u32::try_from(index.saturating_add(1)).unwrap_or(u32::MAX);
    // There already: a thread of the parent was about to publish it when this child was forked.
    let fresh = place.set(Box::new(Snapshot::build(generation, notes))).is_ok();
    // Release: pairs with the Acquire in `current`.
    LATEST.store(index.saturating_add(1), Ordering::Release);
    fresh
}

impl Snapshot {
    /// Number of the snapshot, from 1.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// The image whose code holds an address or ends just before it, as a return address may.
    pub(crate) fn image_of(&self, ip: u64) -> Option<&'static LoadedImage> {
        self.image_at(ip).or_else(|| self.image_at(ip.checked_sub(1)?))
    }

    /// All images, the main executable first.
    pub(crate) fn images(&self) -> impl Iterator<Item = &'static LoadedImage> {
        self.images.iter().copied()
    }

    /// Facts about the instruction at `address`: an exact instruction pointer or a return address minus one.
    ///
    /// # Cost
    /// No allocation. One probe when the address was asked about before, else a few table lookups.
    #[inline]
    pub(crate) fn facts(&self, address: u64) -> FrameFacts {
        self.facts.find(address).unwrap_or_else(|| self.read_facts(address))
    }

    /// The same for an address that was not asked about before.
    #[cold]
    fn read_facts(&self, address: u64) -> FrameFacts {
        match self.image_at(address).and_then(|image| image.tables.as_ref()) {
            Some(tables) => {
                let facts = tables.facts_at(address);
                self.facts.insert(address, facts);
                facts
            }
            None => FrameFacts::UNKNOWN,
        }
    }

    /// Addresses of the function that an address lies in.
    pub(crate) fn function_at(&self, address: u64) -> Option<Range<u64>> {
        self.image_at(address)?.tables.as_ref()?.function_at(address)
    }

    /// Whether the function that an address lies in is the first method in some vtable, by [`is_first_method`].
    pub(crate) fn is_called_through_vtable(&self, address: u64) -> Option<bool> {
        is_first_method(self.function_at(address)?.start)
    }

    /// See [`ImageTables::catch_cleans`].
    pub(crate) fn catch_cleans(&self, address: u64) -> Option<bool> {
        self.image_at(address)?.tables.as_ref()?.catch_cleans(address)
    }

    /// The image whose code holds an address.
    pub(crate) fn image_at(&self, address: u64) -> Option<&'static LoadedImage> {
        let after = self.code.partition_point(|(start, ..)| *start <= address);
        let (_, end, image) = self.code.get(after.checked_sub(1)?)?;
        (address < *end).then_some(*image)
    }

    fn build(generation: u32, notes: Notes) -> Self {
        let Notes { drafts, bytes, changes, .. } = notes;
        // What new images need of it is needed as long as the process lives, and is no copy of a copy.
        let bytes: &'static [u8] = if drafts.iter().any(|draft| draft.known.is_none()) {
            Box::leak(bytes.into_boxed_slice())
        } else {
            &[]
        };
        let own_code = address_with_landing_pad();
        let images: Vec<_> = drafts
            .into_iter()
            .map(|draft| match draft.known {
                Some(image) => image,
                None => &*Box::leak(Box::new(LoadedImage::from_draft(&draft, bytes, own_code))),
            })
            .collect();
        let mut code: Vec<_> = images
            .iter()
            .flat_map(|image| image.code.iter().map(|(start, end)| (*start, *end, *image)))
            .collect();
        code.sort_by_key(|(start, ..)| *start);
        Self { generation, changes, images, code, facts: FactTable::new() }
    }
}

impl LoadedImage {
    fn from_draft(draft: &Draft, bytes: &'static [u8], own_code: u64) -> Self {
        let loader_path = bytes.get(draft.path.clone()).unwrap_or_default();
        let path = if draft.main {
            std::env::current_exe().ok().map(|path| path.to_string_lossy().into_owned())
        } else {
            Some(String::from_utf8_lossy(loader_path).into_owned())
        };
        let name = path.as_deref().map_or("", |path| path.rsplit('/').next().unwrap_or(path)).to_owned();
        let build_id = bytes.get(draft.build_id.clone()).filter(|id| !id.is_empty());
        let build_id = build_id.map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect());
        let mut image = Self {
            name,
            // What the kernel maps has a name but is no file.
            path: path.filter(|path| path.contains('/')),
            loader_path: loader_path.into(),
            build_id,
            bias: draft.bias,
            code: draft.code.as_slice().to_vec(),
            tables: lasting_tables(&draft.sections, bytes),
        };
        image.name_personalities(draft, own_code);
        image
    }

    fn name_personalities(&mut self, draft: &Draft, own_code: u64) {
        let mut named: Vec<(u64, Personality)> = Vec::new();
        let path = self.path.clone();
        for (stated, routine) in draft.personalities.as_slice() {
            let personality = match exported_name(*routine).as_deref() {
                Some(b"rust_eh_personality") => Personality::Rust,
                Some(b"__gxx_personality_v0") => Personality::Cxx,
                Some(b"__gcc_personality_v0") => Personality::C,
                _ if is_foreign_rust(*routine, path.as_deref(), draft) => Personality::Rust,
                _ => Personality::Other,
            };
            named.push((*stated, personality));
        }
        let has_own_code = self.code.iter().any(|(start, end)| (*start..*end).contains(&own_code));
        let Some(tables) = self.tables.as_mut() else { return };
        if has_own_code {
            // The agent is Rust, so the routine of its own code is Rust's.
            let own = tables.fde_at(own_code).ok().flatten().and_then(|fde| fde.cie.personality);
            if let Some(own) = own {
                named.insert(0, (own.stated(), Personality::Rust));
            }
        }
        tables.personalities = named.leak();
    }

    /// Without allocating, as the loader holds its lock. An empty one stands for none.
    fn has_build_id(&self, build_id: &[u8]) -> bool {
        let own = self.build_id.as_deref().unwrap_or_default().as_bytes();
        let digit = |value: u8| char::from_digit(u32::from(value), 16);
        let digits = build_id.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
        own.iter().map(|digit| Some(char::from(*digit))).eq(digits)
    }

    /// Whether this is the image that the loader describes: the same file at the same place.
    fn is_the_same(&self, bias: u64, path: &[u8], hdr: &[u8], build_id: &[u8]) -> bool {
        let own_hdr = self.tables.as_ref().map_or(&[][..], |tables| tables.hdr_bytes);
        self.bias == bias && *self.loader_path == *path && self.has_build_id(build_id) && own_hdr == hdr
    }
}

/// Whether a routine without an exported name is that of Rust code which is not the agent's: the only such routine of
/// an image that a Rust compiler built.
fn is_foreign_rust(routine: u64, path: Option<&str>, draft: &Draft) -> bool {
    let unnamed = |routine: u64| exported_name(routine).is_none();
    platform::std().is_foreign()
        && unnamed(routine)
        && draft.personalities.as_slice().iter().all(|(_, other)| *other == routine || !unnamed(*other))
        && path.is_some_and(|path| platform::std().is_rust(std::path::Path::new(path)))
}

fn lasting_tables(sections: &Option<Sections>, bytes: &'static [u8]) -> Option<ImageTables<'static>> {
    let (hdr, eh_frame, lsdas) = match sections.as_ref()? {
        Sections::Borrowed { hdr, eh_frame, constant } => (*hdr, *eh_frame, constant.as_slice().to_vec()),
        Sections::Copied { hdr, eh_frame, lsdas } => {
            (section(hdr, bytes), section(eh_frame, bytes), vec![section(lsdas, bytes)])
        }
    };
    Some(ImageTables {
        hdr: EhFrameHdr::parse(hdr).ok()?,
        hdr_bytes: hdr.bytes(),
        eh_frame,
        lsdas: lsdas.leak(),
        personalities: &[],
    })
}

fn section(piece: &Piece, bytes: &'static [u8]) -> Section<'static> {
    Section::new(piece.address, bytes.get(piece.bytes.clone()).unwrap_or_default())
}

/// An address in a function of the agent's own, which is Rust, that has a landing pad, so its CIE names Rust's personality
/// routine; unless the program is built to abort on panic, where nothing has.
#[inline(never)]
fn address_with_landing_pad() -> u64 {
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            black_box(());
        }
    }
    let _guard = black_box(Guard);
    // A call that the compiler must expect to unwind.
    black_box::<fn()>(|| {})();
    registers::current().ip()
}
