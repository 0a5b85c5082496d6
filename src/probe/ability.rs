//! What the probes can see in this process, and why not the rest. Goes into the `process` line.
//!
//! Runs on: the thread that installs the agent, and the writer. Must not: be used on a panicking thread.

/// One ability per kind of probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProbeAbilities {
    /// Every raise is seen, hook or not.
    pub(crate) raise: Ability,
    /// The end of every unwinding is seen.
    pub(crate) land: Ability,
    /// Reads and drops of payloads are seen.
    pub(crate) dispose: Ability,
    /// Starts, ends, joins and detaches of threads are seen.
    pub(crate) threads: Ability,
    /// The place of a panic is read without a hook. Of no interest where a hook tells it.
    pub(crate) location: Ability,
    /// Whether another agent of this process was there first and sees the calls of the other images.
    pub(crate) second: bool,
}

impl ProbeAbilities {
    /// All off for one reason.
    pub(crate) fn all_off(reason: ProbeOff) -> Self {
        let off = || Ability::Off(reason.clone());
        Self { raise: off(), land: off(), dispose: off(), threads: off(), location: off(), second: false }
    }

    /// The abilities with the words that the `process` line uses for them.
    pub(crate) fn named(&self) -> [(&'static str, &Ability); 4] {
        [
            ("probe_raise", &self.raise),
            ("probe_land", &self.land),
            ("probe_dispose", &self.dispose),
            ("probe_threads", &self.threads),
        ]
    }
}

/// Whether one kind of probe works here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ability {
    /// It works; for raise, land and dispose this was tried on a private payload.
    Active,
    /// It does not.
    Off(ProbeOff),
}

impl Ability {
    /// Whether it works.
    pub(crate) fn is_active(&self) -> bool {
        matches!(self, Self::Active)
    }
}

/// Why a probe is off.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(panic_agent_probes, allow(dead_code, reason = "the twin without probes says two of them"))]
pub(crate) enum ProbeOff {
    /// The cargo feature `probes` is off.
    NotCompiled,
    /// Not a dynamically linked program on Linux with glibc or musl, on x86_64 or aarch64.
    UnsupportedPlatform,
    /// The options say so.
    SwitchedOff,
    /// Compiled with `panic = "abort"`: nothing ever unwinds.
    PanicAbort,
    /// No loaded image calls this function through its global offset table, or it is not known where the
    /// calls go.
    NoSlot(&'static str),
    /// The library of this agent does not call this function itself, and another agent has the calls of the others.
    OtherAgent(&'static str),
    /// The operating system refused to make the table writable (`errno`).
    Protected(i32),
    /// The trial on a private payload did not see this.
    SelfTest(&'static str),
    /// No `pthread_key` was left (`errno`).
    NoKey(i32),
}

impl ProbeOff {
    /// A stable short word, and a sentence.
    pub(crate) fn said(&self) -> (&'static str, String) {
        let (word, sentence) = match self {
            Self::NotCompiled => ("not_compiled", "the cargo feature `probes` is off"),
            Self::UnsupportedPlatform => {
                ("unsupported_platform", "needs a dynamically linked Linux program on x86_64 or aarch64")
            }
            Self::SwitchedOff => ("switched_off", "switched off by the options"),
            Self::PanicAbort => ("panic_abort", "compiled with panic = \"abort\", nothing unwinds"),
            Self::NoSlot(symbol) => {
                return ("no_slot", format!("no call of `{symbol}` goes through a global offset table"));
            }
            Self::OtherAgent(symbol) => {
                let sentence = format!("another agent of this process sees the calls of `{symbol}`");
                return ("other_agent", sentence);
            }
            Self::Protected(errno) => {
                let sentence = format!("the global offset table cannot be made writable (errno {errno})");
                return ("protected", sentence);
            }
            Self::SelfTest(missing) => {
                return ("self_test", format!("the trial on a private payload did not see {missing}"));
            }
            Self::NoKey(errno) => {
                return ("no_key", format!("no thread-specific key is left (errno {errno})"));
            }
        };
        (word, sentence.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_of_a_probe_has_its_word_on_the_page() {
        let page = include_str!("../../docs/record-schema.md");
        let (_, table) = page.split_once("### Why a probe is off").unwrap();
        let table = table.split("\n## ").next().unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let words = [
            ProbeOff::NotCompiled,
            ProbeOff::UnsupportedPlatform,
            ProbeOff::SwitchedOff,
            ProbeOff::PanicAbort,
            ProbeOff::OtherAgent("f"),
            ProbeOff::NoSlot("f"),
            ProbeOff::Protected(13),
            ProbeOff::SelfTest("f"),
            ProbeOff::NoKey(11),
        ];
        let said = words.map(|word| word.said());
        assert!(said.iter().all(|(_, sentence)| !sentence.is_empty()));
        assert_eq!(said.map(|(word, _)| word).to_vec(), rows.collect::<Vec<_>>());
    }
}
