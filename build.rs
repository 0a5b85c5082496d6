//! Chooses, once, which twin of a platform-dependent module is compiled.
//!
//! `panic_agent_tables`: the stack is walked and the landing predicted from the unwind tables of the
//! loaded ELF images: Linux with glibc or musl, linked dynamically or statically, on x86_64 and aarch64. Everywhere else the
//! platform's unwinder gives the frames, and the prediction is read from their names.
//!
//! `panic_agent_probes`: the life of a panic after the hook is observed by redirecting a few calls of the
//! loaded images. Only with the feature `probes`, and only where those calls go through a table that the
//! loader fills: the same, linked dynamically.
//!
//! `panic_agent_loader`: a library that was loaded before the program can be asked for: glibc, linked dynamically. (The
//! library itself is built for glibc.)
//!
//! `panic_agent_spool`: the slots lie in a file that outlives the process. Linux.

fn main() {
    println!(
        "cargo::rustc-check-cfg=cfg(panic_agent_tables, panic_agent_probes, panic_agent_loader, panic_agent_spool)"
    );
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let cfg = |name: &str| std::env::var(format!("CARGO_CFG_{name}")).unwrap_or_default();
    // Of the other C libraries of Linux nobody has tried one.
    let linux = cfg("TARGET_OS") == "linux" && matches!(cfg("TARGET_ENV").as_str(), "gnu" | "musl");
    let tables = linux
        && matches!(cfg("TARGET_ARCH").as_str(), "x86_64" | "aarch64")
        // Not x32, not big-endian AArch64.
        && cfg("TARGET_POINTER_WIDTH") == "64"
        && cfg("TARGET_ENDIAN") == "little";
    // `--cfg panic_agent_fallback` compiles the twins of other systems here, so that they can be tested.
    let forced_fallback = std::env::var_os("CARGO_CFG_PANIC_AGENT_FALLBACK").is_some();
    if tables && !forced_fallback {
        println!("cargo::rustc-cfg=panic_agent_tables");
    }
    if cfg("TARGET_OS") == "linux" && !forced_fallback {
        println!("cargo::rustc-cfg=panic_agent_spool");
    }
    let dynamic = !cfg("TARGET_FEATURE").split(',').any(|feature| feature == "crt-static");
    if cfg("TARGET_OS") == "linux" && cfg("TARGET_ENV") == "gnu" && dynamic && !forced_fallback {
        println!("cargo::rustc-cfg=panic_agent_loader");
    }
    // The x32 ABI of x86_64 has other relocations.
    let probes = std::env::var_os("CARGO_FEATURE_PROBES").is_some() && cfg("TARGET_POINTER_WIDTH") == "64";
    if tables && probes && dynamic && !forced_fallback {
        println!("cargo::rustc-cfg=panic_agent_probes");
    }
}
