//! The name of one function, without anything else of its image.
//!
//! Runs on: the threads that ask. Must not: read debug information, or keep anything.

use object::{Object as _, ObjectSymbol as _, SymbolKind};

use crate::Found;
use crate::elf::Store;
use crate::identity::Identity;

/// The readable name of the function that begins at an address of the image, out of its symbol table. `None` where there is
/// no such table or function, or where the file is not certainly the right one.
///
/// Goes through the table once; what was mapped is given back.
pub fn function_at(identity: &Identity, address: u64) -> Option<String> {
    let store = Store::default();
    let file = identity.open(&store, &mut Vec::new())?;
    let mut functions = file.object.symbols().chain(file.object.dynamic_symbols());
    let it = functions.find(|symbol| symbol.kind() == SymbolKind::Text && symbol.address() == address)?;
    Found { name: Some(it.name().ok()?), file: None, line: None, column: None }.function()
}
