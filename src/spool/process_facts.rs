//! What a later process must know of this one besides its records: the `process` line, images, labels.
//!
//! Runs on: the writer thread (write) and recoveries (read). Must not: trust what is read.
//!
//! The text is JSON, so that it can grow without a new version of the layout.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::record::{Image, ProcessLine};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Facts {
    /// The file of the lines, absolute. Text, or its bytes when it is none.
    #[serde(with = "path_bytes")]
    pub(crate) log: Option<PathBuf>,
    /// The `process` line.
    pub(crate) process: Option<ProcessLine>,
    /// Whether text has to go through a redactor before it is written.
    pub(crate) redacted: bool,
    /// Longest line in bytes.
    pub(crate) max_report_bytes: usize,
    /// The process-wide labels of the newest generations.
    pub(crate) labels: Vec<(u32, BTreeMap<String, String>)>,
    /// Generation of `images`.
    pub(crate) images_generation: u32,
    /// The executable first.
    pub(crate) images: Vec<PastImage>,
    /// Images that had no room.
    pub(crate) images_left_out: usize,
}

/// A path as text; one that is not UTF-8 as its bytes.
mod path_bytes {
    use std::path::PathBuf;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::sys::system;

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Bytes {
        Text(String),
        Other(Vec<u8>),
    }

    pub(crate) fn serialize<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
        let bytes = path.as_ref().map(|path| match path.to_str() {
            Some(text) => Bytes::Text(text.to_owned()),
            None => Bytes::Other(path.as_os_str().as_encoded_bytes().to_vec()),
        });
        bytes.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
        let path = Option::<Bytes>::deserialize(from)?;
        Ok(path.map(|bytes| match bytes {
            Bytes::Text(text) => PathBuf::from(text),
            Bytes::Other(bytes) => PathBuf::from(system::name_of(bytes)),
        }))
    }
}

/// A loaded image, as a later process needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PastImage {
    #[serde(flatten)]
    pub(crate) image: Image,
    /// Address in memory minus address in the file.
    pub(crate) offset: u64,
    /// Start and end of each segment with code.
    pub(crate) code: Vec<(u64, u64)>,
}

impl Facts {
    /// The text, in at most this many bytes: labels and the last images are left out until it fits.
    pub(crate) fn to_bytes(&self, most: usize) -> Option<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self).ok()?;
        let mut shorter = self.clone();
        while bytes.len() > most {
            if shorter.labels.len() > 1 {
                shorter.labels.remove(0);
            } else if shorter.images.pop().is_some() {
                shorter.images_left_out += 1;
            } else if shorter.labels.pop().is_none() && shorter.process.take().is_none() {
                return None;
            }
            bytes = serde_json::to_vec(&shorter).ok()?;
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_path_that_is_no_text_comes_back() {
        let name: std::ffi::OsString =
            std::os::unix::ffi::OsStringExt::from_vec(b"/srv/p\xff.jsonl".to_vec());
        for log in [None, Some(name.into()), Some(PathBuf::from("/srv/p.jsonl"))] {
            let facts = Facts { log, ..Facts::default() };
            let bytes = facts.to_bytes(usize::MAX).unwrap();
            assert_eq!(serde_json::from_slice::<Facts>(&bytes).unwrap(), facts);
        }
    }

    fn image(number: u64) -> PastImage {
        let name = format!("lib{number}.so");
        let image = Image { path: Some(format!("/usr/lib/{name}")), name, build_id: None, bias: None };
        PastImage { image, offset: number, code: vec![(number, number + 1)] }
    }

    #[test]
    fn facts_come_back_and_give_up_images_rather_than_everything() {
        let labels =
            [1, 2].map(|generation| (generation, BTreeMap::from([("k".to_owned(), "v".to_owned())])));
        let facts = Facts { images: (0..50).map(image).collect(), labels: labels.into(), ..Facts::default() };
        let whole = facts.to_bytes(usize::MAX).unwrap();
        assert_eq!(serde_json::from_slice::<Facts>(&whole).unwrap(), facts);
        let cut = facts.to_bytes(1000).unwrap();
        assert!(cut.len() <= 1000);
        let cut: Facts = serde_json::from_slice(&cut).unwrap();
        assert_eq!((cut.images.len() + cut.images_left_out, cut.labels.len()), (50, 1));
        assert_eq!(cut.images[0], facts.images[0]);
        assert_eq!(facts.to_bytes(10), None);
    }
}
