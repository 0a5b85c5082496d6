//! The keys of one table, each asked for once by whoever needs it. What nobody asked for is an error.
//!
//! Runs on: the main thread. Must not: read a file or a variable.

use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Source, value};
use crate::failure::Failure;

/// A table of the configuration.
pub(crate) struct Keys<'t> {
    pub(crate) source: Source<'t>,
    table: &'t DeTable<'t>,
    span: Range<usize>,
    asked: RefCell<Vec<&'static str>>,
}

/// A text of the configuration, and its place.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) key: String,
    pub(crate) span: Range<usize>,
}

type Found<'t> = Option<&'t Spanned<DeValue<'t>>>;

impl<'t> Keys<'t> {
    pub(crate) fn new(source: Source<'t>, table: &'t DeTable<'t>, span: Range<usize>) -> Self {
        Self { source, table, span, asked: RefCell::default() }
    }

    fn find(&self, name: &'static str) -> Found<'t> {
        self.asked.borrow_mut().push(name);
        self.table.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
    }

    /// What is wrong with a value, and what to do.
    pub(crate) fn wrong(&self, text: &Text, why: &str) -> Failure {
        self.source.failure(&text.key, &text.span, why)
    }

    /// The same without the value, which is long or may be a secret.
    pub(crate) fn unusable(&self, text: &Text, why: &str) -> Failure {
        self.source.key_failure(&text.key, &text.span, why)
    }

    /// The file that a value names: relative to the configuration, wherever the tool is started.
    pub(crate) fn path(&self, text: &Text) -> PathBuf {
        self.source.path.parent().unwrap_or(Path::new("")).join(&text.text)
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<Option<Text>, Failure> {
        let Some(value) = self.find(name) else { return Ok(None) };
        match value.get_ref() {
            DeValue::String(text) => {
                let text = text.clone().into_owned();
                Ok(Some(Text { text, key: name.to_owned(), span: value.span() }))
            }
            _ => Err(self.source.failure(name, &value.span(), "this is not a string; put it in quotes")),
        }
    }

    /// A text that must be there; `what` says what to write.
    pub(crate) fn needed(&self, name: &'static str, what: &str) -> Result<Text, Failure> {
        let why = || format!("the key `{name}` is missing; add {what}");
        self.text(name)?.ok_or_else(|| Failure::new(format!("{}: {}", self.source.place(&self.span), why())))
    }

    pub(crate) fn flag(&self, name: &'static str, default: bool) -> Result<bool, Failure> {
        let Some(value) = self.find(name) else { return Ok(default) };
        let wrong = || self.source.failure(name, &value.span(), "write `true` or `false`, without quotes");
        value.get_ref().as_bool().ok_or_else(wrong)
    }

    /// A whole number between these two.
    pub(crate) fn number(&self, name: &'static str, default: u64, range: Range<u64>) -> Result<u64, Failure> {
        let Some(value) = self.find(name) else { return Ok(default) };
        let number = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        number.filter(|number| range.contains(number)).ok_or_else(|| {
            let why = format!("say a whole number from {} to {}", range.start, range.end - 1);
            self.source.failure(name, &value.span(), &why)
        })
    }

    pub(crate) fn duration(&self, name: &'static str, default: Duration) -> Result<Duration, Failure> {
        let Some(text) = self.text(name)? else { return Ok(default) };
        value::duration(&text.text).map_err(|why| self.wrong(&text, &why))
    }

    pub(crate) fn bytes(&self, name: &'static str, default: usize) -> Result<usize, Failure> {
        let Some(text) = self.text(name)? else { return Ok(default) };
        value::bytes(&text.text).map_err(|why| self.wrong(&text, &why))
    }

    /// One of these words.
    pub(crate) fn word(&self, name: &'static str, words: &[&'static str]) -> Result<&'static str, Failure> {
        let Some(text) = self.text(name)? else { return Ok(words.first().copied().unwrap_or_default()) };
        let found = words.iter().find(|word| **word == text.text);
        found.copied().ok_or_else(|| self.wrong(&text, &format!("say one of: {}", words.join(", "))))
    }

    /// Names and texts, in the order in which they are written.
    pub(crate) fn texts(&self, name: &'static str) -> Result<Vec<Text>, Failure> {
        let Some(value) = self.find(name) else { return Ok(Vec::new()) };
        let Some(table) = value.get_ref().as_table() else {
            let why = "this is not a table; write `{ name = \"value\" }`";
            return Err(self.source.failure(name, &value.span(), why));
        };
        let texts = table.iter().map(|(key, value)| match value.get_ref() {
            DeValue::String(text) => Ok(Text {
                text: text.clone().into_owned(),
                key: key.get_ref().clone().into_owned(),
                span: value.span(),
            }),
            _ => Err(self.source.failure(key.get_ref(), &value.span(), "this is not a string")),
        });
        texts.collect()
    }

    /// The tables of an array of tables.
    pub(crate) fn tables(&self, name: &'static str) -> Result<Vec<Keys<'t>>, Failure> {
        let Some(value) = self.find(name) else { return Ok(Vec::new()) };
        let why = || format!("this is not a list of tables; begin each with `[[{name}]]`");
        let wrong = || self.source.failure(name, &value.span(), &why());
        let array = value.get_ref().as_array().ok_or_else(wrong)?;
        let tables = array.iter().map(|table| {
            let inner = table.get_ref().as_table().ok_or_else(wrong)?;
            Ok(Keys::new(self.source, inner, table.span()))
        });
        tables.collect()
    }

    /// Where the table stands.
    pub(crate) fn place(&self) -> String {
        self.source.place(&self.span)
    }

    /// Everything was asked for.
    ///
    /// # Errors
    /// A key that nobody knows.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        let mut asked = self.asked.borrow().clone();
        asked.sort_unstable();
        asked.dedup();
        for (key, _) in self.table {
            if !asked.iter().any(|name| key.get_ref() == name) {
                let why = format!("unknown key; the keys of this table are {}", asked.join(", "));
                return Err(self.source.key_failure(key.get_ref(), &key.span(), &why));
            }
        }
        Ok(())
    }
}
