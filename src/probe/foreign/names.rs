//! Whole names of threads. The system keeps 15 bytes; std has the rest in the thread's handle, which the argument of
//! `pthread_create` leads to.
//!
//! Runs on: the new thread, before its closure, and later when it is named anew or its name is asked for. Must not:
//! allocate, lock, panic, or read memory that may not be there other than through the system, which says so.

use core::cell::{Cell, RefCell};
use core::ffi::{CStr, c_char, c_int};

use super::super::got::Symbol;
use crate::platform;
use crate::record::FixedText;

/// Bytes of a name in the system, without the final zero.
const SYSTEM_BYTES: usize = 15;
/// Bytes of a name that are looked at.
const NAME_BYTES: usize = 256;
/// Words of an object that are looked at.
const WORDS: usize = 8;
/// Words of the argument: the handle and the closure (two words); in earlier releases the closure alone. What lies behind
/// it may be another thread's.
const ARGUMENT_WORDS: usize = 3;
/// Words of a handle: two counts, and in any order the id, the name (pointer and bytes) and the parker.
const HANDLE_WORDS: usize = 6;

thread_local! {
    /// The argument of the start routine; 0 once it may be gone.
    static ARGUMENT: Cell<usize> = const { Cell::new(0) };
    /// Whether the probes saw the thread begin, and whether it was named since.
    static BEGUN: Cell<bool> = const { Cell::new(false) };
    static NAMED: Cell<bool> = const { Cell::new(false) };
    static NAME: RefCell<FixedText<NAME_BYTES>> = const { RefCell::new(FixedText::new()) };
    /// The name that std gave the thread as it began, if all of it is known; it stays when the program names it anew.
    static FIRST: RefCell<FixedText<NAME_BYTES>> = const { RefCell::new(FixedText::new()) };
}

type RealSetName = unsafe extern "C-unwind" fn(libc::pthread_t, *const c_char) -> c_int;

/// A thread is about to call its start routine.
pub(super) fn begin(argument: usize) {
    let _gone = ARGUMENT.try_with(|kept| kept.set(argument));
    BEGUN.set(true);
}

/// Shows the name of this thread, given what the system says: whole, where that is known; not at all for a thread that
/// has only inherited the name of its parent.
pub(super) fn name(system: Option<&str>, show: &mut dyn FnMut(&str)) {
    let Some(system) = system else { return };
    if BEGUN.get() && !NAMED.get() {
        return;
    }
    let _gone = NAME.try_with(|name| {
        let Ok(name) = name.try_borrow() else { return };
        // Unless it was named anew since, in a way that is not seen.
        let whole = name.as_str().starts_with(system) && name.as_str().len() > system.len();
        show(if whole { name.as_str() } else { system });
    });
}

/// Shows the name that std gave this thread as it began, if all of it is known.
pub(super) fn first_name(show: &mut dyn FnMut(&str)) {
    let _gone = FIRST.try_with(|name| {
        if let Ok(name) = name.try_borrow()
            && !name.as_str().is_empty()
        {
            show(name.as_str());
        }
    });
}

/// Stands in for `pthread_setname_np`.
pub(in crate::probe) unsafe extern "C-unwind" fn set_name(
    thread: libc::pthread_t,
    name: *const c_char,
) -> c_int {
    // SAFETY: no preconditions.
    if platform::std().is_foreign() && !name.is_null() && thread == unsafe { libc::pthread_self() } {
        // SAFETY: the caller names its thread with a C string.
        note(unsafe { CStr::from_ptr(name) });
    }
    let Some(real) = Symbol::SetName.real() else { return libc::ENOSYS };
    // SAFETY: `real` is the address of the function this stands in for.
    let real = unsafe { core::mem::transmute::<usize, RealSetName>(real.get()) };
    // SAFETY: forwarded as it came.
    unsafe { real(thread, name) }
}

#[inline(never)]
fn note(name: &CStr) {
    let argument = ARGUMENT.try_with(|kept| kept.replace(0)).unwrap_or(0);
    let _gone = NAME.try_with(|whole| {
        let Ok(mut whole) = whole.try_borrow_mut() else { return };
        whole.clear();
        NAMED.set(true);
        let wanted = name.to_bytes();
        if wanted.len() == SYSTEM_BYTES && argument != 0 {
            search(argument, wanted, &mut whole);
        }
        if argument != 0 {
            // Its first name: a short one, or what was found of one that may be longer than what the system gets.
            let short = core::str::from_utf8(wanted).ok().filter(|name| name.len() < SYSTEM_BYTES);
            let _gone = FIRST.try_with(|first| {
                if let Ok(mut first) = first.try_borrow_mut()
                    && !whole.is_truncated()
                {
                    first.set(short.unwrap_or(whole.as_str()));
                }
            });
        }
    });
}

/// Looks for the name that begins like this, in the handle that the argument of a start routine leads to.
fn search(argument: usize, wanted: &[u8], found: &mut FixedText<NAME_BYTES>) {
    let argument = words(argument, ARGUMENT_WORDS);
    // In its own place first, whatever its name: those of other threads may begin alike, and lie anywhere.
    if let Some(handle) = argument.iter().find(|word| is_handle(&words(**word, HANDLE_WORDS))) {
        name_in_handle(*handle, wanted, found);
        return;
    }
    let mut other = FixedText::<NAME_BYTES>::new();
    for word in argument.first().map_or([0; WORDS], |closure| words(*closure, WORDS)) {
        if !name_in_handle(word, wanted, &mut other) {
            continue;
        }
        if !found.as_str().is_empty() && found.as_str() != other.as_str() {
            // One of them lies behind the closure; which one cannot be known.
            return found.clear();
        }
        found.set(other.as_str());
    }
}

/// Whether these are the words of what may be a handle of std's, an `Arc`: it begins with two counts.
fn is_handle([strong, weak, ..]: &[usize; WORDS]) -> bool {
    let is_count = |word| (1..=u32::MAX as usize).contains(word);
    is_count(strong) && is_count(weak)
}

/// The name in what would be a handle; `false` when it is none, or of a thread of another name.
fn name_in_handle(handle: usize, wanted: &[u8], found: &mut FixedText<NAME_BYTES>) -> bool {
    let handle = words(handle, HANDLE_WORDS);
    is_handle(&handle)
        && handle.windows(2).any(|pair| {
            let &[name, size] = pair else { return false };
            let mut text = [0_u8; NAME_BYTES];
            // With the final zero.
            let Some(text) = text.get_mut(..size).filter(|text| text.len() > wanted.len()) else {
                return false;
            };
            let is_whole = read(name, text) == size;
            match CStr::from_bytes_with_nul(text).map(CStr::to_str) {
                Ok(Ok(name)) if is_whole && name.as_bytes().starts_with(wanted) => {
                    found.set(name);
                    true
                }
                _ => false,
            }
        })
}

/// The first words of an object; 0 for those that are not there or not asked for.
fn words(object: usize, count: usize) -> [usize; WORDS] {
    const BYTES: usize = size_of::<usize>();
    let mut words = [0; WORDS];
    let mut bytes = [0_u8; WORDS * BYTES];
    // Neither a small number nor what no program can address, on either architecture.
    if !(0x1_0000..1 << 48).contains(&object) || !object.is_multiple_of(BYTES) {
        return words;
    }
    let len = count.saturating_mul(BYTES).min(bytes.len());
    if let Some(bytes) = bytes.get_mut(..len) {
        read(object, bytes);
    }
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = usize::from_ne_bytes(*bytes);
    }
    words
}

/// Copies what is there, and says how much that was.
fn read(address: usize, into: &mut [u8]) -> usize {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: core::ptr::without_provenance_mut(address), iov_len: into.len() };
    // SAFETY: no preconditions.
    let own = unsafe { libc::getpid() };
    // SAFETY: `into` is valid for writing; the kernel checks the other side and copies nothing that is not there.
    let copied = unsafe { libc::process_vm_readv(own, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(copied).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::*;

    /// The contents of a handle.
    fn handle(name: &CStr) -> [usize; HANDLE_WORDS] {
        [2, 1, 7, name.as_ptr().addr(), name.to_bytes_with_nul().len(), 0]
    }

    fn found(argument: &[usize]) -> Option<String> {
        let mut found = FixedText::new();
        search(argument.as_ptr().addr(), b"tests::nested::", &mut found);
        let name = found.as_str();
        (!name.is_empty()).then(|| name.to_owned())
    }

    const OWN: &CStr = c"tests::nested::own";
    const OTHER: &CStr = c"tests::nested::other";

    #[test]
    fn the_name_is_the_one_in_the_threads_own_handle() -> Result<(), std::ffi::NulError> {
        let (own, other, unlike) = (handle(OWN), handle(OTHER), handle(c"something::else::as"));
        let at = |handle: &[usize; HANDLE_WORDS]| handle.as_ptr().addr();
        // Another thread's argument lies behind, or its handle is in the closure.
        let closure = [at(&other), 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(found(&[at(&own), closure.as_ptr().addr(), 0, at(&other)]).as_deref(), OWN.to_str().ok());
        assert_eq!(
            found(&[at(&other), closure.as_ptr().addr(), 0, at(&own)]).as_deref(),
            OTHER.to_str().ok()
        );
        // Another thread's handle lies behind: its words, the name among them.
        let words: Vec<usize> =
            [at(&own), closure.as_ptr().addr(), 0, 0x41].into_iter().chain(other).collect();
        assert_eq!(found(&words).as_deref(), OWN.to_str().ok());
        // Its own name is longer than what is looked at.
        let long = CString::new(format!("tests::nested::{}", "x".repeat(NAME_BYTES)))?;
        let behind: Vec<usize> = handle(&long).into_iter().chain([0x31, at(&other)]).collect();
        assert_eq!(found(&[behind.as_ptr().addr(), 0, 0]), None);
        assert_eq!(found(&[at(&unlike), 0, 0, at(&other), 0, 0, 0, 0]), None, "behind the argument");
        assert_eq!(found(&[other[3], 0, 0, 0]), None, "a text is no handle");
        Ok(())
    }

    #[test]
    fn in_a_closure_it_must_be_the_only_one_that_begins_so() {
        let (own, other) = (handle(OWN), handle(OTHER));
        let closure = |others| {
            let words = [7, own.as_ptr().addr(), 0, 0, 0, others, own.as_ptr().addr(), 0];
            found(&[words.as_ptr().addr(), 0, 0])
        };
        assert_eq!(closure(0).as_deref(), OWN.to_str().ok());
        assert_eq!(closure(other.as_ptr().addr()), None);
    }

    /// What is kept of the first name of a thread whose start has this argument, after it was named so.
    fn first(argument: usize, names: &[&CStr]) -> String {
        let mut first = String::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                ARGUMENT.set(argument);
                names.iter().for_each(|name| note(name));
                first_name(&mut |name| first = name.to_owned());
            });
        });
        first
    }

    #[test]
    fn the_first_name_stays_and_is_never_a_part_of_one() {
        let (own, unlike) = (handle(OWN), handle(c"something::else::as"));
        let leads_to = |handle: &[usize; HANDLE_WORDS]| [handle.as_ptr().addr(), 0, 0];
        let (own, unlike) = (leads_to(&own), leads_to(&unlike));
        let (own, unlike) = (own.as_ptr().addr(), unlike.as_ptr().addr());
        assert_eq!(first(own, &[c"tests::nested::", c"tests::other"]), "tests::nested::own");
        assert_eq!(first(own, &[c"tests::short", c"tests::nested::"]), "tests::short");
        assert_eq!(first(unlike, &[c"tests::nested::", c"tests::other"]), "", "nothing tells the rest of it");
        assert_eq!(first(0, &[c"tests::short"]), "", "std did not start it, or has named it already");
    }

    #[test]
    fn what_is_no_handle_has_no_name() {
        let handle = handle(OWN);
        for (at, wrong) in [(0, 0), (1, usize::MAX), (3, 0x1_0008), (4, OWN.to_bytes().len()), (4, 4096)] {
            let mut damaged = handle;
            damaged.iter_mut().skip(at).take(1).for_each(|word| *word = wrong);
            assert_eq!(found(&[damaged.as_ptr().addr(), 0, 0]), None, "word {at} is {wrong:#x}");
        }
        assert_eq!(found(&[handle.as_ptr().addr(), 0, 0]).as_deref(), OWN.to_str().ok());
    }
}
