//! Functions and lines of one image, out of its file and the files that belong to it.
//!
//! Runs on: the threads that ask. Must not: open a file that nobody asked about.

use core::cell::{OnceCell, RefCell};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use addr2line::gimli::Dwarf;
use addr2line::{Context, LookupContinuation as _, LookupResult};
use object::{Object as _, ObjectSymbol as _, SymbolKind, SymbolMap, SymbolMapName};
use self_cell::self_cell;

use crate::debug_file::Search;
use crate::elf::{ElfFile, Slice, Stamp, Store, is_of_use};
use crate::identity::Identity;
use crate::split::Split;
use crate::{Found, Refused};

self_cell!(
    /// The files of an image, and the tables that point into them.
    pub struct Names {
        owner: Store,

        #[not_covariant]
        dependent: Tables,
    }
);

/// What points into the files.
struct Tables<'a> {
    /// `None`: there is no such file any more, or it is another one.
    image: Option<ElfFile<'a>>,
    /// What was taken out of it, if that is where the functions and lines are.
    debug: Option<ElfFile<'a>>,
    /// `None` where there is no debug information, or nobody wants it.
    context: Option<Context<Slice<'a>>>,
    /// Read when debug information has no name.
    symbols: OnceCell<Option<SymbolMap<SymbolMapName<'a>>>>,
    split: Split<'a>,
    refused: RefCell<Vec<Refused>>,
}

impl Names {
    /// Opens the file of an image, and its debug file where it needs one. These are looked for in the directories, too.
    ///
    /// What cannot be opened gives no names.
    pub fn open(identity: &Identity, directories: &[PathBuf]) -> Self {
        Self::new(Store::default(), |store| Tables::open(store, identity, directories, true))
    }

    /// The same with the names of symbol tables alone: no lines, and nothing that was inlined. The debug information of a debug
    /// file is not even decompressed for it.
    pub fn open_symbols(identity: &Identity, directories: &[PathBuf]) -> Self {
        Self::new(Store::default(), |store| Tables::open(store, identity, directories, false))
    }

    /// Calls `found` for each function at an address of the image, innermost first; whether debug information
    /// describes the function there, so that none that was inlined is missing.
    pub fn find(&self, address: u64, found: &mut dyn FnMut(Found<'_>)) -> bool {
        self.with_dependent(|store, tables| tables.find(store, address, found))
    }

    /// Lets go of the pages of the files that were read. What was made of them stays.
    pub fn rest(&self) {
        self.with_dependent(|_, tables| {
            [&tables.image, &tables.debug].into_iter().flatten().for_each(|file| file.mapped.rest());
        });
    }

    /// Files that were not believed, so far.
    pub fn refused(&self) -> Vec<Refused> {
        self.with_dependent(|_, tables| tables.refused.borrow().clone())
    }

    /// Whether a file was changed in its place since it was opened.
    pub fn is_stale(&self) -> bool {
        self.with_dependent(|_, tables| {
            let open = [&tables.image, &tables.debug].into_iter().flatten();
            let open = open.map(|file| (file.path.as_path(), file.stamp)).chain(tables.split.open_file());
            // What was put into the place of a file leaves the old one as it was.
            open.into_iter().any(|(path, stamp)| {
                fs::metadata(path).is_ok_and(|now| now.ino() == stamp.inode && Stamp::new(&now) != stamp)
            })
        })
    }
}

impl<'a> Tables<'a> {
    fn open(store: &'a Store, identity: &Identity, directories: &[PathBuf], lines: bool) -> Self {
        let mut refused = Vec::new();
        let search = Search { directories, path: identity.path.as_deref() };
        let image = identity.open(store, &mut refused);
        let debug = image.as_ref().and_then(|image| search.debug_file(store, image, &mut refused));
        let described = debug.as_ref().or(image.as_ref()).filter(|file| lines && file.has_debug_info());
        let context = described.and_then(|file| {
            let mut dwarf = dwarf(store, &file.object)?;
            if let Some(shared) = search.shared_file(store, file, &mut refused) {
                dwarf.set_sup(self::dwarf(store, &shared.object)?);
            }
            Context::from_dwarf(dwarf).ok()
        });
        let split = Split::new(identity.path.as_deref(), debug.as_ref().map(|debug| debug.path.as_path()));
        Self { image, debug, context, symbols: OnceCell::new(), split, refused: RefCell::new(refused) }
    }

    fn find(&self, store: &'a Store, address: u64, found: &mut dyn FnMut(Found<'_>)) -> bool {
        let mut is_described = false;
        let mut any = false;
        // Without its split part a unit has lines, and no functions.
        let mut is_whole = true;
        if let Some(context) = &self.context {
            let mut lookup = context.find_frames(address);
            let frames = loop {
                match lookup {
                    LookupResult::Output(frames) => break frames,
                    LookupResult::Load { load, continuation } => {
                        let unit = self.split.load(store, &load, &mut self.refused.borrow_mut());
                        is_whole &= unit.is_some();
                        lookup = continuation.resume(unit);
                    }
                }
            };
            let Ok(mut frames) = frames else { return self.find_symbol(address, found) };
            loop {
                let frame = match frames.next() {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break,
                    Err(_) => {
                        is_described = false;
                        break;
                    }
                };
                any = true;
                let name = frame.function.as_ref().and_then(|function| function.raw_name().ok());
                let location = frame.location.as_ref();
                // With line tables only, a function into which nothing was inlined has no entry of its own (LLVM's
                // `DwarfCompileUnit`, minimal inline scopes); the lines of its unit cover it all the same.
                let has_lines = is_whole && location.is_some_and(|location| location.file.is_some());
                is_described |= name.is_some() || has_lines;
                let symbol = if name.is_none() { self.symbol(address) } else { None };
                let name = name.as_deref().or(symbol);
                found(Found {
                    name,
                    file: location.and_then(|location| location.file),
                    line: location.and_then(|location| location.line).filter(|line| *line > 0),
                    column: location.and_then(|location| location.column).filter(|column| *column > 0),
                });
            }
        }
        if any { is_described } else { self.find_symbol(address, found) }
    }

    fn find_symbol(&self, address: u64, found: &mut dyn FnMut(Found<'_>)) -> bool {
        if let Some(name) = self.symbol(address) {
            found(Found { name: Some(name), file: None, line: None, column: None });
        }
        false
    }

    fn symbol(&self, address: u64) -> Option<&'a str> {
        let symbols = self.symbols.get_or_init(|| {
            let has_table = |file: &&ElfFile<'a>| file.object.symbol_table().is_some();
            let file = self.debug.as_ref().filter(has_table).or(self.image.as_ref());
            file.map(|file| file.object.symbol_map())
        });
        let name = symbols.as_ref()?.containing(address)?.name();
        // `name@VERSION`, in tables that a linker wrote for itself.
        Some(name.split_once('@').map_or(name, |(name, _)| name))
    }
}

fn dwarf<'a>(store: &'a Store, object: &object::File<'a>) -> Option<Dwarf<Slice<'a>>> {
    Dwarf::load(|id| store.section(object, Some(id.name()).filter(|_| is_of_use(id)))).ok()
}

/// The readable name of the function that begins at an address of the image, out of its symbol table. `None` where there is
/// no such table or function, or where the file is not certainly the right one.
///
/// Goes through the table once, and reads no debug information; what was mapped is given back.
pub fn function_at(identity: &Identity, address: u64) -> Option<String> {
    let store = Store::default();
    let file = identity.open(&store, &mut Vec::new())?;
    let mut functions = file.object.symbols().chain(file.object.dynamic_symbols());
    let it = functions.find(|symbol| symbol.kind() == SymbolKind::Text && symbol.address() == address)?;
    Found { name: Some(it.name().ok()?), file: None, line: None, column: None }.function()
}
