//! A secret: where it is read from, and that it is shown nowhere.
//!
//! Runs on: the main thread and those of the destinations. Must not: show what it reads.

use std::fmt;
use std::path::PathBuf;

use super::Keys;
use crate::failure::Failure;

/// A token, password or address with a key in it.
#[derive(Clone)]
pub(crate) struct Secret {
    from: From,
    value: String,
}

#[derive(Clone, Debug)]
enum From {
    File(PathBuf),
    /// What a process was started with does not change.
    Environment(String),
}

impl Secret {
    /// What the first of these two keys names, a file, or the second, a variable.
    pub(crate) fn open(
        keys: &Keys<'_>,
        file: &'static str,
        env: &'static str,
    ) -> Result<Option<Self>, Failure> {
        let (by_file, by_env) = (keys.text(file)?, keys.text(env)?);
        let (text, from) = match (by_file, by_env) {
            (None, None) => return Ok(None),
            (Some(_), Some(text)) => {
                return Err(keys.wrong(&text, &format!("there is `{file}`, too; keep one of them")));
            }
            (Some(text), None) => (text.clone(), From::File(keys.path(&text))),
            (None, Some(text)) => (text.clone(), From::Environment(text.text)),
        };
        let mut secret = Self { from, value: String::new() };
        secret.read().map_err(|why| keys.unusable(&text, &why))?;
        Ok(Some(secret))
    }

    /// Reads it again; whether it is another one now. What cannot be read stays as it was.
    pub(crate) fn refresh(&mut self) -> bool {
        let before = self.value.clone();
        self.read().is_ok() && before != self.value
    }

    fn read(&mut self) -> Result<(), String> {
        let value = match &self.from {
            From::File(path) => std::fs::read_to_string(path)
                .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?,
            From::Environment(name) => std::env::var(name)
                .map_err(|_| format!("the environment has no `{name}`; set it, or name a file"))?,
        };
        let value = value.trim();
        if value.is_empty() || value.contains(|letter: char| letter.is_ascii_control()) {
            return Err("what is there is empty, or has more than one line".to_owned());
        }
        value.clone_into(&mut self.value);
        Ok(())
    }

    /// The secret itself, for a header and nothing else.
    pub(crate) fn expose(&self) -> &str {
        &self.value
    }

    /// A text of somebody else, without the secret.
    pub(crate) fn scrub(&self, text: String) -> String {
        if text.contains(&self.value) { text.replace(&self.value, "…") } else { text }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("from", &self.from).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_again_and_shown_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "hunter2\n").unwrap();
        let mut secret = Secret { from: From::File(path.clone()), value: String::new() };
        assert!(secret.refresh() && !secret.refresh());
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(secret.scrub("bad key hunter2".to_owned()), "bad key …");
        assert!(!format!("{secret:?}").contains("hunter2"));
        std::fs::write(&path, "other").unwrap();
        assert!(secret.refresh());
        std::fs::remove_file(&path).unwrap();
        assert!(!secret.refresh());
        assert_eq!(secret.expose(), "other");
    }
}
