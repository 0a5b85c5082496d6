//! The cache and the trimming, over a resolver made for the test.

use super::*;

struct NoImages;
impl Images for NoImages {
    fn image_of(&mut self, _: u64, _: Option<u32>) -> Option<ImageAt> {
        None
    }
}

struct Counting(Arc<core::sync::atomic::AtomicUsize>);
impl Resolve for Counting {
    fn resolve(&mut self, _: u64, _: Option<&ImageAt>, _: &mut dyn FnMut(Found<'_>)) -> Inlining {
        self.0.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        Inlining::Unknown
    }
}

fn walk(ips: &[u64]) -> RawWalk {
    let mut walk = RawWalk::new();
    walk.len = ips.len() as u32;
    walk.ips[..ips.len()].copy_from_slice(ips);
    walk
}

/// The stack of a walk, as names are always to be had.
fn stack_of(symbolizer: &mut Symbolizer, walk: &RawWalk) -> Stack {
    symbolizer.stack(walk, 0, &mut NoImages, &mut |_| Naming::Allowed)
}

#[test]
fn an_address_is_resolved_once() {
    let calls = Arc::new(core::sync::atomic::AtomicUsize::new(0));
    let mut symbolizer = Symbolizer::new(Box::new(Counting(calls.clone())));
    let walk = walk(&[10, 20, 10]);
    for _ in 0..2 {
        assert_eq!(stack_of(&mut symbolizer, &walk).physical.len(), 3);
    }
    assert_eq!(calls.load(core::sync::atomic::Ordering::Relaxed), 2);
    symbolizer.forget();
    stack_of(&mut symbolizer, &walk);
    assert_eq!(calls.load(core::sync::atomic::Ordering::Relaxed), 4);
}

/// The same address is in another image in each generation; number 3 knows none.
struct Changing;
impl Images for Changing {
    fn image_of(&mut self, _: u64, generation: Option<u32>) -> Option<ImageAt> {
        let name = format!("of {generation:?}");
        let image = Arc::new(Image { name, path: None, build_id: None, bias: None });
        (generation != Some(3)).then_some(ImageAt { image, address: 1 })
    }
}

#[test]
fn a_frame_lies_in_the_image_of_its_time() {
    let mut symbolizer = Symbolizer::new(Box::new(Off));
    let walk = walk(&[0x1000]);
    for (generation, image) in [(1, "of Some(1)"), (2, "of Some(2)"), (1, "of Some(1)"), (3, "of None")] {
        let stack = symbolizer.stack(&walk, generation, &mut Changing, &mut |_| Naming::Allowed);
        assert_eq!(stack.images()[0].name, image, "{generation}");
    }
}

#[test]
fn the_landing_site_beyond_the_recorded_frames_has_its_own_numbers() {
    let mut symbolizer = Symbolizer::new(Box::new(Counting(Arc::default())));
    let mut walk = walk(&[0x1000, 0x2000]);
    // The stopper is recorded and two of its neighbours are not; then nothing of it is recorded.
    for (stopper, known) in [(1, 1..4), (50, 50..53)] {
        walk.stopper = stopper;
        walk.landing_len = 0;
        [0x2000, 0x3000, 0x4000].into_iter().for_each(|ip| walk.push_landing(ip));
        let stack = stack_of(&mut symbolizer, &walk);
        assert_eq!(stack.end(), known.end);
        for index in 2..60 {
            assert_eq!(!stack.logical(index).is_empty(), known.contains(&index), "{index}");
        }
    }
}

#[inline(never)]
fn here() -> u64 {
    let mut ips = Vec::new();
    backtrace::trace(|frame| {
        ips.push(frame.ip() as usize as u64);
        ips.len() < 8
    });
    let mut resolver = Native;
    // The frame of this function, whatever the tracer put before it.
    ips.into_iter()
        .find(|ip| {
            let mut found = false;
            resolver.resolve(*ip, None, &mut |symbol| {
                // A function that is generic over a closure in this one has its name in brackets.
                let is_here = |name: String| !name.contains('<') && name.contains("here");
                found |= symbol.function.is_some_and(is_here);
            });
            found
        })
        .expect("this function is on its own stack")
}

#[test]
#[cfg_attr(miri, ignore = "reads the test's own executable")]
fn an_own_address_gets_its_name_file_and_line_without_a_hash() {
    let stack = stack_of(&mut Symbolizer::new(Box::new(Native)), &walk(&[here()]));
    let frames = &stack.physical[0].at.logical;
    let is_it = |name: &str| name == "here" || name.ends_with("::here");
    let frame = frames.iter().find(|frame| frame.function.as_deref().is_some_and(is_it));
    let frame = frame.expect("named");
    // With line tables alone a name has no path; the file completes it.
    assert!(frame.plain.ends_with("::tests::here"), "{frame:?}");
    assert!(frame.file.as_deref().unwrap().ends_with("symbolize/tests.rs"), "{frame:?}");
    assert!(frame.line.is_some());
    assert_eq!(stack.physical[0].at.inlining, Inlining::Known);
}

#[test]
fn without_symbols_the_addresses_stay_and_one_soft_error_says_why() {
    let mut walk = walk(&[0x1000, 0x2000]);
    walk.search_start = 1;
    let stack = stack_of(&mut Symbolizer::new(Box::new(Off)), &walk);
    assert_eq!(stack.trimmed, 1);
    assert_eq!(stack.soft_errors().len(), 1);
    assert_eq!(stack.soft_errors()[0].code, "symbols_off");
    assert_eq!(stack.physical[0].at.inlining, Inlining::Unknown);
}
