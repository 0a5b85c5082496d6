//! What the file of a program tells before it runs.
//!
//! Runs on: the main thread. Must not: fail because of what the file holds.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use object::read::ReadCache;
use object::read::elf::{ElfFile64, ProgramHeader as _};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

use super::{Check, shown};
use crate::failure::Failure;
use crate::{program, system};

/// What every Rust program that unwinds calls.
const RAISE: &[u8] = b"_Unwind_RaiseException";
/// A variable that stands in every program with an agent.
const MARK: &[u8] = b"PANIC_AGENT_FLUSH_MS";

type Elf<'d> = ElfFile64<'d, object::Endianness, &'d ReadCache<File>>;

/// `whole`: also what matters only before the start.
pub(super) fn checks(path: &Path, whole: bool) -> Result<Vec<Check>, Failure> {
    let failed = |error: std::io::Error| Failure::io("read", path, &error);
    let mut start = Vec::new();
    File::open(path).map_err(failed)?.take(4).read_to_end(&mut start).map_err(failed)?;
    if start.starts_with(b"#!") {
        return Ok(vec![Check::less(
            "file",
            "a script",
            "what its interpreter runs can be seen; the script says nothing of it",
            "ask about the program that it starts",
        )]);
    }
    if let Some(system) = other_system(&start) {
        return Ok(vec![Check::less(
            "file",
            format!("a program for {system}"),
            "fates are predicted from the names of frames, nothing is observed after the hook, and reports do not outlive a kill: \
             docs/platforms.md",
            "ship line tables with it, else even the predictions are `unknown`",
        )]);
    }
    let cache = ReadCache::new(File::open(path).map_err(failed)?);
    let file = match ElfFile64::<object::Endianness, _>::parse(&cache) {
        Ok(file) if start == *b"\x7fELF" => file,
        _ => {
            return Ok(vec![Check::blind(
                "file",
                "no 64-bit ELF program",
                "nothing is known of it",
                "name an ELF program of this machine",
            )]);
        }
    };
    let mut checks = vec![machine(&file)];
    let rust = section_has(&file, b".comment", b"rustc version");
    checks.push(match rust {
        true => Check::fine("language", compiler(&file)),
        false => Check::less(
            "language",
            "no Rust compiler in `.comment`",
            "only the panics of its Rust libraries can be seen; if `.comment` was stripped, it may be a Rust program",
            "look at the library that is written in Rust, or keep `.comment`",
        ),
    });
    let linking = Linking::of(&file, &cache);
    let inside = has_agent(&file);
    checks.push(linking.check(inside));
    if rust {
        checks.push(strategy(&file, linking));
    }
    checks.push(tables(&file));
    checks.extend(names(&file, path));
    checks.push(agent(inside));
    checks.extend(hooks(&file, inside));
    if whole {
        checks.extend(zero_change(path));
    }
    Ok(checks)
}

/// Whose programs begin so, if those are no ELF programs and the agent works in them.
fn other_system(start: &[u8]) -> Option<&'static str> {
    match start {
        [b'M', b'Z', ..] => Some("Windows"),
        // 64 bits, and several architectures in one file.
        [0xcf, 0xfa, 0xed, 0xfe] | [0xca, 0xfe, 0xba, 0xbe] => Some("macOS"),
        _ => None,
    }
}

fn machine(file: &Elf<'_>) -> Check {
    let known = match file.architecture() {
        object::Architecture::X86_64 => "x86_64",
        object::Architecture::Aarch64 => "aarch64",
        other => {
            return Check::blind(
                "machine",
                format!("{other:?}"),
                "no unwind tables are read and no probes work there: fates and receipts stay unknown",
                "nothing; the lines still have message, place and stack",
            );
        }
    };
    if known == std::env::consts::ARCH {
        Check::fine("machine", known)
    } else {
        Check::less(
            "machine",
            format!("{known}, and this is {}", std::env::consts::ARCH),
            "it cannot run here",
            "run the doctor on such a machine",
        )
    }
}

fn compiler(file: &Elf<'_>) -> String {
    let data =
        file.section_by_name_bytes(b".comment").and_then(|section| section.data().ok()).unwrap_or_default();
    let text = String::from_utf8_lossy(data);
    let mut versions: Vec<&str> = text.split('\0').filter(|text| text.contains("rustc version")).collect();
    versions.sort_unstable();
    versions.dedup();
    versions.join(", ")
}

/// How it finds its libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Linking {
    Glibc,
    Musl,
    Static,
    /// A library.
    NoInterpreter,
}

impl Linking {
    fn of<'d>(file: &Elf<'d>, cache: &'d ReadCache<File>) -> Self {
        let endian = file.endian();
        let mut headers = file.elf_program_headers().iter();
        let interpreter = headers.find_map(|header| header.interpreter(endian, cache).ok()?);
        match interpreter {
            Some(path) if String::from_utf8_lossy(path).contains("musl") => Self::Musl,
            Some(_) => Self::Glibc,
            None if file.symbols().next().is_none()
                && file.dynamic_symbols().count() > 1
                && file.entry() == 0 =>
            {
                Self::NoInterpreter
            }
            None => Self::Static,
        }
    }

    /// `inside`: the agent is in the program.
    fn check(self, inside: bool) -> Check {
        match self {
            Self::Glibc => Check::fine("linking", "dynamically, against glibc"),
            Self::NoInterpreter => Check::fine("linking", "a library"),
            Self::Musl if inside => Check::fine("linking", "dynamically, against musl"),
            Self::Musl => Check::less(
                "linking",
                "dynamically, against musl",
                "`panic-agent run` loads nothing before it; the library `panic-agent` in it sees as much as with glibc",
                "use the library in it, or build for `*-unknown-linux-gnu`",
            ),
            Self::Static => Check::less(
                "linking",
                "statically",
                "no probes: where a panic stops is predicted, and who got the error is never known; `panic-agent run` sees nothing",
                "build without `-C target-feature=+crt-static`; for musl, with `-crt-static` in its place",
            ),
        }
    }
}

fn strategy(file: &Elf<'_>, linking: Linking) -> Check {
    let imports = file.imports().is_ok_and(|mut imports| {
        imports.any(|import| import.is_ok_and(|import| import.name() == object::NameOrOrdinal::Name(RAISE)))
    });
    let own = file.symbols().any(|symbol| symbol.is_definition() && symbol.name_bytes() == Ok(RAISE));
    let std = section_has(file, b".dynstr", b"libstd-");
    match (imports || std, own, linking) {
        (true, ..) => Check::fine("panic", "unwinds, through the unwinder of the system"),
        (_, true, Linking::Static | Linking::Musl) => {
            Check::fine("panic", "unwinds, with the unwinder that is linked into it")
        }
        (_, true, _) => Check::less(
            "panic",
            "unwinds, with an unwinder of its own",
            "the probes may not see its raises, and `panic-agent run` does not",
            "link against the system's `libgcc_s`",
        ),
        (_, _, Linking::Static | Linking::Musl) => Check::less(
            "panic",
            "aborts, or its unwinder has no name in this file",
            "with `panic = \"abort\"` the first panic is the last, and nothing is caught or received",
            "`panic = \"unwind\"` in the profile, if that is set",
        ),
        _ => Check::less(
            "panic",
            "aborts (`panic = \"abort\"`)",
            "the first panic is the last: `aborted`, nothing is caught or received; `panic-agent run` sees nothing, the library does",
            "`panic = \"unwind\"` in the profile",
        ),
    }
}

fn tables(file: &Elf<'_>) -> Check {
    match file.section_by_name_bytes(b".eh_frame_hdr") {
        Some(_) => Check::fine("unwind tables", "there"),
        None => Check::blind(
            "unwind tables",
            "no `.eh_frame_hdr`",
            "the stack cannot be walked: no frames, and no fate is predicted",
            "keep the section (`strip` does), and build with `-C force-unwind-tables` under `panic = \"abort\"`",
        ),
    }
}

/// Symbols, lines, and the id that proves that a file is the right one.
fn names(file: &Elf<'_>, path: &Path) -> Vec<Check> {
    let mut checks = Vec::new();
    let build_id = file.build_id().ok().flatten();
    let debug = build_id.and_then(|id| debug_file(id, path));
    let has = |name: &[u8]| file.section_by_name_bytes(name).is_some();
    let lines = has(b".debug_line") || has(b".zdebug_line");
    match (lines, &debug) {
        (true, _) => checks.push(Check::fine("names", "functions, inlined ones too, with files and lines")),
        (false, Some(debug)) => checks.push(Check::fine("names", format!("from the debug file {}", shown(debug)))),
        (false, None) if file.symbols().next().is_some() => checks.push(Check::less(
            "names",
            "functions with code of their own; no line tables",
            "no lines but the panic's own, no inlined functions; who caught and who dropped the error is named only where the structure \
             of the program proves it",
            "`debug = \"line-tables-only\"` in the profile",
        )),
        (false, None) => checks.push(Check::less(
            "names",
            "stripped: no symbols",
            "addresses in place of names; of catches other than roots of threads only that there was one; groups are told apart by lines \
             of panics alone",
            "`strip = false`, or put the debug file where docs/names.md says",
        )),
    }
    match build_id {
        Some(id) => checks.push(Check::fine("build-id", id.iter().map(|byte| format!("{byte:02x}")).collect::<String>())),
        None => checks.push(Check::less(
            "build-id",
            "none",
            "debug files, and files of dead processes, cannot be proven to be the right ones and are not used",
            "`-C link-arg=-Wl,--build-id`",
        )),
    }
    checks
}

/// The separate debug file that belongs to a build-id.
fn debug_file(id: &[u8], path: &Path) -> Option<PathBuf> {
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let (first, rest) = hex.split_at_checked(2)?;
    let own = std::env::var_os("PANIC_AGENT_DEBUG_DIR").unwrap_or_default();
    let directories = std::env::split_paths(&own).filter(|path| !path.as_os_str().is_empty());
    let mut places: Vec<PathBuf> = directories
        .chain([PathBuf::from("/usr/lib/debug")])
        .map(|directory| directory.join(".build-id").join(first).join(format!("{rest}.debug")))
        .collect();
    places.push(path.with_extension("dwp"));
    places.into_iter().find(|place| place.is_file())
}

/// Whether the library is in the program.
fn has_agent(file: &Elf<'_>) -> bool {
    file.sections().any(|section| {
        let wanted = matches!(section.name_bytes(), Ok(b".rodata" | b".data.rel.ro" | b".rodata.cst16"));
        wanted && section.data().is_ok_and(|data| memchr::memmem::find(data, MARK).is_some())
    })
}

fn agent(inside: bool) -> Check {
    match inside {
        true => Check::fine("agent", "the library `panic-agent` is in the program"),
        false => Check::fine(
            "agent",
            "not in the program; `panic-agent run` observes it from outside, where that works",
        ),
    }
}

/// Whoever sets a hook may take the agent's place.
fn hooks(file: &Elf<'_>, inside: bool) -> Option<Check> {
    let is_set_hook = |name: &[u8]| {
        let text = String::from_utf8_lossy(name);
        text.contains("panicking") && text.contains("set_hook") && !text.contains("panic_agent")
    };
    let sets =
        file.symbols().any(|symbol| symbol.is_definition() && symbol.name_bytes().is_ok_and(is_set_hook));
    (sets && !inside).then(|| {
        Check::fine(
            "hook",
            "the program sets a panic hook; set it before the agent, or let it call the one before it",
        )
    })
}

/// Whether it can be observed as it is.
fn zero_change(path: &Path) -> Option<Check> {
    let is_executable = path.metadata().is_ok_and(|metadata| system::is_executable(&metadata));
    let refusal = program::refusal(path);
    Some(match refusal {
        None if !is_executable => {
            Check::less("run", "the file cannot be executed", "it cannot be started", "`chmod +x`")
        }
        None => Check::fine("run", "`panic-agent run` can observe it as it is"),
        // What it costs stands with its reason.
        Some(why) => Check::fine("run", format!("`panic-agent run` cannot observe it: {why}")),
    })
}

fn section_has(file: &Elf<'_>, section: &[u8], text: &[u8]) -> bool {
    let data = file.section_by_name_bytes(section).and_then(|section| section.data().ok());
    data.is_some_and(|data| memchr::memmem::find(data, text).is_some())
}
