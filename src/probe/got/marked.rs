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
    ($($symbol:ident: $name:ident => $probe:path;)*) => {
        $(
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
        )*

        /// The probe of this function and the marked way into it; 0 where there is none.
        pub(in crate::probe) fn probe_and_entry(symbol: Symbol) -> [usize; 2] {
            match symbol {
                $(Symbol::$symbol => [$probe as *const () as usize, $name as *const () as usize],)*
                Symbol::SetName => [0; 2],
            }
        }
    };
}

entries! {
    RaiseException: raise_exception => raise::raise_exception;
    SetIp: set_ip => land::set_ip;
    PthreadCreate: pthread_create => threads::create;
    PthreadJoin: pthread_join => threads::join;
    PthreadDetach: pthread_detach => threads::detach;
    Write: write => stdout_tap::write;
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
        for symbol in Symbol::ALL.into_iter().filter(|symbol| *symbol != Symbol::SetName) {
            let [probe, entry] = probe_and_entry(symbol);
            assert!(is_marked(entry) && !is_marked(probe), "{symbol:?}");
        }
        assert!(!is_marked(libc::write as *const () as usize));
        assert!(!is_marked(0) && !is_marked(usize::MAX));
    }
}
