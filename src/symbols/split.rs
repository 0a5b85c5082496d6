//! Debug information that the compiler left outside of the image: packed into one file, or in one for each unit.
//!
//! Runs on: the threads that ask. Must not: believe a unit that has another id than the image asks for.

use core::cell::OnceCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use addr2line::SplitDwarfLoad;
use addr2line::gimli::{Dwarf, DwarfPackage};

use crate::Refused;
use crate::elf::{ElfFile, Opening, Slice, Stamp, Store, endian, is_of_use};

const LACKS_UNIT: &str = "belongs to another build: it lacks a unit that the image asks for";
const OTHER_UNIT: &str = "belongs to another build: its unit is not the one that the image asks for";

/// Finds the parts.
pub(crate) struct Split<'a> {
    /// Where a package may lie.
    places: Vec<PathBuf>,
    package: OnceCell<Option<Package<'a>>>,
}

struct Package<'a> {
    path: PathBuf,
    stamp: Stamp,
    units: DwarfPackage<Slice<'a>>,
}

impl<'a> Split<'a> {
    /// For an image that is said to lie at a path, and its separate debug file.
    pub(crate) fn new(image: Option<&Path>, debug: Option<&Path>) -> Self {
        let packed = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(".dwp");
            PathBuf::from(name)
        };
        let places = [image, debug].into_iter().flatten().map(packed).collect();
        Self { places, package: OnceCell::new() }
    }

    /// The package, if it is open.
    pub(crate) fn open_file(&self) -> Option<(&Path, Stamp)> {
        let package = self.package.get()?.as_ref()?;
        Some((&package.path, package.stamp))
    }

    /// Loads a unit.
    pub(crate) fn load(
        &self,
        store: &'a Store,
        load: &SplitDwarfLoad<Slice<'a>>,
        refused: &mut Vec<Refused>,
    ) -> Option<Arc<Dwarf<Slice<'a>>>> {
        let package = self.package.get_or_init(|| self.places.iter().find_map(|path| open(store, path)));
        if let Some(package) = package
            && let Ok(Some(unit)) = package.units.find_cu(load.dwo_id, &load.parent)
        {
            return Some(Arc::new(unit));
        }
        let mut wrong = package.as_ref().map(|package| (package.path.clone(), LACKS_UNIT));
        for path in self.unit_places(load) {
            match unit(store, &path, load) {
                Some(Ok(unit)) => return Some(unit),
                Some(Err(why)) => wrong = Some((path, why)),
                None => {}
            }
        }
        if let Some((path, why)) = wrong {
            refused.push(Refused { is_image: false, path, why });
        }
        None
    }

    /// Where the compiler wrote the unit, and beside the image.
    fn unit_places(&self, load: &SplitDwarfLoad<Slice<'a>>) -> Vec<PathBuf> {
        let bytes = |of: Option<Slice<'a>>| of.map(|of| Path::new(OsStr::from_bytes(of.slice())).to_owned());
        let Some(path) = bytes(load.path) else { return Vec::new() };
        let written = bytes(load.comp_dir).map_or_else(|| path.clone(), |directory| directory.join(&path));
        let beside = self.places.first().and_then(|place| Some(place.parent()?.join(path.file_name()?)));
        let beside = beside.filter(|beside| *beside != written);
        [Some(written), beside].into_iter().flatten().collect()
    }
}

fn open<'a>(store: &'a Store, path: &Path) -> Option<Package<'a>> {
    // Whether it is the right one is seen by its units.
    let Opening::Right(file) = store.open(path, |_| Ok(())) else { return None };
    let ElfFile { path, stamp, object, .. } = *file;
    let section =
        |id: addr2line::gimli::SectionId| store.section(&object, id.dwo_name().filter(|_| is_of_use(id)));
    let units = DwarfPackage::load(section, Slice::new(&[], endian(&object))).ok()?;
    Some(Package { path, stamp, units })
}

/// The unit in a file of its own.
fn unit<'a>(
    store: &'a Store,
    path: &Path,
    load: &SplitDwarfLoad<Slice<'a>>,
) -> Option<Result<Arc<Dwarf<Slice<'a>>>, &'static str>> {
    let object = store.read(path)?;
    let mut dwarf = Dwarf::load(|id| store.section(&object, id.dwo_name().filter(|_| is_of_use(id)))).ok()?;
    let header = dwarf.units().next().ok().flatten();
    let id = header.and_then(|header| dwarf.unit(header).ok()).and_then(|unit| unit.dwo_id);
    if id != Some(load.dwo_id) {
        return Some(Err(OTHER_UNIT));
    }
    dwarf.make_dwo(&load.parent);
    Some(Ok(Arc::new(dwarf)))
}
