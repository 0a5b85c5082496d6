//! Where text for people goes: a terminal, its pager, or a pipe.
//!
//! Runs on: the main thread. Must not: complain when nobody reads any more, or let text of a line reach a terminal with
//! its control characters.

mod clean;
mod link;
mod pager;
mod paint;

pub(crate) use clean::{clean, cut, cut_front, one_line};
pub(crate) use link::Links;
pub(crate) use paint::Paint;

use std::io::{self, IsTerminal as _, Write as _};
use std::process::{Child, ChildStdin};

use clap::{Args, ValueEnum};

use crate::failure::Failure;
use crate::system::terminal_size;

/// How text is shown; shared by all commands for people.
#[derive(Args, Clone, Debug)]
pub(crate) struct ScreenArgs {
    /// Colours and links
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: When,
    /// Do not start a pager (`$PAGER`, else `less`)
    #[arg(short = 'P', long)]
    pub(crate) no_pager: bool,
    /// Columns; the width of the terminal when not given, and no limit when there is none
    #[arg(long, value_name = "COLUMNS")]
    pub(crate) width: Option<u16>,
}

/// See `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless `NO_COLOR` is set; `CLICOLOR_FORCE` makes it always
    Auto,
    Always,
    Never,
}

/// An open output.
pub(crate) struct Screen {
    coloured: bool,
    width: Option<usize>,
    out: Out,
}

enum Out {
    Stdout(io::Stdout),
    /// The program is waited for at the end.
    Pager(Child, ChildStdin),
    /// Nobody reads any more.
    Closed,
}

impl Screen {
    /// Opens the output; `paged`: the text may be longer than the terminal.
    pub(crate) fn open(args: &ScreenArgs, paged: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        let coloured = match args.color {
            When::Always => true,
            When::Never => false,
            When::Auto => anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never,
        };
        if coloured {
            // Windows understands colours when it was asked to; nothing happens elsewhere.
            let _asked = anstream::AutoStream::always(io::stdout());
        }
        let width = args.width.map(usize::from).or_else(|| terminal.then(columns).flatten());
        let pager = if paged && terminal && !args.no_pager { pager::start() } else { None };
        let out = match pager {
            Some((child, input)) => Out::Pager(child, input),
            None => Out::Stdout(io::stdout()),
        };
        Self { coloured, width: width.map(|width| width.max(20)), out }
    }

    /// Columns that are there; `None`: as many as are wanted.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    pub(crate) fn is_coloured(&self) -> bool {
        self.coloured
    }

    pub(crate) fn links(&self) -> Links {
        if self.coloured { Links::from_environment() } else { Links::none() }
    }

    /// Writes a text with colours in it, which are taken out where they are not wanted. False when nobody reads any more.
    pub(crate) fn write(&mut self, text: &str) -> Result<bool, Failure> {
        let plain;
        let text = if self.coloured {
            text
        } else {
            plain = anstream::adapter::strip_str(text).to_string();
            &plain
        };
        let written = match &mut self.out {
            Out::Stdout(out) => out.write_all(text.as_bytes()).and_then(|()| out.flush()),
            Out::Pager(_, input) => input.write_all(text.as_bytes()),
            Out::Closed => return Ok(false),
        };
        match written {
            Ok(()) => Ok(true),
            // As when the reader of a pipe ends: `head` is no error.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.close();
                Ok(false)
            }
            Err(error) => Err(Failure::new(format!("cannot write to standard output: {error}"))),
        }
    }

    /// Draws a text over what the terminal shows, from its first line on, and clears the rest.
    pub(crate) fn draw(&mut self, text: &str) -> Result<bool, Failure> {
        let text =
            if self.coloured { text.to_owned() } else { anstream::adapter::strip_str(text).to_string() };
        write_raw(format!("\u{1b}[H{}\u{1b}[J", text.replace('\n', "\u{1b}[K\n")).as_bytes())
    }

    /// Waits for the pager.
    pub(crate) fn close(&mut self) {
        if let Out::Pager(mut child, input) = std::mem::replace(&mut self.out, Out::Closed) {
            drop(input);
            // It was started by us; how it ends changes nothing.
            let _ended = child.wait();
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.close();
    }
}

/// Width of the terminal.
fn columns() -> Option<usize> {
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    columns.or_else(|| terminal_size().map(|(columns, _)| columns).filter(|columns| *columns > 0))
}

/// Height of the terminal.
pub(crate) fn rows() -> Option<usize> {
    terminal_size().map(|(_, rows)| rows).filter(|rows| *rows > 0)
}

/// Writes bytes that are no text for people; false when nobody reads any more.
pub(crate) fn write_raw(bytes: &[u8]) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::new(format!("cannot write to standard output: {error}"))),
    }
}
