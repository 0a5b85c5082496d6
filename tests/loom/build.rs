//! Chooses loom's twins. The condition has a name of our own: tokio and what builds on it have one `loom` among their
//! conditions, too, and leave parts out.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=panic_agent_loom");
    // The sources ask for features of the agent, and the models need none of them.
    println!("cargo::rustc-check-cfg=cfg(feature, values(any()))");
}
