//! The macro that a test crate calls.
//!
//! Runs on: the compiler. Must not: need anything of the crate that calls it, or allow there what it forbids.
//!
//! Its examples are crates of their own: in one with those of others they would audit all of them.

/// Audits a test binary: one line in a test crate, outside of any function.
///
/// ```no_run,standalone_crate
/// #[cfg(test)]
/// panic_agent::audit!();
/// ```
///
/// In `src/lib.rs` or `src/main.rs` under `#[cfg(test)]` for the unit tests, and in each `tests/*.rs`. Works with libtest,
/// with one or many threads, with nextest, with `harness = false`, and with attributes that make tests, such as
/// `#[tokio::test]`. Not for doc tests.
///
/// It starts the agent before `main`. After libtest's summary it prints to stderr which panics nobody saw, with the tests they
/// belong to. If one of them is denied, the binary ends with [`DENIED_STATUS`](crate::audit::DENIED_STATUS), 102, in place
/// of 0. It prints nothing if there are no findings, and never panics.
///
/// Where the agent has no probes (other systems than Linux, static programs, without the feature `probes`) nobody sees what
/// became of an error. There it finds what wrappers of this crate have seen, calls of `exit` in tests and replaced hooks, and lists
/// the other panics as not judged. A denied finding then also ends a binary with 102 whose status is not known.
///
/// Levels for [classes](crate::audit::Class) may be given here; they win over `panic-audit.toml`:
///
/// ```no_run,standalone_crate
/// panic_agent::audit!(deny = [received, swallowed], warn = [late], allow = [harness_end]);
/// ```
///
/// If a binary has several of these lines, the strictest level of each class counts.
///
/// A word that is no class does not compile:
///
/// ```compile_fail
/// panic_agent::audit!(deny = [received, swalowed]);
/// ```
///
/// The variables `PANIC_AGENT_AUDIT*` win over both; see `docs/auditing.md`.
#[macro_export]
macro_rules! audit {
    ($($level:ident = [$($class:ident),* $(,)?]),* $(,)?) => {
        const _: () = {
            // Statics, so that they are there before `main`.
            static LEVELS: &[($crate::audit::Class, $crate::audit::Level)] =
                &[$($(($crate::__audit_class!($class), $crate::__audit_level!($level)),)*)*];

            extern "C" fn install() {
                $crate::audit::install(env!("CARGO_MANIFEST_DIR"), env!("CARGO_PKG_NAME"), LEVELS);
            }

            #[used]
            #[cfg_attr(
                not(any(target_vendor = "apple", windows)),
                unsafe(link_section = ".init_array")
            )]
            #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
            #[cfg_attr(windows, unsafe(link_section = ".CRT$XCU"))]
            static INSTALL: extern "C" fn() = install;
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __audit_level {
    (deny) => {
        $crate::audit::Level::Deny
    };
    (warn) => {
        $crate::audit::Level::Warn
    };
    (allow) => {
        $crate::audit::Level::Allow
    };
    ($other:ident) => {
        compile_error!(concat!("`", stringify!($other), "` is not a level; accepted: deny, warn, allow"))
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __audit_class {
    (late) => {
        $crate::audit::Class::Late
    };
    (silent_death) => {
        $crate::audit::Class::SilentDeath
    };
    (received) => {
        $crate::audit::Class::Received
    };
    (swallowed) => {
        $crate::audit::Class::Swallowed
    };
    (harness_end) => {
        $crate::audit::Class::HarnessEnd
    };
    (wrong_should_panic) => {
        $crate::audit::Class::WrongShouldPanic
    };
    (hidden_exit) => {
        $crate::audit::Class::HiddenExit
    };
    (hook_replaced) => {
        $crate::audit::Class::HookReplaced
    };
    ($other:ident) => {
        compile_error!(concat!(
            "`",
            stringify!($other),
            "` is not a class; accepted: late, silent_death, received, swallowed, harness_end, wrong_should_panic, \
             hidden_exit, hook_replaced"
        ))
    };
}

#[cfg(test)]
mod tests {
    use crate::audit::Class;

    #[test]
    fn the_macro_knows_every_class() {
        let known = [
            __audit_class!(late),
            __audit_class!(silent_death),
            __audit_class!(received),
            __audit_class!(swallowed),
            __audit_class!(harness_end),
            __audit_class!(wrong_should_panic),
            __audit_class!(hidden_exit),
            __audit_class!(hook_replaced),
        ];
        assert_eq!(known, Class::ALL);
    }
}
