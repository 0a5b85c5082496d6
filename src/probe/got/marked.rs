//! The way into each probe, with a mark by which another agent in the same process knows it: a plugin may bring its own.
//!
//! Runs on: whatever thread calls the real function (the entries), the installer and the writer (what reads marks). Must
//! not: do anything but go on to the probe.

use super::super::{land, raise, stdout_tap, threads};
use super::{Image, Symbol, for_each_image};

/// Follows the first instruction of each entry. The last byte is raised when agents can no longer share a process.
const MARK: [u8; 16] = *b"panic-agent-got\x01";
/// Bytes of the first instruction: a jump over the mark.
const MARK_AT: usize = if cfg!(target_arch = "aarch64") { 4 } else { 2 };

macro_rules! entries {
    ($($name:ident => $probe:path;)*) => {$(
        /// # Safety
        /// As for the function it stands in for, whose arguments it passes on.
        #[unsafe(naked)]
        unsafe extern "C-unwind" fn $name() {
            // The jump has two bytes: its opcode and the length of the mark.
            #[cfg(target_arch = "x86_64")]
            core::arch::naked_asm!(
                ".byte 0xeb, 16",
                ".ascii \"panic-agent-got\\001\"",
                "jmp {probe}",
                probe = sym $probe
            );
            #[cfg(target_arch = "aarch64")]
            core::arch::naked_asm!(
                "b 2f",
                ".ascii \"panic-agent-got\\001\"",
                "2: b {probe}",
                probe = sym $probe
            );
        }
    )*};
}

entries! {
    raise_exception => raise::raise_exception;
    set_ip => land::set_ip;
    pthread_create => threads::create;
    pthread_join => threads::join;
    pthread_detach => threads::detach;
    write => stdout_tap::write;
}

/// The marked way into the probe of this function; 0 where there is none.
pub(in crate::probe) fn entry(symbol: Symbol) -> usize {
    let entry: unsafe extern "C-unwind" fn() = match symbol {
        Symbol::RaiseException => raise_exception,
        Symbol::SetIp => set_ip,
        Symbol::PthreadCreate => pthread_create,
        Symbol::PthreadJoin => pthread_join,
        Symbol::PthreadDetach => pthread_detach,
        Symbol::Write => write,
        Symbol::SetName => return 0,
    };
    entry as *const () as usize
}

/// Whether a function is a marked entry, of this agent or of another one.
pub(super) fn is_marked(function: usize) -> bool {
    let at = function.wrapping_add(MARK_AT);
    let mut marked = false;
    for_each_image(&mut |image: &Image<'_>| marked |= image.read::<[u8; 16]>(at) == Some(MARK));
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_known_and_other_functions_are_not() {
        for symbol in Symbol::ALL.into_iter().filter(|symbol| entry(*symbol) != 0) {
            assert!(is_marked(entry(symbol)), "{symbol:?}");
        }
        assert!(!is_marked(raise::raise_exception as *const () as usize), "the probe itself");
        assert!(!is_marked(libc::write as *const () as usize));
        assert!(!is_marked(0) && !is_marked(usize::MAX));
    }
}
