//! `init!` and `builder!`: the agent with the name and version of the package that calls them.
//!
//! Runs on: the thread that installs the agent. Must not: be used on a panicking thread.

/// Installs the agent with its defaults, and names your Cargo package in every line.
///
/// Like the function [`init`](crate::init()), with the fields `service` and `version` taken from the `Cargo.toml` of the
/// package in which the macro is expanded. `PANIC_AGENT_SERVICE` still wins. Call it first in `main`:
///
/// ```
/// let _agent = panic_agent::init!();
/// ```
///
/// In a library that several programs share, the package would be the library: pass the program's name with
/// [`AgentBuilder::service`](crate::AgentBuilder::service) there.
#[macro_export]
macro_rules! init {
    () => {
        $crate::builder!().init()
    };
}

/// Returns [`Agent::builder`](crate::Agent::builder), with the name and version of your Cargo package as `service` and
/// `version`.
///
/// Both are defaults: [`service`](crate::AgentBuilder::service) and [`version`](crate::AgentBuilder::version) replace them.
/// A build without Cargo leaves them empty.
///
/// # Examples
/// ```
/// let _agent = panic_agent::builder!()
///     .file(std::env::temp_dir().join("example-panics.jsonl"))
///     .label("region", "eu-1")
///     .init();
/// ```
#[macro_export]
macro_rules! builder {
    () => {
        $crate::Agent::builder()
            .__package(::core::option_env!("CARGO_PKG_NAME"), ::core::option_env!("CARGO_PKG_VERSION"))
    };
}
