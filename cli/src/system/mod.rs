//! What each operating system does in its own way, one file for Unix and one for Windows.
//!
//! Runs on: the main thread of the tool, and its reading threads. Must not: decide anything; each function is one question.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(not(unix), path = "windows.rs")]
mod own;

pub(crate) use own::{
    Identity, append_own, can_write_into, everybody_can_write_to, has_reader, identity, identity_at,
    is_executable, is_gone, is_setuid, lock, read_at, state_directory, terminal_size, whole_path,
};
