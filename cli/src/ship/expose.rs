//! Tells the numbers: to whoever asks over HTTP, and in a file for the node exporter.
//!
//! Runs on: a thread of its own. Must not: keep somebody who asks slowly, or stop the shipping.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use panic_agent_ship::{Numbers, Stop};

use crate::failure::Failure;

/// How long somebody who asks may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the file is written.
const EVERY: Duration = Duration::from_secs(10);

/// Listens at an address, and says so.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(address).map_err(|error| {
        Failure::new(format!("cannot listen on `{address}` for `--metrics`: {error}; name another address"))
    })?;
    if let Ok(address) = listener.local_addr() {
        eprintln!("panic-agent: numbers are at http://{address}/metrics");
    }
    Ok(listener)
}

/// Answers `GET /metrics` from now on; it ends with the process.
pub(super) fn serve(listener: TcpListener, numbers: Numbers) {
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever hangs up is not told.
            let _answered = answer(stream, &numbers);
        }
    });
}

fn answer(mut stream: TcpStream, numbers: &Numbers) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = [0; 2048];
    let count = stream.read(&mut request)?;
    let asked = request.get(..count).unwrap_or_default();
    let (status, body) = if asked.starts_with(b"GET /metrics") {
        ("200 OK", numbers.to_prometheus())
    } else {
        ("404 Not Found", "ask for /metrics\n".to_owned())
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Writes a file again and again until the end is asked for.
pub(super) fn keep(path: PathBuf, numbers: Numbers, stop: Stop) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(EVERY);
            if stop.is_asked() {
                return;
            }
            write(&path, &numbers);
        }
    });
}

/// Writes the file in one step: who reads it never sees half of it.
pub(super) fn write(path: &Path, numbers: &Numbers) {
    let new = path.with_extension("prom.new");
    let text = numbers.to_prometheus();
    let written = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, path));
    if let Err(error) = written {
        eprintln!("panic-agent: cannot write `{}`: {error}", path.display());
    }
}
