//! Compiles the C and C++ callers, and tells the program whether it was built with debug information.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(demo_debuginfo)");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=native");
    // `DEBUG` is `false` or `0` when the profile asks for no debug information at all.
    let debug = std::env::var("DEBUG").unwrap_or_default();
    if !matches!(debug.as_str(), "" | "0" | "false" | "none") {
        println!("cargo::rustc-cfg=demo_debuginfo");
    }

    // `target/PROFILE/build/agent-demo-HASH/out`: cargo tells the name of a profile nowhere else.
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    let profile = out.ancestors().nth(3).and_then(|directory| directory.file_name()).unwrap_or_default();
    println!("cargo::rustc-env=DEMO_PROFILE={}", profile.to_string_lossy());

    // The callers are Unix's: POSIX threads, `longjmp` over frames, ELF sections.
    if std::env::var_os("CARGO_CFG_UNIX").is_none() {
        return;
    }
    cc::Build::new().file("native/calls.c").flag_if_supported("-funwind-tables").compile("demo_calls");
    cc::Build::new()
        .file("native/no_tables.c")
        .flag("-fno-exceptions")
        .flag("-fno-unwind-tables")
        .flag("-fno-asynchronous-unwind-tables")
        // Without a frame pointer to follow either, and without `.debug_frame`.
        .debug(false)
        .compile("demo_no_tables");
    if std::env::var_os("CARGO_FEATURE_CPP").is_some() {
        cc::Build::new().cpp(true).file("native/catches.cpp").compile("demo_catches");
    }
}
