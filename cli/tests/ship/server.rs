//! A receiver over HTTP that does what a script says.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) at: Instant,
    /// Whether it was answered with success, as far as the receiver knows.
    pub(crate) taken: bool,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What is done about a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// A status with headers (each with its end of line) and a body.
    Reply(u16, &'static str, String),
    /// The connection is closed in the middle of the request.
    CloseInside,
    /// Success, with less of a body than is promised.
    CloseAfterHeaders,
    /// Nothing, until the other side has gone.
    Hang,
    /// Success, letter by letter.
    Slow,
}

impl Act {
    pub(crate) fn status(status: u16) -> Self {
        Self::Reply(status, "", String::new())
    }
}

/// A connection, encrypted or not.
trait Connection: Read + Write {
    fn tcp(&self) -> &TcpStream;
}

impl Connection for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Connection for StreamOwned<ServerConnection, TcpStream> {
    fn tcp(&self) -> &TcpStream {
        &self.sock
    }
}

type Script = dyn Fn(usize, &Request) -> Act + Send + Sync;

/// Listens as long as it lives.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    over: Arc<AtomicBool>,
}

impl Server {
    /// The script gets the number of the request, from 0.
    pub(crate) fn start(script: impl Fn(usize, &Request) -> Act + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0".parse().expect("an address"), script)
    }

    pub(crate) fn start_at(
        address: SocketAddr,
        script: impl Fn(usize, &Request) -> Act + Send + Sync + 'static,
    ) -> Self {
        Self::listen(address, None, script)
    }

    /// The same over TLS.
    pub(crate) fn start_tls(
        tls: Arc<ServerConfig>,
        script: impl Fn(usize, &Request) -> Act + Send + Sync + 'static,
    ) -> Self {
        Self::listen("127.0.0.1:0".parse().expect("an address"), Some(tls), script)
    }

    fn listen(
        address: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        script: impl Fn(usize, &Request) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).expect("an address to listen on");
        let address = listener.local_addr().expect("an address");
        let (requests, over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let script: Arc<Script> = Arc::new(script);
        let (all, end) = (Arc::clone(&requests), Arc::clone(&over));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let (all, script, tls) = (Arc::clone(&all), Arc::clone(&script), tls.clone());
                std::thread::spawn(move || {
                    // Who hangs up is not told.
                    let _served = match tls {
                        None => serve(stream, &all, &*script),
                        Some(tls) => {
                            let tls = ServerConnection::new(tls).expect("a configuration");
                            serve(StreamOwned::new(tls, stream), &all, &*script)
                        }
                    };
                });
            }
        });
        Self { address, requests, over }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no test died here").clone()
    }

    /// Bodies that were taken.
    pub(crate) fn taken(&self) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.taken).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread that waits.
        let _woken = TcpStream::connect(self.address);
    }
}

fn serve<C: Connection>(stream: C, all: &Mutex<Vec<Request>>, script: &Script) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut headers = Vec::new();
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut request = Request { headers, body: Vec::new(), at: Instant::now(), taken: false };
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if request.header("expect").is_some() {
            write!(reader.get_mut(), "HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        request.body = vec![0; length];
        reader.read_exact(&mut request.body)?;
        let number = all.lock().expect("no test died here").len();
        let act = script(number, &request);
        request.taken = matches!(act, Act::Reply(200..=299, ..) | Act::CloseAfterHeaders | Act::Slow);
        all.lock().expect("no test died here").push(request);
        let out = reader.get_mut();
        match act {
            Act::Reply(status, headers, body) => {
                write!(out, "HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())?
            }
            Act::CloseInside => return out.tcp().shutdown(std::net::Shutdown::Both),
            Act::CloseAfterHeaders => {
                write!(out, "HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n")?;
                return out.tcp().shutdown(std::net::Shutdown::Both);
            }
            Act::Hang => {
                out.tcp().set_read_timeout(Some(Duration::from_secs(20)))?;
                // Until it hangs up.
                let _end = reader.read(&mut [0]);
                return Ok(());
            }
            Act::Slow => {
                for byte in b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}" {
                    std::thread::sleep(Duration::from_millis(5));
                    out.write_all(&[*byte])?;
                }
            }
        }
    }
}
