//! TLS: whom we trust, who we are, and what it means when one of us does not believe the other.
//!
//! Runs on: the main thread (`open`), the thread of a destination. Must not: show a key, or give up what worked for files that
//! cannot be used.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, ClientConfig, Error, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use super::config::{Keys, Text};
use crate::failure::Failure;

/// Keys whose values name files.
const CA: &str = "ca_file";
const CERT: &str = "cert_file";
const KEY: &str = "key_file";

/// Files with certificates and a key, and what was in them.
pub(crate) struct Tls {
    files: Files,
    content: Content,
    /// For everything but HTTP.
    #[cfg_attr(not(feature = "kafka"), expect(dead_code, reason = "Kafka alone is not HTTP"))]
    config: Arc<ClientConfig>,
    http: TlsConfig,
}

#[derive(Debug)]
struct Files {
    /// `None`: the certificates of the system.
    ca: Option<PathBuf>,
    /// Certificate and key.
    client: Option<(PathBuf, PathBuf)>,
}

/// What the files held when they were read last.
#[derive(PartialEq, Eq)]
struct Content {
    ca: Option<Vec<u8>>,
    client: Option<(Vec<u8>, Vec<u8>)>,
}

/// The key that is at fault, and why.
type Wrong = (&'static str, String);

impl Tls {
    /// Reads the keys; `None` where nothing is encrypted. `otherwise` says how that is changed.
    pub(crate) fn open(
        keys: &Keys<'_>,
        is_encrypted: bool,
        otherwise: &str,
    ) -> Result<Option<Self>, Failure> {
        let (ca, cert, key) = (keys.text(CA)?, keys.text(CERT)?, keys.text(KEY)?);
        let texts = [ca.as_ref(), cert.as_ref(), key.as_ref()];
        for text in texts.into_iter().flatten() {
            if text.text.contains("-----BEGIN") {
                let why = "this is what belongs into the file; put it there, and name the file here";
                return Err(keys.unusable(text, why));
            }
            if !is_encrypted {
                return Err(keys.wrong(text, otherwise));
            }
        }
        if !is_encrypted {
            return Ok(None);
        }
        let path = |text: &Text| keys.path(text);
        let client = match (&cert, &key) {
            (Some(cert), Some(key)) => Some((path(cert), path(key))),
            (Some(cert), None) => return Err(keys.wrong(cert, "this needs `key_file`, too")),
            (None, Some(key)) => return Err(keys.wrong(key, "this needs `cert_file`, too")),
            (None, None) => None,
        };
        let files = Files { ca: ca.as_ref().map(path), client };
        let tls = Self::read(files).map_err(|(name, why)| {
            let text = texts.into_iter().flatten().find(|text| text.key == name);
            match text {
                Some(text) => keys.unusable(text, &why),
                None => Failure::new(format!("{}: {why}", keys.place())),
            }
        });
        tls.map(Some)
    }

    fn read(files: Files) -> Result<Self, Wrong> {
        let content = Content::read(&files)?;
        let ca = content.ca.as_deref().map(|pem| certificates(CA, pem)).transpose()?;
        let client = match &content.client {
            Some((chain, key)) => Some((certificates(CERT, chain)?, private_key(key)?)),
            None => None,
        };
        let config = Arc::new(client_config(ca.as_deref(), client.as_ref())?);
        let identity = match (&client, &content.client) {
            (Some((chain, _)), Some((_, key))) => {
                let key = PrivateKey::from_pem(key).map_err(|error| (KEY, error.to_string()))?;
                Some(ClientCert::new_with_certs(&chain.iter().map(certificate).collect::<Vec<_>>(), key))
            }
            _ => None,
        };
        let http = http_config(ca.as_deref(), identity);
        Ok(Self { files, content, config, http })
    }

    /// Reads the files again; whether they hold something else now. What cannot be used stays as it was.
    pub(crate) fn refresh(&mut self) -> bool {
        if Content::read(&self.files).is_ok_and(|content| content == self.content) {
            return false;
        }
        let files = Files { ca: self.files.ca.clone(), client: self.files.client.clone() };
        Self::read(files).map(|new| *self = new).is_ok()
    }

    /// For requests over HTTP.
    pub(crate) fn for_http(tls: Option<&Self>) -> TlsConfig {
        // A proxy may be spoken to over TLS where the destination is not.
        tls.map_or_else(|| http_config(None, None), |tls| tls.http.clone())
    }

    /// For everything else.
    #[cfg(feature = "kafka")]
    pub(crate) fn client_config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Content {
    fn read(files: &Files) -> Result<Self, Wrong> {
        let read = |name: &'static str, path: &PathBuf| {
            std::fs::read(path).map_err(|error| (name, format!("cannot read `{}`: {error}", path.display())))
        };
        let ca = files.ca.as_ref().map(|path| read(CA, path)).transpose()?;
        let client = match &files.client {
            Some((cert, key)) => Some((read(CERT, cert)?, read(KEY, key)?)),
            None => None,
        };
        Ok(Self { ca, client })
    }
}

fn certificates(name: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Wrong> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.map_err(|error| (name, format!("this is not valid PEM: {error}")))?;
    if all.is_empty() {
        let why = "there is no certificate in it; it has to begin with `-----BEGIN CERTIFICATE-----`";
        return Err((name, why.to_owned()));
    }
    Ok(all)
}

/// What is wrong with a key is said without a word of what the file holds.
fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Wrong> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| {
        let why = if String::from_utf8_lossy(pem).contains("BEGIN ENCRYPTED PRIVATE KEY") {
            "this key needs a passphrase, and nobody is there to give it; `openssl pkey` writes it without one"
        } else {
            "there is no private key in it; it has to have `-----BEGIN PRIVATE KEY-----`"
        };
        (KEY, why.to_owned())
    })
}

type Client = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn client_config(
    ca: Option<&[CertificateDer<'static>]>,
    client: Option<&Client>,
) -> Result<ClientConfig, Wrong> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| (CA, error.to_string()))?;
    let builder = match ca {
        None => builder.with_platform_verifier().map_err(|error| {
            (CA, format!("the system has no certificates to trust: {error}; name those that are in `{CA}`"))
        })?,
        Some(all) => {
            let mut roots = RootCertStore::empty();
            for certificate in all {
                let added = roots.add(certificate.clone());
                added.map_err(|error| {
                    (CA, format!("a certificate in it cannot be one of an authority: {error}"))
                })?;
            }
            builder.with_root_certificates(roots)
        }
    };
    match client {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => {
            let config = builder.with_client_auth_cert(chain.clone(), key.clone_key());
            config.map_err(|error| {
                (KEY, format!("it does not go with the certificate in `{CERT}`, or cannot be used: {error}"))
            })
        }
    }
}

fn certificate(der: &CertificateDer<'_>) -> Certificate<'static> {
    Certificate::from_der(der).to_owned()
}

fn http_config(ca: Option<&[CertificateDer<'static>]>, client: Option<ClientCert>) -> TlsConfig {
    let roots = match ca {
        None => RootCerts::PlatformVerifier,
        Some(all) => all.iter().map(certificate).collect::<Vec<_>>().into(),
    };
    TlsConfig::builder()
        .root_certs(roots)
        .client_cert(client)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build()
}

/// Why one of us does not believe the other. `None`: something else went wrong.
pub(crate) fn distrust(error: &ureq::Error) -> Option<String> {
    let error = match error {
        ureq::Error::Rustls(error) => error,
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref::<Error>()?,
        _ => return None,
    };
    let passes = matches!(
        error,
        Error::General(_)
            | Error::AlertReceived(
                AlertDescription::CloseNotify
                    | AlertDescription::InternalError
                    | AlertDescription::UserCanceled
            )
    );
    (!passes).then(|| format!("TLS: {error}"))
}
