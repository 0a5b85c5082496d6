//! Symbols of a process that is gone, out of the image files that it had loaded.
//!
//! Runs on: a recovery's thread (2 MiB stack). Must not: take names from a file that is not the one that was loaded.

use std::fs::File;

use addr2line::Loader;
use object::{Object as _, ReadCache};

use super::resolve::{Found, Inlining, Resolve};
use crate::spool::PastImage;

/// One image of the dead process, opened when an address in it is asked for.
struct Opened {
    past: PastImage,
    /// `None`: not tried yet. `Some(None)`: there is no such file any more, or it is another one.
    loader: Option<Option<Loader>>,
}

/// See the module.
pub(crate) struct FileSymbols {
    images: Vec<Opened>,
}

impl FileSymbols {
    pub(crate) fn new(images: &[PastImage]) -> Self {
        let opened = |past: &PastImage| Opened { past: past.clone(), loader: None };
        Self { images: images.iter().map(opened).collect() }
    }
}

impl Opened {
    fn holds(&self, address: u64) -> bool {
        self.past.code.iter().any(|(start, end)| (*start..*end).contains(&address))
    }

    fn loader(&mut self) -> Option<&Loader> {
        let image = &self.past.image;
        self.loader
            .get_or_insert_with(|| {
                let (path, wanted) = (image.path.as_deref()?, image.build_id.as_deref()?);
                let is_it = build_id(path).is_some_and(|found| found == wanted);
                if is_it { Loader::new(path).ok() } else { None }
            })
            .as_ref()
    }
}

/// The GNU build-id of a file in hex.
fn build_id(path: &str) -> Option<String> {
    let cache = ReadCache::new(File::open(path).ok()?);
    let file = object::File::parse(&cache).ok()?;
    let id = file.build_id().ok()??;
    Some(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Resolve for FileSymbols {
    fn resolve(&mut self, return_address: u64, found: &mut dyn FnMut(Found<'_>)) -> Inlining {
        // The call lies before its return address.
        let address = return_address.saturating_sub(1);
        let Some(image) = self.images.iter_mut().find(|image| image.holds(address)) else {
            return Inlining::Unknown;
        };
        let stated = address.wrapping_sub(image.past.offset);
        let Some(loader) = image.loader() else { return Inlining::Unknown };
        let symbol = loader.find_symbol(stated);
        let mut any = false;
        if let Ok(mut frames) = loader.find_frames(stated) {
            while let Ok(Some(frame)) = frames.next() {
                let name = frame.function.as_ref().and_then(|function| function.raw_name().ok());
                let location = frame.location.as_ref();
                any |= name.is_some();
                found(Found {
                    function: name.as_deref().map(demangled),
                    raw_name: name.as_deref().map(str::as_bytes),
                    file: location.and_then(|location| location.file).map(str::to_owned),
                    line: location.and_then(|location| location.line).filter(|line| *line > 0),
                    column: location.and_then(|location| location.column).filter(|column| *column > 0),
                });
            }
        }
        if let Some(symbol) = symbol.filter(|_| !any) {
            let function = Some(demangled(symbol));
            found(Found {
                function,
                raw_name: Some(symbol.as_bytes()),
                file: None,
                line: None,
                column: None,
            });
        }
        if any { Inlining::Known } else { Inlining::Unknown }
    }
}

/// The alternate form leaves out the hash.
fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

#[cfg(all(test, panic_agent_tables))]
mod tests {
    use super::*;
    use crate::symbolize::Native;

    /// This executable, as a dead process would have described it.
    fn own(change: impl FnOnce(&mut PastImage)) -> FileSymbols {
        crate::image::refresh();
        let loaded = crate::image::current().unwrap().images().next().unwrap();
        let image = crate::record::Image {
            name: loaded.name().to_owned(),
            path: loaded.path().map(str::to_owned),
            build_id: loaded.build_id().map(str::to_owned),
            bias: None,
        };
        let mut past = PastImage { image, offset: loaded.bias(), code: loaded.code().to_vec() };
        change(&mut past);
        FileSymbols::new(&[past])
    }

    fn names(resolver: &mut dyn Resolve, address: u64) -> Vec<(Option<String>, Option<u32>)> {
        let mut names = Vec::new();
        resolver.resolve(address, &mut |found| names.push((found.function, found.line)));
        names
    }

    #[test]
    #[cfg_attr(miri, ignore = "reads the test's own executable")]
    fn the_file_gives_the_names_that_the_process_gives_and_another_build_gives_none() {
        let address = own as fn(fn(&mut PastImage)) -> FileSymbols as usize as u64 + 1;
        let from_file = names(&mut own(|_| ()), address);
        assert!(
            from_file.iter().any(|(name, _)| name.as_ref().unwrap().contains("files::tests::own")),
            "{from_file:?}"
        );
        assert_eq!(from_file, names(&mut Native, address));
        assert_eq!(names(&mut own(|past| past.image.build_id = Some("00".to_owned())), address), []);
        assert_eq!(names(&mut own(|past| past.image.path = Some("/nowhere".to_owned())), address), []);
    }
}
