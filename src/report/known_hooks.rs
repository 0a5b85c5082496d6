//! Panic hooks of other crates, and what they do with a panic.
//!
//! Runs on: the writer thread. Must not: name a hook that no symbol names.

/// A hook that is set beside the agent's.
pub(crate) struct KnownHook {
    /// Its word in the `process` line.
    pub(crate) word: &'static str,
    /// What the names of its functions contain.
    path: &'static str,
    /// What is there twice because of it, and how to switch it off; `None` where it only prints.
    pub(crate) twice: Option<&'static str>,
}

const KNOWN: [KnownHook; 5] = [
    KnownHook {
        word: "sentry",
        path: "sentry_panic::",
        twice: Some("sentry makes an event of each panic, too: leave its feature `panic` out"),
    },
    KnownHook {
        word: "log_panics",
        path: "log_panics::",
        twice: Some("log-panics logs each panic, too: leave it out"),
    },
    KnownHook {
        word: "tracing_panic",
        path: "tracing_panic::",
        twice: Some("tracing-panic makes an event of each panic, too: leave it out"),
    },
    KnownHook { word: "color_eyre", path: "color_eyre::", twice: None },
    KnownHook { word: "better_panic", path: "better_panic::", twice: None },
];

/// The hook with this function.
pub(crate) fn known_hook(function: &str) -> Option<&'static KnownHook> {
    KNOWN.iter().find(|known| {
        // A path may begin behind the bracket of a type, and is no part of a longer one.
        let is_start = |at: usize| {
            let before = function.get(..at).and_then(|before| before.chars().next_back());
            !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
        };
        function.match_indices(known.path).any(|(at, _)| is_start(at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_known_by_the_paths_of_their_functions() {
        let word = |function| known_hook(function).map(|known| known.word);
        // As `nm -C` prints them of a program that has these hooks.
        for (function, known) in [
            (
                "<sentry_panic::PanicIntegration as sentry_core::integration::Integration>::setup::{{closure}}::{{closure}}",
                "sentry",
            ),
            ("log_panics::Config::install_panic_hook::{{closure}}", "log_panics"),
            ("color_eyre::config::PanicHook::into_panic_hook::{{closure}}", "color_eyre"),
            ("tracing_panic::panic_hook", "tracing_panic"),
            ("better_panic::Settings::create_panic_handler::{{closure}}", "better_panic"),
        ] {
            assert_eq!(word(function), Some(known));
        }
        for other in ["app::main::{{closure}}", "my_log_panics::hook", "core::ops::function::Fn::call", ""] {
            assert_eq!(word(other), None, "{other}");
        }
    }
}
