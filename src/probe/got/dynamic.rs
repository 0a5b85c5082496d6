//! Finds, in one loaded ELF image, the table slots through which it calls the probed functions.
//!
//! Runs on: the thread that installs the agent, and the writer, inside `dl_iterate_phdr` (so the image cannot
//! go away). Must not: allocate, lock, panic.
//! Source: System V ABI, dynamic section and relocations; the psABI supplements of x86_64 and AArch64.

use libc::Elf64_Sym;

use super::{Image, Slot, Symbol};

const DT_NULL: u64 = 0;
const DT_PLTRELSZ: u64 = 2;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_RELA: u64 = 7;
const DT_RELASZ: u64 = 8;
const DT_STRSZ: u64 = 10;
const DT_JMPREL: u64 = 23;
const DT_RELACOUNT: u64 = 0x6fff_fff9;

/// `GLOB_DAT` and `JUMP_SLOT`: relocations of slots through which an image reads an address, and calls.
const RELOCATIONS: [u32; 2] = if cfg!(target_arch = "aarch64") { [1025, 1026] } else { [6, 7] };

/// Entries of a dynamic section that are looked at: real ones have a few dozen.
const MAX_DYNAMIC: usize = 512;

#[repr(C)]
#[derive(Clone, Copy)]
struct Dyn {
    tag: u64,
    value: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Rela {
    offset: u64,
    info: u64,
    _addend: i64,
}

/// Where the dynamic section says the tables are; absolute addresses, 0 when absent.
#[derive(Default)]
struct Tables {
    symbols: usize,
    strings: usize,
    strings_len: usize,
    rela: usize,
    rela_len: usize,
    /// Relocations at the start of `rela` that name no symbol.
    relative: usize,
    jump: usize,
    jump_len: usize,
}

/// Calls `visit` for each slot of the image that holds the address of a probed function.
pub(super) fn for_each_slot(image: &Image<'_>, visit: &mut dyn FnMut(Slot)) {
    let Some(tables) = Tables::read(image) else { return };
    let skipped = tables.relative.saturating_mul(size_of::<Rela>()).min(tables.rela_len);
    let rela = tables.rela.wrapping_add(skipped);
    scan(image, &tables, rela, tables.rela_len.wrapping_sub(skipped), visit);
    scan(image, &tables, tables.jump, tables.jump_len, visit);
}

impl Tables {
    fn read(image: &Image<'_>) -> Option<Self> {
        let mut tables = Self::default();
        for index in 0..MAX_DYNAMIC {
            let at = image.dynamic.wrapping_add(index.wrapping_mul(size_of::<Dyn>()));
            let entry = image.read::<Dyn>(at)?;
            let plain = entry.value as usize;
            // glibc has already added the load bias to addresses, except in images that it did not map (vdso).
            let address = if plain < image.bias { plain.wrapping_add(image.bias) } else { plain };
            match entry.tag {
                DT_NULL => break,
                DT_SYMTAB => tables.symbols = address,
                DT_STRTAB => tables.strings = address,
                DT_STRSZ => tables.strings_len = plain,
                DT_RELA => tables.rela = address,
                DT_RELASZ => tables.rela_len = plain,
                DT_RELACOUNT => tables.relative = plain,
                DT_JMPREL => tables.jump = address,
                DT_PLTRELSZ => tables.jump_len = plain,
                _ => {}
            }
        }
        (tables.symbols != 0 && tables.strings != 0).then_some(tables)
    }

    /// Which probed function the symbol names.
    fn name(&self, image: &Image<'_>, symbol: &Elf64_Sym) -> Option<Symbol> {
        let start = self.strings.wrapping_add(symbol.st_name as usize);
        let left = self.strings_len.checked_sub(symbol.st_name as usize)?;
        // Most symbols are told apart by this one.
        let first = image.read::<u8>(start)?;
        Symbol::ALL.into_iter().find(|candidate| {
            let name = candidate.name().to_bytes_with_nul();
            name.first() == Some(&first)
                && name.len() <= left
                && name
                    .iter()
                    .enumerate()
                    .all(|(index, byte)| image.read::<u8>(start.wrapping_add(index)) == Some(*byte))
        })
    }
}

fn scan(image: &Image<'_>, tables: &Tables, start: usize, len: usize, visit: &mut dyn FnMut(Slot)) {
    if start == 0 {
        return;
    }
    let count = len.checked_div(size_of::<Rela>()).unwrap_or_default();
    for index in 0..count {
        let at = start.wrapping_add(index.wrapping_mul(size_of::<Rela>()));
        let Some(rela) = image.read::<Rela>(at) else { return };
        if !RELOCATIONS.contains(&(rela.info as u32)) {
            continue;
        }
        let number = (rela.info >> 32) as usize;
        let at = tables.symbols.wrapping_add(number.wrapping_mul(size_of::<Elf64_Sym>()));
        let Some(symbol) = image.read::<Elf64_Sym>(at) else { continue };
        // An image that defines the function itself (a sanitizer, an interposing library) calls its own.
        if symbol.st_shndx != 0 {
            continue;
        }
        let Some(name) = tables.name(image, &symbol) else { continue };
        let address = image.bias.wrapping_add(rela.offset as usize);
        if let Some(slot) = image.slot(name, address) {
            visit(slot);
        }
    }
}
