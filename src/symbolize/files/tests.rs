//! The files of this executable, as it runs and as if it were gone.

use super::*;
use crate::files::testing::Dir;
use crate::symbolize::Native;

/// The call before this return address, in this executable.
fn at(address: u64, change: impl FnOnce(&mut Image)) -> ImageAt {
    crate::image::refresh();
    let loaded = crate::image::current().unwrap().images().next().unwrap();
    let mut image = Image {
        name: loaded.name.clone(),
        path: loaded.path.clone(),
        build_id: loaded.build_id.clone(),
        bias: None,
    };
    change(&mut image);
    ImageAt { image: Arc::new(image), address: loaded.relative_address(address - 1) }
}

type Name = (Option<String>, Option<String>, Option<u32>, Option<u32>);

fn names(resolver: &mut dyn Resolve, address: u64, at: &ImageAt) -> (Vec<Name>, Inlining) {
    let mut names = Vec::new();
    let inlining = resolver.resolve(address, Some(at), &mut |found| {
        names.push((found.function, found.file, found.line, found.column));
    });
    (names, inlining)
}

fn own() -> u64 {
    names as *const () as usize as u64 + 1
}

#[test]
#[cfg_attr(miri, ignore = "reads the test's own executable")]
fn files_give_the_names_that_backtrace_gives() {
    let expected = names(&mut Native, own(), &at(own(), |_| ()));
    assert!(expected.0[0].0.as_ref().unwrap().contains("files::tests::names"), "{expected:?}");
    for mut resolver in
        [FileSymbols::of_this_process(Vec::new()), FileSymbols::of_the_dead(Vec::new(), Vec::new())]
    {
        assert_eq!(names(&mut resolver, own(), &at(own(), |_| ())), expected);
        assert_eq!(resolver.refused(&at(own(), |_| ())), []);
    }
}

#[test]
#[cfg_attr(miri, ignore = "reads the test's own executable")]
fn another_build_and_no_build_id_of_a_dead_process_give_no_names_and_say_why() {
    let mut dead = FileSymbols::of_the_dead(Vec::new(), Vec::new());
    let mut of = |change: fn(&mut Image)| {
        let at = at(own(), change);
        assert_eq!(names(&mut dead, own(), &at), (Vec::new(), Inlining::Unknown));
        dead.refused(&at).into_iter().map(|refused| refused.code).collect::<Vec<_>>()
    };
    assert_eq!(of(|image| image.build_id = Some("00".to_owned())), ["stale_image_file"]);
    assert_eq!(of(|image| image.build_id = None), ["stale_image_file"]);
    assert_eq!(of(|image| image.path = Some("/nowhere".to_owned())), [""; 0]);
}

#[test]
#[cfg_attr(miri, ignore = "reads the test's own executable")]
fn what_was_opened_is_opened_again_after_all_was_dropped() {
    let mut resolver = FileSymbols::of_this_process(Vec::new());
    let at = at(own(), |_| ());
    let first = names(&mut resolver, own(), &at);
    let shared = resolver.shared.clone();
    assert_eq!(shared.lock().opened.len(), 1);
    resolver.forget();
    shared.lock().opened.clear();
    assert_eq!(names(&mut resolver, own(), &at), first);
}

#[test]
#[cfg_attr(miri, ignore = "reads the test's own executable")]
fn the_c_library_is_named_from_its_symbol_table_alone() {
    let directory = Dir::new("symbols-of-c");
    let of = |name: &str| {
        let path = directory.join(name);
        std::os::unix::fs::symlink(std::env::current_exe().unwrap(), &path).unwrap();
        let at = at(own(), |image| image.path = path.to_str().map(str::to_owned));
        let (names, inlining) = names(&mut FileSymbols::of_the_dead(Vec::new(), Vec::new()), own(), &at);
        let (function, file, line, _) = names.into_iter().next_back().unwrap();
        assert!(function.unwrap().ends_with("files::tests::names"));
        (file.is_some(), line.is_some(), inlining)
    };
    assert_eq!(of("libc.so.6"), (false, false, Inlining::Unknown));
    assert_eq!(of("libcurl.so.4"), (true, true, Inlining::Known));
}
