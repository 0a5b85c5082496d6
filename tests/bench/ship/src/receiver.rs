//! Receivers that read everything and keep nothing.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// Answers every request with 200.
pub(crate) fn http() -> SocketAddr {
    serve(|stream| {
        let mut reader = BufReader::with_capacity(1 << 20, stream);
        let mut out = stream;
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                if line == "\r\n" {
                    break;
                }
                if let Some((name, value)) = line.split_once(": ")
                    && name.eq_ignore_ascii_case("content-length")
                {
                    length = value.trim().parse().unwrap_or(0);
                }
            }
            io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
            out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
        }
    })
}

/// Reads to the end, and closes.
pub(crate) fn tcp() -> SocketAddr {
    serve(|mut stream| io::copy(&mut stream, &mut io::sink()).map(drop))
}

fn serve(answer: fn(&TcpStream) -> io::Result<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever hangs up is done.
            std::thread::spawn(move || drop(answer(&stream)));
        }
    });
    address
}
