//! With `PANIC_BENCH_BULK_MB`, links about so many megabytes of debug information into the bench: one object of generated C
//! functions, again and again. The table `sizes` builds such copies of the bench.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// Functions of the object, each with a type of its own, and members of each type.
const FUNCTIONS: usize = 4000;
const MEMBERS: usize = 30;
/// What an object of that shape adds to a program, in kilobytes: `.debug_info` and `.debug_line`; equal texts are merged.
const OBJECT_KB: usize = 2370;

fn main() {
    println!("cargo:rerun-if-env-changed=PANIC_BENCH_BULK_MB");
    println!("cargo:rerun-if-changed=build.rs");
    let Ok(megabytes) = env::var("PANIC_BENCH_BULK_MB") else { return };
    let megabytes: usize = megabytes.parse().expect("PANIC_BENCH_BULK_MB is a number of megabytes");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let out = Path::new(&out);
    fs::write(out.join("bulk.c"), source()).expect("the build directory can be written");
    run(Command::new("cc").args(["-g3", "-O0", "-c", "bulk.c", "-o", "bulk.o"]).current_dir(out));
    let object = out.join("bulk.o");
    for copy in 0..(megabytes * 1000).div_ceil(OBJECT_KB) {
        // A name of its own for each: a linker takes a file once.
        let copied = out.join(format!("bulk-{copy}.o"));
        if !copied.exists() {
            fs::hard_link(&object, &copied).expect("the build directory can be written");
        }
        println!("cargo:rustc-link-arg-bins={}", copied.display());
    }
}

fn source() -> String {
    let mut text = String::new();
    for number in 0..FUNCTIONS {
        let members: String = (0..MEMBERS).map(|member| format!("long m{number}_{member}; ")).collect();
        let written = writeln!(
            text,
            "struct s{number} {{ {members}}};\n\
             __attribute__((used)) static long f{number}(struct s{number} *p, long a) {{\n\
             long b = a + p->m{number}_3;\nif (b > a) {{ long c = b - a; return c; }}\nreturn a;\n}}"
        );
        written.expect("a string takes all");
    }
    text
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    assert!(status.success(), "{command:?} ended with {status}");
}
