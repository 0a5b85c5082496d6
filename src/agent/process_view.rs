//! What the writer sees of the other stages.
//!
//! Runs on: the writer thread. Must not: decide anything; it only passes questions on.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::capture::{labels, stack};
use crate::hook::{self, Counters};
use crate::image::{self, LoadedImage};
use crate::probe;
use crate::record::{Image, ProbeLosses, RawWalk, ThreadStart};
use crate::report::{ProcessLabels, Surroundings};
use crate::spool::PastImage;
use crate::symbolize::{ImageAt, Images};

/// The other stages of the installed agent.
pub(super) struct Neighbours {
    counters: &'static Counters,
    started: Sender<()>,
    /// Images that were described before. A process has a few dozen.
    described: Vec<(&'static LoadedImage, Arc<Image>)>,
}

impl Neighbours {
    /// The second value receives once the writer thread has learned how threads of std begin.
    pub(super) fn new(counters: &'static Counters) -> (Self, Receiver<()>) {
        let (started, receiver) = bounded(1);
        (Self { counters, started, described: Vec::new() }, receiver)
    }

    fn describe(&mut self, loaded: &'static LoadedImage) -> Arc<Image> {
        // Another file may have been loaded at the same place under the same name.
        if let Some((_, image)) = self.described.iter().find(|(known, _)| core::ptr::eq(*known, loaded)) {
            return image.clone();
        }
        let image = Arc::new(about(loaded));
        self.described.push((loaded, image.clone()));
        image
    }
}

fn about(loaded: &LoadedImage) -> Image {
    Image {
        name: loaded.name.clone(),
        path: loaded.path.clone(),
        build_id: loaded.build_id.clone(),
        bias: Some(format!("{:#x}", loaded.bias)),
    }
}

impl Images for Neighbours {
    fn image_of(&mut self, ip: u64, generation: Option<u32>) -> Option<ImageAt> {
        let snapshot = generation.map_or_else(image::current, image::of_generation)?;
        let loaded = snapshot.image_of(ip)?;
        Some(ImageAt { image: self.describe(loaded), address: loaded.relative_address(ip) })
    }

    fn catch_cleans(&mut self, ip: u64, generation: u32) -> Option<bool> {
        let snapshot = image::of_generation(generation).or_else(image::current)?;
        snapshot.catch_cleans(ip.checked_sub(1)?)
    }

    fn is_called_through_vtable(&mut self, ip: u64, generation: u32) -> Option<bool> {
        let snapshot = image::of_generation(generation).or_else(image::current)?;
        snapshot.is_called_through_vtable(ip.checked_sub(1)?)
    }

    fn thread_start(&mut self, walk: &RawWalk) -> ThreadStart {
        stack::thread_start_of(walk)
    }

    fn catches_at_root_only(&mut self, ips: &[u64]) -> bool {
        stack::catches_at_root_only(ips)
    }

    fn refresh(&mut self) -> bool {
        let changed = image::refresh();
        if changed {
            // What new images call is to be seen, too.
            probe::refresh();
        }
        changed
    }
}

impl Surroundings for Neighbours {
    fn enter_writer_thread(&self) {
        hook::mark_writer_thread();
        stack::learn_thread_start();
        // The installer may have given up waiting.
        let _waited_for = self.started.try_send(());
    }

    fn own_thread(&self) -> fn() {
        hook::mark_writer_thread
    }

    fn process_labels(&self, generation: Option<u32>) -> Option<ProcessLabels> {
        labels::process::at(generation.unwrap_or_else(labels::process::generation))
    }

    fn labels_generation(&self) -> u32 {
        labels::process::generation()
    }

    fn images_generation(&self) -> u32 {
        image::current().map_or(0, image::Snapshot::generation)
    }

    fn images(&self) -> Vec<PastImage> {
        let Some(snapshot) = image::current() else { return Vec::new() };
        let past = |loaded: &LoadedImage| PastImage {
            image: about(loaded),
            offset: loaded.bias,
            code: loaded.code.clone(),
        };
        snapshot.images().map(past).collect()
    }

    fn panics(&self) -> u64 {
        self.counters.panics()
    }

    fn newest(&self) -> u64 {
        self.counters.newest()
    }

    fn probe_losses(&self) -> ProbeLosses {
        probe::counts()
    }
}

/// The other stages as a forked child sees them: nothing is asked that another thread of the parent may have been
/// in the middle of.
pub(super) struct ForkedChild;

impl Images for ForkedChild {
    fn image_of(&mut self, ip: u64, generation: Option<u32>) -> Option<ImageAt> {
        let snapshot = generation.map_or_else(image::current, image::of_generation)?;
        let loaded = snapshot.image_of(ip)?;
        Some(ImageAt { image: Arc::new(about(loaded)), address: loaded.relative_address(ip) })
    }
}

impl Surroundings for ForkedChild {
    fn process_labels(&self, generation: Option<u32>) -> Option<ProcessLabels> {
        labels::process::at(generation.unwrap_or_else(labels::process::generation))
    }
}
