//! A function to run at the end of the process.
//!
//! Runs on: the thread that installs the agent. Must not: run the function itself.

/// Lets `exit` call `function`: after `main` returned, in `std::process::exit`, and after `main` panicked; not
/// when the process aborts. `false` when the system has no room for it.
pub(crate) fn register(function: extern "C" fn()) -> bool {
    // SAFETY: `function` has the required signature and lives as long as the image that holds it; a library
    // that is unloaded has its functions called and forgotten by the C library.
    unsafe { libc::atexit(function) == 0 }
}
