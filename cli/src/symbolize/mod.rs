//! `panic-agent symbolize`: the lines of a program that was shipped without names, with the names of its debug files.
//!
//! Runs on: the main thread. Must not: change the file that it reads, or lose a line of it.

mod args;

pub(crate) use args::SymbolizeArgs;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use panic_agent::Line;
use panic_agent::record::{LineContent, LineReader, Report};
use panic_agent::recovery::Symbolizer;

use crate::Outcome;
use crate::failure::Failure;
use crate::story::words::count;
use crate::story::{Complaints, Input, RawLines, content};

/// What a line must hold that carries another panic on.
const LINKED: &[u8] = b"\"relation\":\"";
/// Images of which it is said that they have no names.
const MAX_NAMELESS: usize = 5;

/// What was done.
#[derive(Default)]
struct Done {
    panics: u64,
    named: u64,
    verdicts: u64,
    /// Panics with frames of the program that have no names, by the image.
    nameless: BTreeMap<String, u64>,
}

pub(crate) fn symbolize(args: &SymbolizeArgs) -> Outcome {
    let symbolizer = Symbolizer::of(&args.debug_dir, &args.binary);
    let mut symbolizer = symbolizer.map_err(|error| Failure::new(error.to_string()))?;
    let (inputs, _kept) = readable_twice(args.input.inputs()?)?;
    for input in &inputs {
        learn(&mut symbolizer, input);
    }
    let mut out: Box<dyn Write> = match &args.output {
        None => Box::new(BufWriter::new(io::stdout().lock())),
        Some(path) => {
            let file = File::create_new(path).map_err(|error| Failure::io("create", path, &error))?;
            Box::new(BufWriter::new(file))
        }
    };
    let (mut done, mut complaints) = (Done::default(), Complaints::default());
    for input in inputs {
        match pass(&mut symbolizer, input, &mut out, &mut done, &mut complaints) {
            Ok(()) => {}
            // Whoever reads has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(0),
            Err(error) => return Err(failure(args, &error)),
        }
    }
    match out.flush() {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(0),
        Err(error) => return Err(failure(args, &error)),
    }
    complaints.finish();
    done.tell();
    Ok(if complaints.status() != 0 { complaints.status() } else { u8::from(!done.nameless.is_empty()) })
}

fn failure(args: &SymbolizeArgs, error: &io::Error) -> Failure {
    Failure::io("write", args.output.as_deref().unwrap_or(Path::new("standard output")), error)
}

/// Standard input is kept in a file: what carries a panic on stands behind it.
fn readable_twice(inputs: Vec<Input>) -> Result<(Vec<Input>, Vec<tempfile::TempPath>), Failure> {
    let mut kept = Vec::new();
    let mut readable = Vec::new();
    for input in inputs {
        readable.push(match input {
            Input::Stdin => {
                let failed = |error: io::Error| Failure::new(format!("cannot keep standard input: {error}"));
                let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
                io::copy(&mut io::stdin().lock(), &mut file).map_err(failed)?;
                let path = file.into_temp_path();
                let input = Input::Files(vec![path.to_path_buf()]);
                kept.push(path);
                input
            }
            files => files,
        });
    }
    Ok((readable, kept))
}

/// Reads which panics carry others on. What cannot be read is told later.
fn learn(symbolizer: &mut Symbolizer, input: &Input) {
    let mut raw = RawLines::whole(input.clone());
    loop {
        match raw.next() {
            Ok(None) => return,
            Ok(Some((_, text))) if memchr::memmem::find(text, LINKED).is_some() => {
                for read in LineReader::new(text).map_while(Result::ok) {
                    if let LineContent::Line(line) = read.content {
                        symbolizer.learn(&line);
                    }
                }
            }
            Ok(Some(_)) | Err(_) => {}
        }
    }
}

fn pass(
    symbolizer: &mut Symbolizer,
    input: Input,
    out: &mut dyn Write,
    done: &mut Done,
    complaints: &mut Complaints,
) -> io::Result<()> {
    let mut raw = RawLines::whole(input);
    loop {
        match raw.next() {
            Ok(None) => return Ok(()),
            Err((at, error)) => complaints.unreadable(&at, &error),
            Ok(Some((at, text))) => {
                let line = content(text, &at, complaints);
                match line.and_then(|line| done.amended(symbolizer, line)) {
                    Some(amended) => serde_json::to_writer(&mut *out, &amended).map_err(io::Error::from)?,
                    // Also what is no line of the agent.
                    None => out.write_all(text)?,
                }
                out.write_all(b"\n")?;
            }
        }
    }
}

impl Done {
    /// The line, if something of it is known now that was not.
    fn amended(&mut self, symbolizer: &mut Symbolizer, mut line: Line) -> Option<Line> {
        let changed = symbolizer.amend(&mut line);
        match &line {
            Line::Panic(report) => {
                self.panics += 1;
                self.named += u64::from(changed);
                self.lacks(report);
            }
            Line::Verdict(_) => self.verdicts += u64::from(changed),
            _ => {}
        }
        changed.then_some(line)
    }

    /// Notes which images of a report have frames without names. Distributions strip their libraries.
    fn lacks(&mut self, report: &Report) {
        let lacking = report.frames.iter().filter(|frame| frame.function.is_none());
        let lacking = lacking.filter_map(|frame| frame.image.as_deref());
        let image =
            lacking.filter_map(|name| report.images.iter().find(|image| image.name == name)).find(|image| {
                let system = ["/lib", "/usr/lib", "[vdso]"];
                !image.path.as_deref().is_none_or(|path| system.iter().any(|system| path.starts_with(system)))
            });
        if let Some(image) = image {
            let build_id = image.build_id.as_deref().map_or_else(
                || "which has no build-id, so no file is believed to be it".to_owned(),
                |build_id| format!("build-id {build_id}"),
            );
            *self.nameless.entry(format!("`{}` ({build_id})", image.name)).or_default() += 1;
        }
    }

    fn tell(&self) {
        eprintln!(
            "panic-agent: {} of {} named, {} changed by that",
            self.named,
            count(self.panics, "panic"),
            count(self.verdicts, "later verdict")
        );
        for (image, panics) in self.nameless.iter().take(MAX_NAMELESS) {
            eprintln!(
                "panic-agent: no names for {image} in {}: give the file with `--binary`, or its directory with `--debug-dir`",
                count(*panics, "panic")
            );
        }
        if self.nameless.len() > MAX_NAMELESS {
            eprintln!(
                "panic-agent: nor for {} more",
                count((self.nameless.len() - MAX_NAMELESS) as u64, "image")
            );
        }
    }
}
