//! The proxy that requests go through: what the environment says, or the configuration.
//!
//! Runs on: the main thread (`open`), the thread of a destination. Must not: show the password.

use ureq::{Proxy as Address, ProxyProtocol};

use super::config::{Keys, Secret};
use crate::failure::Failure;

/// Which proxy, and who we are there.
#[derive(Debug)]
pub(crate) enum Proxy {
    /// `http_proxy` and its like.
    OfEnvironment,
    Never,
    At {
        host: String,
        port: u16,
        protocol: ProxyProtocol,
        credentials: Option<Secret>,
    },
}

impl Proxy {
    pub(crate) fn open(keys: &Keys<'_>) -> Result<Self, Failure> {
        let text = keys.text("proxy")?;
        let credentials = Secret::open(keys, "proxy_auth_file", "proxy_auth_env")?;
        let Some(text) = text else {
            return match credentials {
                Some(_) => Err(Failure::new(format!("{}: `proxy_auth_…` needs `proxy`, too", keys.place()))),
                None => Ok(Self::OfEnvironment),
            };
        };
        if text.text == "none" {
            return Ok(Self::Never);
        }
        let what = "say `http://HOST:PORT`, or `none`; user and password belong into `proxy_auth_file`";
        let known = Address::new(&text.text).ok().filter(|_| !text.text.contains('@'));
        let known = known.filter(|address| {
            let protocol = address.protocol();
            protocol == ProxyProtocol::Http || (protocol == ProxyProtocol::Https && cfg!(feature = "tls"))
        });
        let address = known.ok_or_else(|| keys.wrong(&text, what))?;
        if let Some(secret) = credentials.as_ref().filter(|secret| !secret.expose().contains(':')) {
            let why = "what `proxy_auth_file` or `proxy_auth_env` names has to be `USER:PASSWORD`";
            return Err(Failure::new(secret.scrub(format!("{}: {why}", keys.place()))));
        }
        let (host, port, protocol) = (address.host().to_owned(), address.port(), address.protocol());
        Ok(Self::At { host, port, protocol, credentials })
    }

    /// As requests are told. `None`: there is none.
    pub(crate) fn address(&self) -> Option<Address> {
        match self {
            Self::OfEnvironment => Address::try_from_env(),
            Self::Never => None,
            Self::At { host, port, protocol, credentials } => {
                let mut builder = Address::builder(*protocol).host(host).port(*port);
                let credentials = credentials.as_ref().map(Secret::expose);
                if let Some((user, password)) = credentials.and_then(|secret| secret.split_once(':')) {
                    builder = builder.username(user).password(password);
                }
                // What it is made of was one.
                builder.build().ok()
            }
        }
    }

    /// Reads the password again; whether it is another one now.
    pub(crate) fn refresh(&mut self) -> bool {
        match self {
            Self::At { credentials: Some(secret), .. } => secret.refresh(),
            _ => false,
        }
    }

    /// Why it does not let us through. `None`: something else went wrong.
    pub(crate) fn refusal(error: &ureq::Error) -> Option<String> {
        let ureq::Error::ConnectProxyFailed(why) = error else { return None };
        ["401", "403", "407"].iter().any(|status| why.contains(status)).then(|| format!("the proxy: {why}"))
    }
}
