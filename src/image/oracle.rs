//! Compares the readers with gimli, over every function of every image of the test binary.

use std::collections::BTreeMap;

use gimli::{BaseAddresses, CfaRule, EhFrame, LittleEndian, RegisterRule, UnwindContext, UnwindSection};

use super::snapshot::{Snapshot, current, refresh};
use super::{LoadedImage, Way};
use crate::unwind::{CfaBase, FrameRule, Pointer, Step, rule_at};

/// Fixed storage, so that gimli needs no allocation feature.
struct Storage;

impl gimli::UnwindContextStorage<usize> for Storage {
    type Rules = [(gimli::Register, RegisterRule<usize>); 192];
    type Stack = [gimli::UnwindTableRow<usize, Self>; 4];
}

const REGISTERS: (u16, u16, u16) = if cfg!(target_arch = "aarch64") { (31, 29, 30) } else { (7, 6, 16) };

/// gimli's row in our words.
fn expected(row: &gimli::UnwindTableRow<usize, Storage>, signal: bool) -> FrameRule {
    let (sp, fp, ra) = REGISTERS;
    if signal {
        return FrameRule::Unsupported;
    }
    let return_address_at = match row.register(gimli::Register(ra)) {
        Some(RegisterRule::Undefined) => return FrameRule::Bottom,
        Some(RegisterRule::Offset(offset)) => offset,
        _ => return FrameRule::Unsupported,
    };
    let (base, cfa_offset) = match row.cfa() {
        CfaRule::RegisterAndOffset { register, offset } if register.0 == sp => {
            (CfaBase::StackPointer, *offset)
        }
        CfaRule::RegisterAndOffset { register, offset } if register.0 == fp => {
            (CfaBase::FramePointer, *offset)
        }
        _ => return FrameRule::Unsupported,
    };
    let frame_pointer_at = match row.register(gimli::Register(fp)) {
        None | Some(RegisterRule::SameValue | RegisterRule::Undefined) => None,
        Some(RegisterRule::Offset(offset)) => Some(offset),
        _ => return FrameRule::Unsupported,
    };
    FrameRule::Step(Step { base, cfa_offset, frame_pointer_at, return_address_at, signed: false })
}

/// The images as they are loaded now.
fn now() -> &'static Snapshot {
    refresh();
    current().unwrap()
}

fn pointer(pointer: Option<gimli::Pointer>) -> Option<Pointer> {
    match pointer? {
        gimli::Pointer::Direct(address) => Some(Pointer::Direct(address)),
        gimli::Pointer::Indirect(address) => Some(Pointer::Indirect(address)),
    }
}

/// Functions and rows that were compared.
fn compare(image: &LoadedImage) -> (usize, usize) {
    let Some(tables) = &image.tables else { return (0, 0) };
    let bases = BaseAddresses::default().set_eh_frame(tables.eh_frame.address());
    let mut section = EhFrame::new(tables.eh_frame.bytes(), LittleEndian);
    section.set_address_size(8);
    let mut context = UnwindContext::<usize, Storage>::new_in();
    let (mut functions, mut rows) = (0, 0);
    for (start, address) in tables.hdr.entries() {
        let offset = usize::try_from(address - tables.eh_frame.address()).unwrap();
        let theirs =
            section.fde_from_offset(&bases, gimli::EhFrameOffset(offset), EhFrame::cie_from_offset).unwrap();
        let ours = tables.fde_at(start).unwrap().unwrap();
        assert_eq!((ours.start, ours.end), (theirs.initial_address(), theirs.end_address()), "{start:#x}");
        assert_eq!(ours.cie.personality, pointer(theirs.cie().personality()), "{start:#x}");
        match (ours.lsda, pointer(theirs.lsda())) {
            // gimli adds the base to a null pointer too, which gives the place of the pointer itself.
            (None, Some(theirs)) => assert!(tables.eh_frame.at(theirs.stated()).is_ok(), "{start:#x}"),
            (ours, theirs) => assert_eq!(ours, theirs, "{start:#x}"),
        }
        functions += 1;
        for address in [start, start + 1, start + 4, start + (ours.end - start) / 2, ours.end - 1] {
            if !ours.contains(address) {
                continue;
            }
            let Ok(row) = theirs.unwind_info_for_address(&section, &bases, &mut context, address) else {
                continue;
            };
            let expected = expected(row, theirs.is_signal_trampoline());
            assert_eq!(rule_at(&ours, address), Ok(expected), "{} {address:#x}", image.name);
            rows += 1;
        }
    }
    (functions, rows)
}

#[test]
fn every_function_of_every_image_reads_as_gimli_reads_it() {
    let mut compared = BTreeMap::new();
    for image in now().images() {
        compared.insert(image.name.clone(), compare(image));
    }
    let (functions, rows) = compared.values().fold((0, 0), |sum, image| (sum.0 + image.0, sum.1 + image.1));
    assert!(compared.len() >= 3 && functions > 5_000 && rows > 20_000, "{compared:?}");
}

#[test]
fn every_lsda_of_every_image_can_be_read() {
    let mut read = 0;
    for image in now().images() {
        let Some(tables) = &image.tables else { continue };
        for (start, _) in tables.hdr.entries() {
            let fde = tables.fde_at(start).unwrap().unwrap();
            if fde.lsda.is_none() {
                continue;
            }
            for address in (fde.start..fde.end).step_by(7) {
                let action = tables.facts_at(address).action;
                assert_ne!(action, crate::record::EhAction::Unknown, "{} {address:#x}", image.name);
                read += 1;
            }
        }
    }
    assert!(read > 10_000, "{read}");
}

#[test]
fn remembered_facts_are_the_computed_ones() {
    let snapshot = now();
    for image in snapshot.images() {
        let Some(tables) = &image.tables else { continue };
        for (start, _) in tables.hdr.entries().step_by(11) {
            let computed = tables.facts_at(start);
            assert_eq!([(); 2].map(|()| snapshot.facts(start)), [computed; 2]);
        }
    }
}

#[test]
fn images_are_found_by_address_with_their_name_and_build_id() {
    let snapshot = now();
    let here = images_are_found_by_address_with_their_name_and_build_id as fn() as usize as u64;
    let image = snapshot.image_of(here).unwrap();
    let exe = std::env::current_exe().unwrap();
    assert_eq!(image.path.as_deref(), exe.to_str());
    assert_eq!(image.name, exe.file_name().unwrap().to_str().unwrap());
    assert!(image.relative_address(here) < 1 << 32);
    let build_id = snapshot.images().find_map(|image| image.build_id.as_ref()).unwrap();
    assert!(build_id.len() >= 16 && build_id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert!(snapshot.image_of(8).is_none());
    assert!(snapshot.images().any(|image| image.name.starts_with("libc.so")));
}

#[test]
fn nothing_changed_means_no_new_snapshot() {
    let before = now().generation();
    assert!(!refresh());
    assert_eq!(current().unwrap().generation(), before);
    assert!(super::of_generation(before).is_some() && super::of_generation(0).is_none());
}

#[test]
fn an_address_in_no_image_asks_the_system() {
    assert_eq!(now().facts(8).way, Way::AskSystem);
    assert_eq!(super::live_facts(8).way, Way::AskSystem);
    let here = an_address_in_no_image_asks_the_system as fn() as usize as u64;
    assert_eq!(super::live_facts(here), current().unwrap().facts(here));
}
