//! How the brokers are spoken to: over TLS or not, and as whom.
//!
//! Runs on: the main thread (`open`), the thread of the destination. Must not: show the password, or send it where others can
//! read along.

use rskafka::client::{ClientBuilder, Credentials, SaslConfig};

use crate::config::{Keys, Secret};
use crate::failure::Failure;
use crate::tls::Tls;

/// What the brokers want to see.
#[derive(Debug)]
pub(super) struct Access {
    tls: Option<Tls>,
    sasl: Option<Sasl>,
}

#[derive(Debug)]
struct Sasl {
    mechanism: &'static str,
    user: String,
    password: Secret,
}

impl Access {
    pub(super) fn open(keys: &Keys<'_>, brokers: &[String]) -> Result<Self, Failure> {
        let is_encrypted = keys.flag("tls", false)?;
        if is_encrypted && cfg!(not(feature = "tls")) {
            let why = "`tls = true`: this build has no TLS; build with `--features tls`";
            return Err(Failure::new(format!("{}: {why}", keys.place())));
        }
        let tls = Tls::open(keys, is_encrypted, "nothing is encrypted; add `tls = true`")?;
        let mechanism = keys.word("sasl", &["none", "plain", "scram-sha-256", "scram-sha-512"])?;
        let (user, password) = (keys.text("user")?, Secret::open(keys, "password_file", "password_env")?);
        if mechanism == "none" {
            return match user {
                Some(user) => Err(keys.wrong(&user, "nobody is told this; add `sasl = \"scram-sha-256\"`")),
                None if password.is_some() => {
                    let why = "nobody is told the password; add `sasl = \"scram-sha-256\"` and `user`";
                    Err(Failure::new(format!("{}: {why}", keys.place())))
                }
                None => Ok(Self { tls, sasl: None }),
            };
        }
        let (Some(user), Some(password)) = (user, password) else {
            let why = "needs `user`, and `password_file` or `password_env`";
            return Err(Failure::new(format!("{}: `sasl = \"{mechanism}\"` {why}", keys.place())));
        };
        if mechanism == "plain" && !is_encrypted && !brokers.iter().all(|broker| is_here(broker)) {
            let why = "sends the password as it is; add `tls = true`, or use `scram-sha-256`";
            return Err(Failure::new(format!("{}: `sasl = \"plain\"` {why}", keys.place())));
        }
        Ok(Self { tls, sasl: Some(Sasl { mechanism, user: user.text, password }) })
    }

    /// Tells the client.
    pub(super) fn apply(&self, mut builder: ClientBuilder) -> ClientBuilder {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            builder = builder.tls_config(tls.client_config());
        }
        let Some(Sasl { mechanism, user, password }) = &self.sasl else { return builder };
        let credentials = Credentials::new(user.clone(), password.expose().to_owned());
        builder = builder.sasl_config(match *mechanism {
            "plain" => SaslConfig::Plain(credentials),
            "scram-sha-256" => SaslConfig::ScramSha256(credentials),
            _ => SaslConfig::ScramSha512(credentials),
        });
        builder
    }

    /// Reads files again; whether something is another one now.
    pub(super) fn refresh(&mut self) -> bool {
        let tls = self.tls.as_mut().is_some_and(Tls::refresh);
        self.sasl.as_mut().is_some_and(|sasl| sasl.password.refresh()) | tls
    }

    /// A text of a broker, without the password.
    pub(super) fn scrub(&self, text: String) -> String {
        match &self.sasl {
            Some(sasl) => sasl.password.scrub(text),
            None => text,
        }
    }
}

/// Whether a broker is on this machine.
fn is_here(broker: &str) -> bool {
    let host = broker.rsplit_once(':').map_or(broker, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
