//! Whether a program can be observed: what its file says before it runs.

use std::fs::File;
use std::path::{Path, PathBuf};

use object::read::ReadCache;
use object::read::elf::{ElfFile64, ProgramHeader as _};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

use crate::system;

/// Finds a program as a shell does.
pub(crate) fn find(name: &Path) -> Option<PathBuf> {
    if name.components().count() > 1 {
        return Some(name.to_owned());
    }
    let path = std::env::var_os("PATH")?;
    let is_program = |path: &PathBuf| {
        path.metadata().is_ok_and(|metadata| metadata.is_file() && system::is_executable(&metadata))
    };
    let mut whole = name.as_os_str().to_owned();
    whole.push(std::env::consts::EXE_SUFFIX);
    let names = [name.as_os_str(), &whole];
    std::env::split_paths(&path).flat_map(|directory| names.map(|name| directory.join(name))).find(is_program)
}

/// Why a program cannot be observed; `None` when it can, or when only its run will tell.
pub(crate) fn refusal(path: &Path) -> Option<String> {
    let Ok(metadata) = path.metadata() else { return None };
    if system::is_setuid(&metadata) {
        return Some(
            "it is setuid or setgid, and the loader ignores `LD_PRELOAD` for such programs".to_owned(),
        );
    }
    let cache = ReadCache::new(File::open(path).ok()?);
    let mut start = [0; 4];
    std::io::Read::read_exact(&mut File::open(path).ok()?, &mut start).ok()?;
    if start != *b"\x7fELF" {
        // A script: its interpreter is observed.
        return (start[..2] != *b"#!").then(|| "it is not an ELF program".to_owned());
    }
    let Ok(file) = ElfFile64::<object::Endianness, _>::parse(&cache) else {
        return Some("it is not a 64-bit ELF program".to_owned());
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => object::Architecture::X86_64,
        "aarch64" => object::Architecture::Aarch64,
        other => return Some(format!("{other} is not supported")),
    };
    if file.architecture() != machine {
        return Some(format!(
            "it is built for {:?}, but this machine is {}",
            file.architecture(),
            std::env::consts::ARCH
        ));
    }
    let endian = file.endian();
    let interpreter =
        file.elf_program_headers().iter().find_map(|header| header.interpreter(endian, &cache).ok()?);
    let Some(interpreter) = interpreter else {
        return Some(
            "it is linked statically, so no library can be loaded before it; build it without \
             `-C target-feature=+crt-static`, or use the library `panic-agent` in it"
                .to_owned(),
        );
    };
    if String::from_utf8_lossy(interpreter).contains("musl") {
        return Some("it is linked against musl; only glibc's loader is supported".to_owned());
    }
    if !is_rust(&file) || raises_through_a_library(&file) || needs_std(&file) {
        return None;
    }
    if file.symbols().any(|symbol| symbol.is_definition() && symbol.name_bytes() == Ok(RAISE)) {
        return Some("it has its own unwinder, which a preloaded library cannot observe".to_owned());
    }
    Some(
        "it was built with `panic = \"abort\"`, so no panic unwinds; use the library `panic-agent` in it"
            .to_owned(),
    )
}

/// What every Rust program that unwinds calls.
const RAISE: &[u8] = b"_Unwind_RaiseException";

type Elf<'d> = ElfFile64<'d, object::Endianness, &'d ReadCache<File>>;

fn is_rust(file: &Elf<'_>) -> bool {
    let comment = file.section_by_name_bytes(b".comment").and_then(|section| section.data().ok());
    comment.is_some_and(|text| String::from_utf8_lossy(text).contains("rustc version"))
}

fn raises_through_a_library(file: &Elf<'_>) -> bool {
    let is_raise = |import: object::Import<'_>| import.name() == object::NameOrOrdinal::Name(RAISE);
    file.imports().is_ok_and(|imports| imports.flatten().any(is_raise))
}

/// Whether std is a library of its own, which raises then.
fn needs_std(file: &Elf<'_>) -> bool {
    let strings = file.section_by_name_bytes(b".dynstr").and_then(|section| section.data().ok());
    let mut names = strings.unwrap_or_default().split(|byte| *byte == 0);
    names.any(|name| name.starts_with(b"libstd-") && name.ends_with(b".so"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_and_ordinary_programs_are_not_refused_and_other_files_are() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("script");
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        assert_eq!(refusal(&script), None);
        let text = dir.path().join("text");
        std::fs::write(&text, "hello").unwrap();
        assert!(refusal(&text).is_some_and(|why| why.contains("not an ELF")));
        let torn = dir.path().join("torn");
        std::fs::write(&torn, b"\x7fELF\x02\x01\x01").unwrap();
        assert!(refusal(&torn).is_some_and(|why| why.contains("not a 64-bit ELF")));
        assert_eq!(refusal(&std::env::current_exe().unwrap()), None);
    }

    #[test]
    fn an_unwinder_in_the_program_itself_is_told_from_none() {
        let dir = tempfile::tempdir().unwrap();
        let raise = "#[unsafe(no_mangle)] extern \"C\" fn _Unwind_RaiseException(_: usize) -> i32 { 5 }\n";
        let why = |source: String, panics: &str| {
            let (source_file, program) = (dir.path().join("main.rs"), dir.path().join("program"));
            std::fs::write(&source_file, source + "fn main() {}\n").unwrap();
            let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
            let mut rustc = std::process::Command::new(rustc);
            rustc.args(["--edition", "2024", "-C", panics, "-o"]).arg(&program).arg(&source_file);
            assert!(rustc.status().unwrap().success());
            refusal(&program).unwrap_or_default()
        };
        assert_eq!(why(String::new(), "panic=unwind"), "");
        assert!(why(raise.to_owned(), "panic=unwind").contains("its own unwinder"));
        assert!(why(String::new(), "panic=abort").contains("panic = \"abort\""));
    }

    #[test]
    fn a_name_without_a_slash_is_looked_up_and_a_path_is_taken_as_it_is() {
        assert!(find(Path::new("sh")).is_some_and(|path| path.is_absolute()));
        assert_eq!(find(Path::new("./sh")).as_deref(), Some(Path::new("./sh")));
        assert_eq!(find(Path::new("no-such-program-anywhere")), None);
    }
}
