//! Byte ranges of a file (RFC 9110, section 14). Pure.
//!
//! A range that cannot be understood is as if it were not there; so are more than [`MOST`] of them, or several that together are
//! longer than the file: nobody needs them but to make a server work.

use std::ops::Range;

use http::{HeaderMap, header};

/// The most ranges in one response.
pub(crate) const MOST: usize = 16;

/// Which part of a file is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of it.
    Whole,
    /// These, at least one, none of them empty, in the order in which they were asked for.
    Parts(Vec<Range<u64>>),
    /// Nothing that the file has.
    Unsatisfiable,
}

/// The ranges that a request wants of a file of `length` bytes.
pub(crate) fn select(headers: &HeaderMap, length: u64) -> Selection {
    let mut fields = headers.get_all(header::RANGE).iter();
    let field = fields.next().filter(|_| fields.next().is_none()).and_then(|field| field.to_str().ok());
    match field {
        // No range of nothing can be named in `Content-Range`.
        Some(field) if length > 0 => read(field, length).unwrap_or(Selection::Whole),
        _ => Selection::Whole,
    }
}

/// `None` for what is not understood.
fn read(field: &str, length: u64) -> Option<Selection> {
    let (unit, set) = field.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (mut parts, mut count) = (Vec::new(), 0_usize);
    for text in set.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        count = count.checked_add(1).filter(|count| *count <= MOST)?;
        parts.extend(one(text, length)?);
    }
    let total =
        parts.iter().try_fold(0_u64, |total, part| total.checked_add(part.end.checked_sub(part.start)?))?;
    match parts.len() {
        0 if count == 0 => None,
        0 => Some(Selection::Unsatisfiable),
        1 => Some(Selection::Parts(parts)),
        _ if total > length => None,
        _ => Some(Selection::Parts(parts)),
    }
}

/// One range; nothing when the file has nothing there, `None` when it is not understood.
fn one(text: &str, length: u64) -> Option<Option<Range<u64>>> {
    let (first, last) = text.split_once('-')?;
    if first.is_empty() {
        let suffix = number(last)?;
        return Some((suffix > 0).then(|| length.saturating_sub(suffix)..length));
    }
    let first = number(first)?;
    let end =
        if last.is_empty() { length } else { number(last).filter(|last| *last >= first)?.saturating_add(1) };
    Some((first < length).then(|| first..end.min(length)))
}

/// Digits only. A number that is too large for us is beyond every file.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_100(field: &str) -> Selection {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, field.parse().unwrap());
        select(&headers, 100)
    }

    #[test]
    #[allow(clippy::single_range_in_vec_init, reason = "the one range is what is meant")]
    fn ranges_are_read_and_cut_to_the_file() {
        let huge = format!("bytes=0-{}", "9".repeat(40));
        let cases: [(&str, &[Range<u64>]); 11] = [
            ("bytes=0-0", &[0..1]),
            ("bytes=0-", &[0..100]),
            ("bytes=99-", &[99..100]),
            ("bytes=10-19", &[10..20]),
            ("Bytes=10-1000", &[10..100]),
            ("bytes=-1", &[99..100]),
            ("bytes=-1000", &[0..100]),
            (&huge, &[0..100]),
            ("bytes=0-9, 50-59 ,-10", &[0..10, 50..60, 90..100]),
            ("bytes=,50-59,,0-9,", &[50..60, 0..10]),
            ("bytes=0-9,100-,-0", &[0..10]),
        ];
        for (field, parts) in cases {
            assert_eq!(of_100(field), Selection::Parts(parts.to_vec()), "{field}");
        }
    }

    #[test]
    fn what_the_file_does_not_have_is_unsatisfiable() {
        for field in
            ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=200-300,-0", "bytes=18446744073709551616-"]
        {
            assert_eq!(of_100(field), Selection::Unsatisfiable, "{field}");
        }
    }

    #[test]
    fn what_is_not_understood_or_too_much_is_the_whole_file() {
        let many = format!("bytes={}", "0-0,".repeat(17));
        let cases = [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-4",
            "bytes=1-2-3",
            "bytes=+1-2",
            "bytes=1 -2",
            "bytes=0x1-2",
            "items=0-1",
            "bytes=0-1,x",
            "bytes=0-60,40-99",
            "bytes=0-,0-",
            &many,
        ];
        for field in cases {
            assert_eq!(of_100(field), Selection::Whole, "{field}");
        }
        assert!(matches!(of_100(&format!("bytes={}", "0-0,".repeat(16))), Selection::Parts(_)));
    }

    #[test]
    fn two_fields_and_an_empty_file_have_no_ranges() {
        let mut headers = HeaderMap::new();
        headers.append(header::RANGE, "bytes=0-0".parse().unwrap());
        assert_eq!(select(&headers, 0), Selection::Whole);
        headers.append(header::RANGE, "bytes=1-1".parse().unwrap());
        assert_eq!(select(&headers, 100), Selection::Whole);
    }
}
