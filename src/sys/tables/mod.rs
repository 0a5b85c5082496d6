//! Calls that belong to reading unwind tables: the loaded images, the registers, the bounds of stacks. `no_tables.rs` is the
//! twin.
//!
//! Runs on: see each file. Must not: be reached otherwise than through `sys`.

pub(crate) mod loader; // forks and looks at the loader's list
pub(crate) mod phdr; // the loaded images
pub(crate) mod registers; // where a walk begins
pub(crate) mod signal_stack; // room on the stack of a signal handler
pub(crate) mod stack_bound; // where a stack ends
pub(crate) mod system_unwinder; // the unwinder that panics use
