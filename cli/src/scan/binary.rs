//! Every `catch_unwind` that is linked into a program, dependencies included, out of its debug information.
//!
//! In an optimised build `catch_unwind` is inlined where it is called, and the debug information says where that is. Where
//! it is not inlined, the calls of its copies are looked for in the machine code (x86_64). Line tables leave out functions
//! into which nothing is inlined; the symbol table knows those.
//!
//! Runs on: the main thread. Must not: run the program, or trust a number in the file.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use gimli::{EndianSlice, LittleEndian};
use object::read::elf::ElfFile64;
use object::{Object as _, ObjectSection as _, SectionKind};

use super::record_of_binary::Place;
use super::report::Report;
use crate::failure::Failure;

type Reader<'d> = EndianSlice<'d, LittleEndian>;
type Entry<'d> = gimli::DebuggingInformationEntry<Reader<'d>>;

/// Reads a program.
pub(super) fn read(path: &Path) -> Result<Report, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::io("read", path, &error))?;
    let bad = |why: &dyn std::fmt::Display| Failure::new(format!("`{}`: {why}", path.display()));
    let file = ElfFile64::<object::LittleEndian>::parse(&*bytes).map_err(|error| bad(&error))?;
    let mut sections: HashMap<String, Cow<'_, [u8]>> = HashMap::new();
    for section in file.sections() {
        // The compressed form of old has another name.
        let name = section.name().map(|name| name.replacen(".zdebug_", ".debug_", 1)).unwrap_or_default();
        if name.starts_with(".debug_") {
            let data =
                section.uncompressed_data().map_err(|error| bad(&format_args!("`{name}`: {error}")))?;
            sections.insert(name, data);
        }
    }
    let load = |id: gimli::SectionId| -> Result<Reader<'_>, gimli::Error> {
        Ok(EndianSlice::new(sections.get(id.name()).map(|data| &**data).unwrap_or_default(), LittleEndian))
    };
    let dwarf = gimli::Dwarf::load(load).map_err(|error| bad(&error))?;
    if dwarf.debug_info.units().next().map_err(|error| bad(&error))?.is_none() {
        return Err(bad(
            &"has no debug information that can be read; `debug = \"line-tables-only\"` in the profile is enough",
        ));
    }
    let mut found = search(&dwarf).map_err(|error| bad(&error))?;
    let functions = file.symbol_map();
    let catches =
        functions.symbols().iter().filter(|symbol| is_linkage_name_of_catch(symbol.name().as_bytes()));
    found.copies.extend(catches.map(|symbol| symbol.address()));
    let mut addresses = found.inlined;
    addresses.extend(calls(&file, &found.copies));
    addresses.sort_unstable();
    addresses.dedup();
    let context = addr2line::Context::from_dwarf(dwarf).map_err(|error| bad(&error))?;
    let mut places: BTreeMap<(String, u32, u32), Place> = BTreeMap::new();
    for address in addresses {
        if let Some(mut place) = caller(&context, address) {
            if place.function.is_empty()
                && let Some(symbol) = functions.containing(address)
            {
                place.function = addr2line::demangle_auto(symbol.name().into(), None).into_owned();
            }
            let key = (place.file.clone(), place.line, place.column);
            places.entry(key).and_modify(|known| known.instances += 1).or_insert(place);
        }
    }
    let build_id =
        file.build_id().ok().flatten().map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect());
    Ok(super::record_of_binary::report(path, build_id, places.into_values().collect()))
}

#[derive(Default)]
struct Found {
    /// Where an inlined `catch_unwind` begins.
    inlined: Vec<u64>,
    /// Where the code of one that is not inlined begins.
    copies: HashSet<u64>,
}

fn search(dwarf: &gimli::Dwarf<Reader<'_>>) -> gimli::Result<Found> {
    let mut origins = HashSet::new();
    let mut inlined = Vec::new();
    let mut bodies = Vec::new();
    let mut units = dwarf.units();
    while let Some(header) = units.next()? {
        let unit = dwarf.unit(header)?;
        let mut entries = unit.entries();
        while let Some(entry) = entries.next_dfs()? {
            let tag = entry.tag();
            if tag != gimli::DW_TAG_subprogram && tag != gimli::DW_TAG_inlined_subroutine {
                continue;
            }
            let origin = target(entry, gimli::DW_AT_abstract_origin, &unit)
                .or_else(|| target(entry, gimli::DW_AT_specification, &unit));
            let begin = || first_address(dwarf, &unit, entry);
            if tag == gimli::DW_TAG_inlined_subroutine {
                if let (Some(origin), Some(begin)) = (origin, begin()?) {
                    inlined.push((origin, begin));
                }
                continue;
            }
            if is_catch(dwarf, &unit, entry) {
                origins.extend(entry.offset().to_debug_info_offset(&unit.header).map(|offset| offset.0));
                bodies.extend(begin()?.map(|begin| (None, begin)));
            } else if let (Some(origin), Some(begin)) = (origin, begin()?) {
                bodies.push((Some(origin), begin));
            }
        }
    }
    let is_ours = |origin: &usize| origins.contains(origin);
    Ok(Found {
        inlined: inlined.into_iter().filter(|(origin, _)| is_ours(origin)).map(|(_, begin)| begin).collect(),
        copies: bodies
            .into_iter()
            .filter(|(origin, _)| origin.as_ref().is_none_or(is_ours))
            .map(|(_, begin)| begin)
            .collect(),
    })
}

/// What an attribute of an entry points to, from the beginning of the section.
fn target(entry: &Entry<'_>, name: gimli::DwAt, unit: &gimli::Unit<Reader<'_>>) -> Option<usize> {
    match entry.attr_value(name)? {
        gimli::AttributeValue::UnitRef(offset) => {
            offset.to_debug_info_offset(&unit.header).map(|offset| offset.0)
        }
        gimli::AttributeValue::DebugInfoRef(offset) => Some(offset.0),
        _ => None,
    }
}

fn first_address<'d>(
    dwarf: &gimli::Dwarf<Reader<'d>>,
    unit: &gimli::Unit<Reader<'d>>,
    entry: &Entry<'d>,
) -> gimli::Result<Option<u64>> {
    let mut ranges = dwarf.die_ranges(unit, entry)?;
    let first = ranges.next()?.filter(|range| range.begin < range.end && range.begin > 0);
    Ok(first.map(|range| range.begin))
}

/// Whether an entry is std's `catch_unwind`: the public one, or the one that it calls.
fn is_catch<'d>(dwarf: &gimli::Dwarf<Reader<'d>>, unit: &gimli::Unit<Reader<'d>>, entry: &Entry<'d>) -> bool {
    let text = |name| {
        let value = entry.attr_value(name)?;
        dwarf.attr_string(unit, value).ok().map(|text| text.slice())
    };
    match text(gimli::DW_AT_linkage_name) {
        Some(name) => is_linkage_name_of_catch(name),
        // Line tables alone: whether it is std's is seen by its file.
        None => text(gimli::DW_AT_name)
            .is_some_and(|name| name == b"catch_unwind" || name.starts_with(b"catch_unwind<")),
    }
}

/// What is inside of it is not meant (`do_call`, `cleanup`).
fn is_linkage_name_of_catch(name: &[u8]) -> bool {
    let starts = [&b"3std5panic12catch_unwind"[..], b"3std9panicking12catch_unwind"];
    starts.iter().any(|start| {
        let at = memchr::memmem::find(name, start).map(|at| at + start.len());
        // Behind it come the hash of the older mangling, or the arguments of the newer one.
        let rest = at.and_then(|at| name.get(at..)).unwrap_or_default();
        at.is_some()
            && (rest.starts_with(b"17h") || rest.first().is_none_or(|letter| matches!(letter, b'I' | b'B')))
    })
}

/// Calls of these functions: direct ones (`E8`), and through a slot that the loader fills: `call *slot(%rip)`, or
/// `mov slot(%rip), %reg` and a call of that.
fn calls(file: &ElfFile64<'_, object::LittleEndian>, functions: &HashSet<u64>) -> Vec<u64> {
    let mut found = Vec::new();
    if functions.is_empty() || file.architecture() != object::Architecture::X86_64 {
        return found;
    }
    let slots = slots(file, functions);
    for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
        let Ok(data) = section.data() else { continue };
        // Two bytes of an instruction, and the distance to what it means from behind it.
        for (at, bytes) in data.windows(6).enumerate() {
            let &[first, second, a, b, c, d] = bytes else { continue };
            let is_slot = matches!(first, 0xff | 0x8b) && second & 0xc7 == 0x05;
            if !is_slot && second != 0xe8 {
                continue;
            }
            let address = section.address().wrapping_add(at as u64).wrapping_add(1);
            let distance = i64::from(i32::from_le_bytes([a, b, c, d]));
            let target = address.wrapping_add(5).wrapping_add_signed(distance);
            if is_slot && slots.contains(&target) || second == 0xe8 && functions.contains(&target) {
                found.push(address);
            }
        }
    }
    found
}

/// Slots with the address of one of these functions.
fn slots(file: &ElfFile64<'_, object::LittleEndian>, functions: &HashSet<u64>) -> HashSet<u64> {
    use object::{ObjectSymbol as _, ObjectSymbolTable as _};
    let symbols = file.dynamic_symbol_table();
    let relocations = file.dynamic_relocations().into_iter().flatten();
    relocations
        .filter(|(_, relocation)| {
            let base = match relocation.target() {
                object::RelocationTarget::Symbol(index) => symbols
                    .as_ref()
                    .and_then(|symbols| symbols.symbol_by_index(index).ok())
                    .map_or(0, |symbol| symbol.address()),
                _ => 0,
            };
            functions.contains(&base.wrapping_add_signed(relocation.addend()))
        })
        .map(|(slot, _)| slot)
        .collect()
}

/// Who calls the `catch_unwind` at an address: the first frame outside of it, whatever is inlined into it.
fn caller(context: &addr2line::Context<Reader<'_>>, address: u64) -> Option<Place> {
    let mut frames = context.find_frames(address).skip_all_loads().ok()?;
    let mut first = None;
    let mut inside = false;
    while let Some(frame) = frames.next().ok()? {
        let file = frame.location.as_ref().and_then(|location| location.file).unwrap_or_default().to_owned();
        let is_std = file.contains("/library/std/src/panic");
        if is_std {
            inside = true;
            continue;
        }
        let place = || {
            let location = frame.location?;
            let function = frame.function.and_then(|name| name.demangle().ok().map(|name| name.into_owned()));
            Some(Place {
                file,
                line: location.line?,
                column: location.column.unwrap_or(1),
                function: function.unwrap_or_default(),
                instances: 1,
            })
        };
        if inside {
            return place();
        }
        // A call of a copy that is not inlined: nothing of it is on this stack.
        if first.is_none() {
            first = place();
        }
    }
    if inside { None } else { first }
}
