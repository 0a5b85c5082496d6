//! The address of a project, with its key.

/// `http://KEY@HOST/PREFIX/PROJECT`, in its parts.
#[derive(PartialEq, Eq)]
pub(super) struct Dsn {
    /// Scheme, host and prefix.
    base: String,
    key: String,
    project: String,
}

impl Dsn {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_known = scheme == "http" || (scheme == "https" && cfg!(feature = "tls"));
        let (user, rest) = rest.split_once('@')?;
        let (host, project) = rest.trim_end_matches('/').rsplit_once('/')?;
        // Old ones have a password, which nobody asks for any more.
        let key = user.split(':').next()?;
        let plain = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let good = is_known && plain(key) && plain(project) && !host.is_empty();
        good.then(|| Self {
            base: format!("{scheme}://{host}"),
            key: key.to_owned(),
            project: project.to_owned(),
        })
    }

    /// Where envelopes go.
    pub(super) fn envelope(&self) -> String {
        match self.base.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('/')?))) {
            Some((scheme, (host, prefix))) => {
                format!("{scheme}://{host}/{prefix}/api/{}/envelope/", self.project)
            }
            None => format!("{}/api/{}/envelope/", self.base, self.project),
        }
    }

    /// Content of `X-Sentry-Auth`.
    pub(super) fn auth(&self, client: &str) -> String {
        format!("Sentry sentry_version=7, sentry_client={client}, sentry_key={}", self.key)
    }
}
