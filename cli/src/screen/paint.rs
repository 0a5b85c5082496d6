//! The few colours: 16 ANSI ones, which every terminal has in a shade that can be read.
//!
//! Runs on: the main thread. Must not: carry a meaning that the text does not have.

use anstyle::{AnsiColor, Style};

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Alarm,
    Warning,
    Fine,
    Strong,
    Faint,
    Place,
}

impl Paint {
    fn style(self) -> Style {
        match self {
            Self::Alarm => AnsiColor::Red.on_default().bold(),
            Self::Warning => AnsiColor::Yellow.on_default().bold(),
            Self::Fine => AnsiColor::Green.on_default(),
            Self::Strong => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
            Self::Place => AnsiColor::Cyan.on_default(),
        }
    }

    /// The text in this style.
    pub(crate) fn on(self, text: impl std::fmt::Display) -> String {
        let style = self.style();
        format!("{style}{text}{style:#}")
    }
}
