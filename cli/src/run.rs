//! `panic-agent run`: one program.

use std::path::Path;
use std::process::Command;

use crate::args::RunArgs;
use crate::failure::Failure;
use crate::{Outcome, child, library, lines, program, supervise};

pub(crate) fn run(args: RunArgs) -> Outcome {
    let Some((name, rest)) = args.command.split_first() else {
        return Err(Failure::new("name the program to run after `--`"));
    };
    let mut command = Command::new(name);
    command.args(rest);
    let log = std::path::absolute(&args.file).map_err(|error| Failure::io("use", &args.file, &error))?;
    let refusal = program::find(Path::new(name)).and_then(|path| program::refusal(&path));
    let observed = match refusal {
        Some(why) => Err(why),
        None => library::get().map_err(|failure| failure.to_string()),
    };
    match &observed {
        Ok(library) if child::can_be_preloaded(library.as_os_str()) => {
            child::observe(&mut command, library, &log, "run", None);
            if args.children {
                command.env("PANIC_AGENT_PRELOAD_CHILDREN", "keep");
            }
        }
        Ok(library) => eprintln!(
            "panic-agent: `{}` is not observed: `LD_PRELOAD` cannot name a path with a colon or a space; set \
             PANIC_AGENT_CACHE to another directory (it is `{}`)",
            name.display(),
            library.display()
        ),
        Err(why) => eprintln!("panic-agent: `{}` is not observed: {why}", name.display()),
    }
    if args.supervise.supervise {
        let words = args.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        return supervise::supervise(command, words, &log, observed.is_ok(), &args.supervise);
    }
    let status = child::start(&mut command)?
        .wait()
        .map_err(|error| Failure::new(format!("cannot wait for `{}`: {error}", name.display())))?;
    if observed.is_ok() {
        lines::recover(&log);
    }
    Ok(child::status_of(status))
}
