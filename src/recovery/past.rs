//! What a dead process's facts say of its images and labels.
//!
//! Runs on: a recovery's thread. Must not: do I/O.

use std::sync::Arc;

use crate::record::Image;
use crate::report::process_view::{ProcessLabels, Surroundings};
use crate::spool::{Facts, PastImage};
use crate::symbolize::{ImageAt, Images};

/// See the module.
pub(super) struct Past {
    images: Vec<(PastImage, Arc<Image>)>,
    labels: Vec<(u32, ProcessLabels)>,
}

impl Past {
    pub(super) fn new(facts: &Facts) -> Self {
        let images = facts.images.iter().map(|past| (past.clone(), Arc::new(past.image.clone())));
        let labels = facts.labels.iter().map(|(generation, labels)| (*generation, Arc::new(labels.clone())));
        Self { images: images.collect(), labels: labels.collect() }
    }
}

impl Images for Past {
    fn image_of(&mut self, ip: u64, _generation: Option<u32>) -> Option<ImageAt> {
        let holds = |past: &PastImage| past.code.iter().any(|(start, end)| (*start..*end).contains(&ip));
        let (past, image) = self.images.iter().find(|(past, _)| holds(past))?;
        Some(ImageAt { image: image.clone(), address: ip.wrapping_sub(past.offset) })
    }
}

impl Surroundings for Past {
    fn process_labels(&self, generation: Option<u32>) -> Option<ProcessLabels> {
        match generation {
            Some(0) => Some(ProcessLabels::default()),
            Some(generation) => {
                self.labels.iter().find(|(known, _)| *known == generation).map(|(_, labels)| labels.clone())
            }
            None => self.labels.last().map(|(_, labels)| labels.clone()),
        }
    }
}
