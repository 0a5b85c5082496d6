//! The trace and span a thread works for, from a `traceparent` header.
//!
//! Runs on: threads of the program. Must not: accept what the specification calls invalid.
//! Source: W3C Trace Context level 1 (Recommendation of 23 November 2021), section 3.2, `traceparent`.

use core::fmt;

use super::{LabelSet, label};
use crate::record::start_of;

/// `vv-tttttttttttttttttttttttttttttttt-ssssssssssssssss-ff`.
const BYTES: usize = 55;
const VERSION: (usize, usize) = (0, 2);
const TRACE_ID: (usize, usize) = (3, 35);
const SPAN_ID: (usize, usize) = (36, 52);
const FLAGS: (usize, usize) = (53, 55);
/// The only flag of level 1.
const SAMPLED: u8 = 1;

/// A trace id, a span id and flags, taken from a `traceparent` header.
///
/// # Examples
/// ```
/// use panic_agent::labels::TraceContext;
///
/// let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let context = TraceContext::parse(header)?;
/// assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
/// assert_eq!(context.span_id(), "b7ad6b7169203331");
/// assert!(context.sampled());
/// let _labels = context.label(); // panics of this thread now carry `trace_id` and `span_id`
/// # Ok::<(), panic_agent::labels::ParseTraceContextError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: [u8; 32],
    span_id: [u8; 16],
    flags: u8,
}

impl TraceContext {
    /// Reads the value of a `traceparent` header.
    ///
    /// Versions above `00` are read by their first four parts, as the specification asks; what follows
    /// must begin with `-` and is ignored.
    ///
    /// # Errors
    /// When the value is not a `traceparent`: wrong length, a separator that is not `-`, a digit that is not
    /// lower-case hex, version `ff`, a trace id or span id of zeros. The error names value and place.
    ///
    /// # Examples
    /// ```
    /// use panic_agent::labels::TraceContext;
    ///
    /// let zeros = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
    /// let error = TraceContext::parse(zeros).unwrap_err();
    /// assert_eq!(error.offset(), 3);
    /// assert_eq!(error.to_string(), format!("`{zeros}` at byte 3: trace id is all zeros"));
    /// ```
    pub fn parse(traceparent: &str) -> Result<Self, ParseTraceContextError> {
        let wrong = |offset, what| ParseTraceContextError::new(traceparent, offset, what);
        let bytes = traceparent.as_bytes();
        let (Some(version), Some(trace_id), Some(span_id), Some(flags)) =
            (part(bytes, VERSION), part(bytes, TRACE_ID), part(bytes, SPAN_ID), part(bytes, FLAGS))
        else {
            return Err(wrong(bytes.len(), "ends before the flags"));
        };
        for (from, to) in [VERSION, TRACE_ID, SPAN_ID, FLAGS] {
            let digits = bytes.get(from..to).unwrap_or_default();
            let bad = digits.iter().position(|digit| !matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
            if let Some(bad) = bad {
                return Err(wrong(from.saturating_add(bad), "not a lower-case hex digit"));
            }
            if to < BYTES && bytes.get(to) != Some(&b'-') {
                return Err(wrong(to, "not a `-`"));
            }
        }
        match (&version, bytes.get(BYTES)) {
            (b"ff", _) => return Err(wrong(0, "version ff is invalid")),
            (_, None) | ([_, _], Some(b'-')) if version != *b"00" || bytes.len() == BYTES => {}
            (b"00", _) => return Err(wrong(BYTES, "version 00 ends here")),
            _ => return Err(wrong(BYTES, "not a `-`")),
        }
        if trace_id == [b'0'; 32] {
            return Err(wrong(TRACE_ID.0, "trace id is all zeros"));
        }
        if span_id == [b'0'; 16] {
            return Err(wrong(SPAN_ID.0, "span id is all zeros"));
        }
        Ok(Self { trace_id, span_id, flags: byte(flags) })
    }

    /// 32 lower-case hex digits, not all zero.
    pub fn trace_id(&self) -> &str {
        core::str::from_utf8(&self.trace_id).unwrap_or_default()
    }

    /// 16 lower-case hex digits, not all zero.
    pub fn span_id(&self) -> &str {
        core::str::from_utf8(&self.span_id).unwrap_or_default()
    }

    /// Whether the caller may have recorded the trace.
    pub fn sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Puts the labels `trace_id` and `span_id` in force on this thread; see [`label`].
    pub fn label(&self) -> LabelSet<2> {
        LabelSet::from([label("trace_id", self.trace_id()), label("span_id", self.span_id())])
    }
}

fn part<const N: usize>(bytes: &[u8], (from, to): (usize, usize)) -> Option<[u8; N]> {
    bytes.get(from..to)?.try_into().ok()
}

/// The value of two hex digits that were checked.
fn byte(digits: [u8; 2]) -> u8 {
    core::str::from_utf8(&digits).ok().and_then(|text| u8::from_str_radix(text, 16).ok()).unwrap_or(0)
}

/// The value is not a `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseTraceContextError {
    value: String,
    offset: usize,
    what: &'static str,
}

impl ParseTraceContextError {
    fn new(value: &str, offset: usize, what: &'static str) -> Self {
        // Headers come from strangers: no more of them than a reader needs.
        Self { value: start_of(value, 80).to_owned(), offset, what }
    }

    /// Byte of the value at which it went wrong.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for ParseTraceContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` at byte {}: {}", self.value.escape_debug(), self.offset, self.what)
    }
}

impl std::error::Error for ParseTraceContextError {}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn fails_at(value: &str) -> usize {
        TraceContext::parse(value).unwrap_err().offset()
    }

    #[test]
    fn later_versions_are_read_by_their_beginning() {
        let later = |rest: &str| TraceContext::parse(&format!("cc{}{rest}", &GOOD[2..]));
        assert_eq!(later("").unwrap(), TraceContext::parse(GOOD).unwrap());
        assert_eq!(later("-").unwrap().span_id(), "b7ad6b7169203331");
        assert!(later("-what-comes-ÄÖ").is_ok());
        assert_eq!(later(".x").unwrap_err().offset(), 55);
    }

    #[test]
    fn flags_beyond_the_first_are_ignored() {
        assert!(!TraceContext::parse(&GOOD.replace("-01", "-00")).unwrap().sampled());
        assert!(TraceContext::parse(&GOOD.replace("-01", "-ff")).unwrap().sampled());
        assert!(!TraceContext::parse(&GOOD.replace("-01", "-fe")).unwrap().sampled());
    }

    #[test]
    fn what_the_specification_calls_invalid_is_refused_with_its_place() {
        assert_eq!(fails_at(""), 0);
        assert_eq!(fails_at(&GOOD[..54]), 54);
        assert_eq!(fails_at(&format!("{GOOD}-")), 55);
        assert_eq!(fails_at(&format!("ff{}", &GOOD[2..])), 0);
        assert_eq!(fails_at(&GOOD.replace("0af", "0AF")), 4);
        assert_eq!(fails_at(&GOOD.replace("b7ad", "b7ag")), 39);
        assert_eq!(fails_at(&GOOD.replace("-b7", "_b7")), 35);
        assert_eq!(fails_at(&GOOD.replace("b7ad6b7169203331", "0000000000000000")), 36);
        assert_eq!(fails_at(&GOOD.replace("00-0af7", "0ä-0af")), 1);
        assert_eq!(fails_at(&format!(" {}", &GOOD[..54])), 0);
    }
}
