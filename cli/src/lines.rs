//! The lines that an observed process wrote.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use panic_agent::record::{LineContent, LineReader};

use crate::failure::Failure;

/// Writes down what dead processes left in the directory of a log. What goes wrong is said: the lines may be fewer.
pub(crate) fn recover(log: &Path) {
    let directory = match log.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    match panic_agent::recovery::recover(directory) {
        Ok(recovered) => {
            for (spool, why) in recovered.left {
                eprintln!("panic-agent: cannot recover `{}`: {why}", spool.display());
            }
        }
        Err(error) => eprintln!("panic-agent: {error}"),
    }
}

/// Every line of a file, in order; none when there is no file.
pub(crate) fn read(path: &Path, mut take: impl FnMut(LineContent)) -> Result<bool, Failure> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Failure::io("read", path, &error)),
    };
    for line in LineReader::new(BufReader::new(file)) {
        take(line.map_err(|error| Failure::io("read", path, &error))?.content);
    }
    Ok(true)
}
