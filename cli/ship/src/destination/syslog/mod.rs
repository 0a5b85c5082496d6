//! `syslog`: a message per record, over UDP, TCP or the socket of this machine.
//!
//! Source: RFC 5424 (messages), RFC 5426 (UDP), RFC 6587 section 3.4.1 (TCP with octet counting), syslog(3) of glibc (the
//! socket of the machine, whose readers know no RFC 5424).
//!
//! None of these acknowledges anything. Over TCP we say that we are done, and wait for the receiver to say the same: it
//! has read everything then. Over UDP a message may be lost on its way, unseen.

mod message;

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use super::Destination;
use crate::answer::Answer;
use crate::config::{Keys, Text};
use crate::facts::Facts;
use crate::failure::Failure;
use crate::record::Record;

use message::{Form, Shape};

/// A receiver that does not read is waited for this long.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest message by default: what rsyslog takes unless it is told otherwise.
const MAX_BYTES: usize = 8 << 10;
/// What a datagram can hold.
const MAX_DATAGRAM: usize = 65_507;

#[derive(Debug)]
pub(super) struct Syslog {
    to: To,
    shape: Shape,
    timeout: Duration,
}

#[derive(Debug)]
enum To {
    Udp(String),
    Tcp(String),
    Socket(PathBuf),
}

impl Syslog {
    pub(super) fn open(keys: &Keys<'_>) -> Result<Self, Failure> {
        let url =
            keys.needed("url", "`url = \"tcp://127.0.0.1:601\"`, `\"udp://…\"` or `\"unix:///dev/log\"`")?;
        let to = To::parse(&url).ok_or_else(|| {
            keys.wrong(&url, "say `tcp://HOST:PORT`, `udp://HOST:PORT` or `unix:///dev/log`")
        })?;
        let form = match to {
            To::Socket(_) => Form::Local,
            _ => Form::Rfc5424,
        };
        let shape = Shape::open(keys, form, MAX_BYTES)?;
        Ok(Self { to, shape, timeout: keys.duration("timeout", TIMEOUT)? })
    }
}

impl To {
    fn parse(url: &Text) -> Option<Self> {
        let (scheme, rest) = url.text.split_once("://")?;
        let has_port =
            rest.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        match scheme {
            "udp" if has_port => Some(Self::Udp(rest.to_owned())),
            "tcp" if has_port => Some(Self::Tcp(rest.to_owned())),
            "unix" if rest.starts_with('/') => Some(Self::Socket(rest.into())),
            _ => None,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Udp(address) | Self::Tcp(address) => address.clone(),
            Self::Socket(path) => path.display().to_string(),
        }
    }
}

impl Destination for Syslog {
    fn send(&mut self, records: &[Record]) -> Answer {
        let facts = records.iter().filter_map(|record| Some((Facts::of(record)?, record)));
        let messages: Vec<Vec<u8>> =
            facts.map(|(facts, record)| self.shape.message(&facts, record)).collect();
        let most = match self.to {
            To::Tcp(_) => self.shape.max_bytes,
            _ => self.shape.max_bytes.min(MAX_DATAGRAM),
        };
        // Before anything is sent: a batch is halved for it, and its other half would be there twice.
        if let Some(long) = messages.iter().find(|message| message.len() > most) {
            let why =
                format!("the message has {} bytes, and {most} are allowed; raise `max_bytes`", long.len());
            return Answer::Refused { why };
        }
        let sent = match &self.to {
            To::Udp(address) => udp(address, &messages, self.timeout),
            To::Tcp(address) => tcp(address, &messages, self.timeout),
            To::Socket(path) => socket(path, &messages, self.timeout),
        };
        match sent {
            Ok(()) => Answer::Delivered(None),
            Err(error) => Answer::unreachable(format!("`{}`: {error}", self.to.name())),
        }
    }
}

fn udp(address: &str, messages: &[Vec<u8>], timeout: Duration) -> io::Result<()> {
    let to = resolved(address)?;
    let own = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(own)?;
    socket.set_write_timeout(Some(timeout))?;
    socket.connect(to)?;
    messages.iter().try_for_each(|message| socket.send(message).map(drop))
}

fn socket(path: &PathBuf, messages: &[Vec<u8>], timeout: Duration) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(timeout))?;
    socket.connect(path)?;
    messages.iter().try_for_each(|message| socket.send(message).map(drop))
}

/// A connection for each batch, whose end the receiver confirms with its own.
fn tcp(address: &str, messages: &[Vec<u8>], timeout: Duration) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&resolved(address)?, timeout)?;
    stream.set_write_timeout(Some(timeout))?;
    stream.set_read_timeout(Some(timeout))?;
    let mut bytes = Vec::with_capacity(messages.iter().map(|message| message.len() + 8).sum());
    for message in messages {
        write!(bytes, "{} ", message.len())?;
        bytes.extend_from_slice(message);
    }
    stream.write_all(&bytes)?;
    stream.shutdown(Shutdown::Write)?;
    let mut said = [0; 512];
    // It has nothing to say, so this ends with its end, or with an error when it died with something unread.
    while stream.read(&mut said)? > 0 {}
    Ok(())
}

fn resolved(address: &str) -> io::Result<std::net::SocketAddr> {
    address.to_socket_addrs()?.next().ok_or_else(|| io::Error::other("the name has no address"))
}

#[cfg(test)]
mod tests;
