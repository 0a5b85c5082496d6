//! What is read of an image of macOS (Mach-O): where its code lies, and its UUID.
//!
//! Runs on: `refresh`. Must not: trust a number: every read is checked.
//! Source: `mach-o/loader.h`.

/// `MH_MAGIC_64`, in the byte order of the machine.
const MAGIC: u32 = 0xfeed_facf;
const LC_SEGMENT_64: u32 = 0x19;
const LC_UUID: u32 = 0x1b;
/// `VM_PROT_EXECUTE`.
const EXECUTABLE: u32 = 4;
/// Bytes of the header; the commands follow.
const HEADER: u32 = 32;
/// More commands than this no image has: some hundred kilobytes.
const MAX_COMMANDS: usize = 1 << 20;

/// Start and end of each segment with code, as the file states them, and the UUID in hex.
type Found = (Vec<(u64, u64)>, Option<String>);

/// What the headers of an image say; `None` if it is none of 64 bits.
pub(super) fn headers(read: &dyn Fn(u32, &mut [u8]) -> Option<()>) -> Option<Found> {
    let mut header = [0; HEADER as usize];
    read(0, &mut header)?;
    let mut commands = vec![0; commands_len(&header)?];
    read(HEADER, &mut commands)?;
    Some(found_in(&commands))
}

/// Bytes of the commands, as the header says.
fn commands_len(header: &[u8]) -> Option<usize> {
    let len = usize::try_from(word(header, 20)?).ok()?;
    (word(header, 0)? == MAGIC && len <= MAX_COMMANDS).then_some(len)
}

fn found_in(mut commands: &[u8]) -> Found {
    let mut found = Found::default();
    while let Some(len) = word(commands, 4).and_then(|len| usize::try_from(len).ok()).filter(|len| *len >= 8)
    {
        let Some(command) = commands.get(..len) else { break };
        match word(command, 0) {
            Some(LC_SEGMENT_64) => found.0.extend(code(command)),
            Some(LC_UUID) => {
                let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02X}")).collect();
                found.1 = command.get(8..24).map(hex);
            }
            _ => {}
        }
        commands = commands.get(len..).unwrap_or_default();
    }
    found
}

fn code(segment: &[u8]) -> Option<(u64, u64)> {
    let (start, len) = (long(segment, 24)?, long(segment, 32)?);
    (word(segment, 60)? & EXECUTABLE != 0).then(|| (start, start.saturating_add(len)))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(start: u64, len: u64, protection: u32) -> Vec<u8> {
        let mut command = vec![0_u8; 72];
        command[..4].copy_from_slice(&LC_SEGMENT_64.to_ne_bytes());
        command[4..8].copy_from_slice(&72_u32.to_ne_bytes());
        command[24..32].copy_from_slice(&start.to_ne_bytes());
        command[32..40].copy_from_slice(&len.to_ne_bytes());
        command[60..64].copy_from_slice(&protection.to_ne_bytes());
        command
    }

    fn header(magic: u32, len: u32) -> Vec<u8> {
        let mut header = vec![0_u8; HEADER as usize];
        header[..4].copy_from_slice(&magic.to_ne_bytes());
        header[20..24].copy_from_slice(&len.to_ne_bytes());
        header
    }

    fn commands() -> Vec<u8> {
        let mut uuid = [LC_UUID.to_ne_bytes(), 24_u32.to_ne_bytes()].concat();
        uuid.extend(0xa0..0xb0_u8);
        [segment(0x1_0000_0000, 0x4000, 5), segment(0x1_0000_4000, 0x4000, 3), uuid].concat()
    }

    #[test]
    fn segments_with_code_and_the_uuid_are_read() {
        let mut image = header(MAGIC, commands().len() as u32);
        image.extend(commands());
        let read = |image: &[u8]| {
            headers(&|at, into| {
                into.copy_from_slice(image.get(at as usize..)?.get(..into.len())?);
                Some(())
            })
        };
        let (code, id) = read(&image).unwrap();
        assert_eq!(code, [(0x1_0000_0000, 0x1_0000_4000)]);
        assert_eq!(id.as_deref(), Some("A0A1A2A3A4A5A6A7A8A9AAABACADAEAF"));
        assert_eq!(read(&image[..image.len() - 1]), None, "cut");
    }

    #[test]
    fn a_header_of_another_kind_or_of_absurd_length_is_refused() {
        assert_eq!(commands_len(&header(MAGIC, 168)), Some(168));
        assert_eq!(commands_len(&header(0xfeed_face, 168)), None);
        assert_eq!(commands_len(&header(MAGIC, u32::MAX)), None);
        assert_eq!(commands_len(&[]), None);
    }

    #[test]
    fn what_is_cut_anywhere_is_read_as_far_as_it_goes() {
        let whole = commands();
        for len in 0..whole.len() {
            let (code, id) = found_in(&whole[..len]);
            assert_eq!((code.len(), id), (usize::from(len >= 72), None), "{len}");
        }
        assert_eq!(found_in(&[0; 64]), Found::default(), "a command without a length");
    }
}
