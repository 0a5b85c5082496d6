//! Stage 4: the addresses of a walk become physical frames with their logical frames, and the inner end
//! that belongs to the agent and to the panic machinery is marked off.
//!
//! Runs on: the writer thread. Must not: run on a panicking thread; a walk that cannot be symbolized
//! gives frames without names and a soft error.

#[cfg(all(feature = "symbols", panic_agent_spool))]
mod files;
mod logical;
mod name;
mod namer;
mod naming;
#[cfg(any(test, not(all(feature = "symbols", panic_agent_tables))))]
mod native;
mod origin;
mod recent;
mod resolve;
mod source_path;
mod stack;

use std::path::PathBuf;
use std::sync::Arc;

#[cfg(all(feature = "symbols", panic_agent_spool))]
pub(crate) use files::FileSymbols;
pub(crate) use logical::{Logical, is_c_library, is_system_image};
#[cfg(test)]
pub(crate) use name::plain_path;
pub(crate) use namer::{Namer, is_of_std, program_place, unnamed};
pub(crate) use naming::{Effort, Naming};
#[cfg(any(test, not(all(feature = "symbols", panic_agent_tables))))]
pub(crate) use native::Native;
pub(crate) use origin::portable;
pub(crate) use recent::Recent;
pub(crate) use resolve::{Found, Off, Refused, Resolve};
pub(crate) use source_path::{inside, with_slashes};
#[cfg(test)]
pub(crate) use stack::tests as test_stacks;
pub(crate) use stack::{Physical, Stack};

use crate::record::{EhAction, Image, Inlining, NamedFrame, RawWalk, ThreadStart};
use ready::Wanted;

/// Addresses whose symbols are kept. About 500 bytes each: 4 MiB.
const MAX_ADDRESSES: usize = 8192;
/// Short stacks that are kept with their names. About 3 KiB each: 0.8 MiB.
const MAX_PLACES: usize = 256;

/// The loaded image at an address, and the address inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageAt {
    pub(crate) image: Arc<Image>,
    /// Address minus load bias.
    pub(crate) address: u64,
}

/// Finds the image at an address; what `image` offers to this stage.
pub(crate) trait Images {
    /// The image that held the address when the images had this generation; `None` stands for the newest.
    fn image_of(&mut self, ip: u64, generation: Option<u32>) -> Option<ImageAt>;

    /// Whether the catch that stops a panic at a return address runs destructors before it catches; `None` when it cannot
    /// be read.
    fn catch_cleans(&mut self, _ip: u64, _generation: u32) -> Option<bool> {
        None
    }

    /// Whether the function of a return address is called through a vtable, as the closure of a thread is; `None` when it
    /// cannot be told.
    fn is_called_through_vtable(&mut self, _ip: u64, _generation: u32) -> Option<bool> {
        None
    }

    /// Where std's thread start stands on a stack, by what is known now; what the walk could tell, where no more is known.
    fn thread_start(&mut self, walk: &RawWalk) -> ThreadStart {
        walk.thread_start()
    }

    /// Whether nothing on a short stack of this process catches but the root of its thread or of `main`; `false` also when
    /// that cannot be told.
    fn catches_at_root_only(&mut self, _ips: &[u64]) -> bool {
        false
    }

    /// Looks for images that were loaded since; whether there are any.
    fn refresh(&mut self) -> bool {
        false
    }
}

/// What is known of one address.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) image: Option<ImageAt>,
    /// Innermost (most inlined) first; the last one is the physical function. Never empty: without a
    /// name it holds one frame without one.
    pub(crate) logical: Vec<Logical>,
    /// Whether `logical` lacks no inlined function.
    pub(crate) inlining: Inlining,
    /// Files that were not believed.
    pub(crate) refused: Vec<Refused>,
}

/// The resolver of this process. Clones share what they have read.
#[cfg(all(feature = "symbols", panic_agent_tables))]
pub(crate) fn of_this_process(debug_directories: &[PathBuf]) -> impl Resolve + Clone + use<> {
    FileSymbols::of_this_process(debug_directories.to_vec())
}

/// The twin without files.
#[cfg(not(all(feature = "symbols", panic_agent_tables)))]
pub(crate) fn of_this_process(_: &[PathBuf]) -> impl Resolve + Clone + use<> {
    Native
}

/// Turns walks into stacks, and remembers addresses.
pub(crate) struct Symbolizer {
    resolver: Box<dyn Resolve>,
    /// By generation of the images and address.
    addresses: Recent<(u32, u64), Arc<Resolved>>,
    /// Images whose debug information was read. A process has a few dozen.
    opened: Vec<Arc<Image>>,
    /// Whether anything was read: where images cannot be listed, that of the process is read as a whole.
    any_opened: bool,
    /// Short stacks with all their names, by a hash of generation and addresses: panics of one place are read and
    /// dropped at one place.
    places: Recent<u64, Arc<Named>>,
}

/// A short stack that was named before.
struct Named {
    generation: u32,
    ips: Box<[u64]>,
    frames: Arc<[NamedFrame]>,
}

impl Symbolizer {
    pub(crate) fn new(resolver: Box<dyn Resolve>) -> Self {
        Self {
            resolver,
            addresses: Recent::new(MAX_ADDRESSES),
            opened: Vec::new(),
            any_opened: false,
            places: Recent::new(MAX_PLACES),
        }
    }

    /// Whether names can be expected at all.
    pub(crate) fn is_on(&self) -> bool {
        self.resolver.is_on()
    }

    /// The function that begins at an address, by the symbol table of its image alone.
    pub(crate) fn function_at(&mut self, address: u64, images: &mut dyn Images) -> Option<String> {
        let at = images.image_of(address, None)?;
        self.resolver.function_at(&at)
    }

    /// Notes that the debug information around a place was read by somebody else.
    pub(crate) fn was_opened(&mut self, at: Option<ImageAt>) {
        self.any_opened = true;
        self.opened.extend(at.map(|at| at.image).filter(|image| !self.opened.contains(image)));
    }

    /// Those of these addresses for whose names debug information must be read that was not read yet; empty when there
    /// are none. The program's come first: while any of its images is unread, none of the system's is asked for.
    pub(crate) fn unread(
        &mut self,
        ips: &mut dyn Iterator<Item = u64>,
        generation: u32,
        images: &mut dyn Images,
    ) -> Vec<Wanted> {
        let (mut program, mut system) = ((false, Vec::new()), (false, Vec::new()));
        for ip in ips.filter(|_| self.resolver.is_on()) {
            if self.addresses.get((generation, ip)).is_some() {
                continue;
            }
            let at = image_of(ip, generation, images);
            let path = at.as_ref().and_then(|at| at.image.path.as_deref());
            let (unread, wanted) = if path.is_some_and(is_system_image) { &mut system } else { &mut program };
            *unread |= self.is_unread(at.as_ref());
            wanted.push((ip, at));
        }
        let first = [program, system].into_iter().find(|(unread, _)| *unread);
        first.map_or_else(Vec::new, |(_, wanted)| wanted)
    }

    fn is_unread(&self, at: Option<&ImageAt>) -> bool {
        at.map_or(!self.any_opened, |at| !self.opened.contains(&at.image))
    }

    /// Gives back what was read, and keeps the names that were found.
    pub(crate) fn give_back(&mut self) {
        self.opened.clear();
        self.any_opened = false;
        self.resolver.give_back();
    }

    /// Forgets all symbols, because images were loaded or unloaded.
    pub(crate) fn forget(&mut self) {
        self.addresses.clear();
        self.places.clear();
        self.resolver.forget();
    }

    /// Symbolizes a walk over images of a generation. `naming` is asked before each look-up of a name; once
    /// it says no, frames get only those names that are remembered.
    pub(crate) fn stack(
        &mut self,
        walk: &RawWalk,
        generation: u32,
        images: &mut dyn Images,
        naming: &mut dyn FnMut(Effort) -> Naming,
    ) -> Stack {
        let mut look_up = LookUp::new(self, generation, images, naming);
        let physical: Vec<Physical> = walk
            .ips()
            .iter()
            .zip(walk.actions())
            .map(|(&ip, &action)| Physical {
                ip,
                action: EhAction::from_u8(action),
                at: look_up.resolved(ip),
            })
            .collect();
        let beyond = walk.stopper().map_or_else(Vec::new, |stopper| {
            let from = (stopper as usize).max(physical.len());
            let skip = from.saturating_sub(stopper as usize);
            walk.landing().iter().skip(skip).map(|&ip| look_up.resolved(ip)).collect()
        });
        let LookUp { said, misses_program, .. } = look_up;
        let naming = if self.is_on() { said } else { Naming::Off };
        Stack::new(physical, walk.stopper(), beyond, walk.search_start as usize, naming, misses_program)
    }

    /// The logical frames of a short stack over images of a generation, innermost first.
    pub(crate) fn name(
        &mut self,
        ips: &[u64],
        generation: u32,
        images: &mut dyn Images,
        naming: &mut dyn FnMut(Effort) -> Naming,
    ) -> Arc<[NamedFrame]> {
        let hash = hash(ips.iter().copied().chain([u64::from(generation)]));
        if let Some(known) = self.places.get(hash)
            && known.generation == generation
            && *known.ips == *ips
        {
            return known.frames.clone();
        }
        let mut look_up = LookUp::new(self, generation, images, naming);
        let mut frames = Vec::new();
        for (call, &ip) in ips.iter().enumerate() {
            let resolved = look_up.resolved(ip);
            let inlining = resolved.inlining;
            frames.extend(resolved.logical.iter().map(|logical| NamedFrame {
                path: logical.plain.clone(),
                function: logical.function.clone(),
                file: logical.file.clone(),
                line: logical.line,
                in_app: logical.in_app,
                call,
                inlining,
            }));
        }
        let all_looked_up = look_up.said == Naming::Allowed;
        let frames: Arc<[NamedFrame]> = frames.into();
        if all_looked_up {
            let named = Named { generation, ips: ips.into(), frames: frames.clone() };
            self.places.insert(hash, Arc::new(named));
        }
        frames
    }
}

/// A quick mix; a collision costs a look-up, never a wrong answer.
pub(crate) fn hash(words: impl Iterator<Item = u64>) -> u64 {
    words.fold(0, |state, word| (state.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// The look-ups for one walk.
struct LookUp<'a> {
    symbolizer: &'a mut Symbolizer,
    generation: u32,
    images: &'a mut dyn Images,
    naming: &'a mut dyn FnMut(Effort) -> Naming,
    /// The last answer that was no.
    said: Naming,
    /// Whether a frame outside of the system has no name for such an answer.
    misses_program: bool,
}

impl<'a> LookUp<'a> {
    fn new(
        symbolizer: &'a mut Symbolizer,
        generation: u32,
        images: &'a mut dyn Images,
        naming: &'a mut dyn FnMut(Effort) -> Naming,
    ) -> Self {
        // What is not looked up is not missed.
        Self { symbolizer, generation, images, naming, said: Naming::Allowed, misses_program: false }
    }

    fn resolved(&mut self, ip: u64) -> Arc<Resolved> {
        let key = (self.generation, ip);
        if let Some(known) = self.symbolizer.addresses.get(key) {
            return known;
        }
        let image = image_of(ip, self.generation, self.images);
        let path = image.as_ref().and_then(|at| at.image.path.clone());
        let mut logical = Vec::new();
        let mut inlining = Inlining::Unknown;
        let mut refused = Vec::new();
        let allowed = self.is_allowed(image.as_ref());
        if allowed {
            let found = &mut |found: Found<'_>| logical.push(Logical::new(found, path.as_deref()));
            inlining = self.symbolizer.resolver.resolve(ip, image.as_ref(), found);
            if let Some(at) = &image {
                refused = self.symbolizer.resolver.refused(at);
            }
        }
        if logical.is_empty() {
            logical.push(Logical::default());
        }
        let resolved = Arc::new(Resolved { image, logical, inlining, refused });
        if allowed {
            self.symbolizer.addresses.insert(key, resolved.clone());
        }
        resolved
    }

    fn is_allowed(&mut self, image: Option<&ImageAt>) -> bool {
        let unopened = self.symbolizer.is_unread(image);
        let effort = if unopened { Effort::FirstOfImage } else { Effort::Known };
        let answer = match self.said {
            // No more is asked: time does not come back.
            Naming::NotReady | Naming::OutOfTime => self.said,
            _ => (self.naming)(effort),
        };
        if answer == Naming::Allowed {
            if unopened {
                self.symbolizer.was_opened(image.cloned());
            }
            return true;
        }
        self.said = answer;
        let path = image.and_then(|at| at.image.path.as_deref());
        self.misses_program |= !path.is_some_and(is_system_image);
        false
    }
}

/// The image of that time; one that was loaded a moment before the panic has no generation yet.
fn image_of(ip: u64, generation: u32, images: &mut dyn Images) -> Option<ImageAt> {
    // The call lies before its return address, which may be the first byte of another function.
    let call = ip.saturating_sub(1);
    let generation = Some(generation).filter(|generation| *generation != 0);
    images
        .image_of(call, generation)
        .or_else(|| images.image_of(call, None))
        .or_else(|| if images.refresh() { images.image_of(call, None) } else { None })
}

pub(crate) mod ready;
#[cfg(test)]
mod tests;
