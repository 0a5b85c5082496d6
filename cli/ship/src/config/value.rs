//! Durations and sizes as people write them.

use std::time::Duration;

use jiff::SignedDuration;

/// `200ms`, `2s`, `5m`, `1h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok();
    let duration = parsed.and_then(|duration| Duration::try_from(duration).ok());
    duration.ok_or_else(|| "this is not a duration; write `200ms`, `2s`, `5m` or `1h`".to_owned())
}

/// `512KiB`, `1MiB`, `1048576`.
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let unit = match text.get(digits.len()..).unwrap_or_default().trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => 0,
    };
    let size = digits.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    size.filter(|size| *size > 0)
        .ok_or_else(|| "this is not a size; write `512KiB`, `1MiB` or `65536`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_are_read_and_nonsense_is_not() {
        assert_eq!(duration("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!((bytes("1MiB"), bytes("4 KiB"), bytes("7")), (Ok(1 << 20), Ok(4096), Ok(7)));
        for text in ["", "soon", "-2s", "5"] {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in ["", "0", "1MB", "-1", "99999999999999999999GiB", "KiB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
