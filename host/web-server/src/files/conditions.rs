//! Validators of a file, and the conditions of a request on them (RFC 9110, sections 8.8 and 13). Pure.
//!
//! The tag is made of the file's length, its inode, and the nanoseconds of its last modification and of its last change of
//! any kind, which nobody can set back. A file that is replaced has another inode; one that is written to has other times, unless
//! both happen within one tick of the system's clock, a few milliseconds. So the tag is strong once the last change is [`SETTLED`]
//! ago, and weak before that.
//!
//! A date has a resolution of a second, and cannot tell two changes in one. So in `If-Range` a date counts as little as a weak tag:
//! the whole file is sent, which is always right.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, Method, header};

/// How long ago the last change of a file has to be, so that its tag tells one content from every other. Longer than a
/// tick of any clock, and than the resolution of file systems that count in two seconds.
pub(crate) const SETTLED: Duration = Duration::from_secs(3);

/// What the file system says about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// In bytes.
    pub(crate) length: u64,
    pub(crate) modified: SystemTime,
    /// Nanoseconds since 1970; 0 where the system has no such time.
    pub(crate) changed: i128,
    /// 0 where the system has none.
    pub(crate) inode: u64,
}

impl Facts {
    /// Whether nobody has written to the file in between. A new name, or none any more, is no other content.
    pub(crate) fn has_same_content(&self, other: &Self) -> bool {
        (self.length, self.modified) == (other.length, other.modified)
    }
}

/// The validators of a file at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validators {
    /// With its quotes.
    opaque: String,
    pub(crate) is_strong: bool,
    /// Whole seconds; none when it lies in the future, which says nothing.
    pub(crate) last_modified: Option<SystemTime>,
}

/// What the conditions of a request say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Send the file, or the ranges of it that are asked for.
    Send {
        /// Whether ranges are meant for this very content.
        ranges: bool,
    },
    /// The client has it: 304.
    NotModified,
    /// It is not what the client wants: 412.
    Failed,
}

impl Validators {
    pub(crate) fn new(facts: &Facts, now: SystemTime) -> Self {
        let Facts { length, modified, changed, inode } = facts;
        let nanoseconds = |time: &SystemTime| match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i128::try_from(after.as_nanos()).unwrap_or(i128::MAX),
            Err(before) => i128::try_from(before.duration().as_nanos()).map_or(i128::MIN, |before| -before),
        };
        let opaque = format!("\"{length:x}-{inode:x}-{:x}-{changed:x}\"", nanoseconds(modified));
        let settled = now.checked_sub(SETTLED).map(|settled| nanoseconds(&settled)).unwrap_or(i128::MIN);
        let last_modified = modified.duration_since(UNIX_EPOCH).ok();
        let last_modified = last_modified.map(|since| UNIX_EPOCH + Duration::from_secs(since.as_secs()));
        Self {
            opaque,
            is_strong: nanoseconds(modified).max(*changed) < settled,
            last_modified: last_modified.filter(|time| *time <= now),
        }
    }

    /// The value of `ETag`.
    pub(crate) fn tag(&self) -> Option<HeaderValue> {
        let weak = if self.is_strong { "" } else { "W/" };
        HeaderValue::try_from(format!("{weak}{}", self.opaque)).ok()
    }

    /// The tag as part of other words: letters, digits and hyphens.
    pub(crate) fn bare_tag(&self) -> &str {
        self.opaque.trim_matches('"')
    }

    /// The conditions in the order of RFC 9110, section 13.2.2. For GET and HEAD.
    pub(crate) fn check(&self, method: &Method, headers: &HeaderMap) -> Verdict {
        if headers.contains_key(header::IF_MATCH) {
            if !self.is_listed(headers, header::IF_MATCH, Comparison::Strong) {
                return Verdict::Failed;
            }
        } else if let Some(since) = date(headers, header::IF_UNMODIFIED_SINCE)
            // Without a date of its own the condition does not count (RFC 9110, section 13.1.4).
            && self.last_modified.is_some_and(|modified| modified > since)
        {
            return Verdict::Failed;
        }
        if headers.contains_key(header::IF_NONE_MATCH) {
            if self.is_listed(headers, header::IF_NONE_MATCH, Comparison::Weak) {
                return Verdict::NotModified;
            }
        } else if let Some(since) = date(headers, header::IF_MODIFIED_SINCE)
            && self.last_modified.is_some_and(|modified| modified <= since)
        {
            return Verdict::NotModified;
        }
        Verdict::Send { ranges: method == Method::GET && self.range_is_meant(headers) }
    }

    fn range_is_meant(&self, headers: &HeaderMap) -> bool {
        let Some(condition) = headers.get(header::IF_RANGE) else { return true };
        self.is_strong && condition.as_bytes().trim_ascii() == self.opaque.as_bytes()
    }

    fn is_listed(&self, headers: &HeaderMap, name: header::HeaderName, comparison: Comparison) -> bool {
        let mut lines = headers.get_all(name).iter();
        lines.any(|line| {
            let line = line.as_bytes().trim_ascii();
            line == b"*" || Tags(line).any(|tag| self.is(tag, comparison))
        })
    }

    fn is(&self, tag: Tag<'_>, comparison: Comparison) -> bool {
        let comparable = comparison == Comparison::Weak || (self.is_strong && !tag.is_weak);
        comparable && tag.opaque == self.opaque.as_bytes()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

#[derive(Clone, Copy)]
struct Tag<'a> {
    is_weak: bool,
    /// With its quotes.
    opaque: &'a [u8],
}

/// The tags in a list; it ends at the first thing that is none.
struct Tags<'a>(&'a [u8]);

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        let separators = self.0.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b',')).count();
        let rest = self.0.get(separators..)?;
        let (is_weak, rest) = rest.strip_prefix(b"W/").map_or((false, rest), |rest| (true, rest));
        let inside = rest.strip_prefix(b"\"")?;
        let length = inside.iter().position(|byte| *byte == b'"')?.checked_add(2)?;
        let (opaque, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Tag { is_weak, opaque })
    }
}

/// A date that stands there once and can be read; anything else is as if it were not there.
fn date(headers: &HeaderMap, name: header::HeaderName) -> Option<SystemTime> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    httpdate::parse_http_date(value.to_str().ok()?.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT.
    const MODIFIED: u64 = 784_111_777;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn facts() -> Facts {
        let modified = at(MODIFIED) + Duration::from_nanos(5);
        Facts { length: 0x10, modified, changed: i128::from(MODIFIED) * 1_000_000_000 + 6, inode: 0x2a }
    }

    fn settled() -> Validators {
        Validators::new(&facts(), at(MODIFIED + 60))
    }

    const TAG: &str = "\"10-2a-ae1b981bc490a05-ae1b981bc490a06\"";

    fn fields(fields: &[(&str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&str, &str)| {
            let value = value.replace("TAG", TAG);
            (http::HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(value).unwrap())
        };
        let mut map = HeaderMap::new();
        for (name, value) in fields.iter().map(field) {
            map.append(name, value);
        }
        map
    }

    #[test]
    fn a_tag_is_strong_when_the_file_has_been_left_alone_for_a_while() {
        assert_eq!(settled().tag().unwrap(), TAG);
        let fresh = Validators::new(&facts(), at(MODIFIED + 2));
        assert_eq!(fresh.tag().unwrap(), format!("W/{TAG}").as_str());
        let touched = Facts { changed: i128::from(MODIFIED + 59) * 1_000_000_000, ..facts() };
        assert!(!Validators::new(&touched, at(MODIFIED + 60)).is_strong);
    }

    #[test]
    fn every_fact_about_a_file_is_in_its_tag() {
        let changes = [
            Facts { length: 0x11, ..facts() },
            Facts { modified: facts().modified + Duration::from_nanos(1), ..facts() },
            Facts { changed: facts().changed + 1, ..facts() },
            Facts { inode: 0x2b, ..facts() },
        ];
        for changed in changes {
            assert_ne!(
                Validators::new(&changed, at(MODIFIED + 60)).bare_tag(),
                settled().bare_tag(),
                "{changed:?}"
            );
        }
    }

    #[test]
    fn a_time_in_the_future_is_not_told() {
        assert_eq!(settled().last_modified, Some(at(MODIFIED)));
        assert_eq!(Validators::new(&facts(), at(MODIFIED - 1)).last_modified, None);
    }

    const WHOLE: Verdict = Verdict::Send { ranges: false };
    const RANGES: Verdict = Verdict::Send { ranges: true };
    const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sunday, 06-Nov-94 08:49:38 GMT";

    #[test]
    fn conditions_are_checked_in_their_order() {
        let cases: [(&[(&str, &str)], Verdict); 34] = [
            (&[], RANGES),
            (&[("if-match", "TAG")], RANGES),
            (&[("if-match", "*")], RANGES),
            (&[("if-match", "\"a\", TAG")], RANGES),
            (&[("if-match", "\"a\""), ("if-match", "TAG")], RANGES),
            (&[("if-match", "\"a,b\"")], Verdict::Failed),
            (&[("if-match", "W/TAG")], Verdict::Failed),
            (&[("if-match", "")], Verdict::Failed),
            (&[("if-match", "nonsense")], Verdict::Failed),
            (&[("if-unmodified-since", SAME)], RANGES),
            (&[("if-unmodified-since", AFTER)], RANGES),
            (&[("if-unmodified-since", BEFORE)], Verdict::Failed),
            (&[("if-unmodified-since", "yesterday")], RANGES),
            // If-Match makes If-Unmodified-Since irrelevant.
            (&[("if-match", "TAG"), ("if-unmodified-since", BEFORE)], RANGES),
            (&[("if-none-match", "TAG")], Verdict::NotModified),
            (&[("if-none-match", "W/TAG")], Verdict::NotModified),
            (&[("if-none-match", "*")], Verdict::NotModified),
            (&[("if-none-match", "\"a\",W/\"b,\" , TAG")], Verdict::NotModified),
            (&[("if-none-match", "\"a\"")], RANGES),
            (&[("if-none-match", "\"unended")], RANGES),
            (&[("if-modified-since", SAME)], Verdict::NotModified),
            (&[("if-modified-since", AFTER)], Verdict::NotModified),
            (&[("if-modified-since", BEFORE)], RANGES),
            (&[("if-modified-since", "Sun Nov  6 08:49:37 1994")], Verdict::NotModified),
            (&[("if-modified-since", "then"), ("if-modified-since", SAME)], RANGES),
            // If-None-Match makes If-Modified-Since irrelevant.
            (&[("if-none-match", "\"a\""), ("if-modified-since", SAME)], RANGES),
            // What must hold comes before what the client has.
            (&[("if-match", "\"a\""), ("if-none-match", "TAG")], Verdict::Failed),
            (&[("if-match", "TAG"), ("if-none-match", "TAG")], Verdict::NotModified),
            (&[("if-unmodified-since", BEFORE), ("if-modified-since", SAME)], Verdict::Failed),
            (&[("if-range", "TAG")], RANGES),
            (&[("if-range", "W/TAG")], WHOLE),
            (&[("if-range", "\"a\"")], WHOLE),
            (&[("if-range", SAME)], WHOLE),
            (&[("if-range", "TAG"), ("if-none-match", "TAG")], Verdict::NotModified),
        ];
        for (given, verdict) in cases {
            assert_eq!(settled().check(&Method::GET, &fields(given)), verdict, "{given:?}");
        }
    }

    #[test]
    fn without_a_date_no_condition_about_it_counts() {
        // Its time lies in the future, so nothing is said about it.
        let undated = Validators::new(&facts(), at(MODIFIED - 10));
        for name in ["if-unmodified-since", "if-modified-since"] {
            let verdict = undated.check(&Method::GET, &fields(&[(name, BEFORE)]));
            assert!(matches!(verdict, Verdict::Send { .. }), "{name}: {verdict:?}");
        }
    }

    #[test]
    fn a_weak_tag_is_good_for_having_it_and_for_nothing_else() {
        let fresh = Validators::new(&facts(), at(MODIFIED + 1));
        let check = |name| fresh.check(&Method::GET, &fields(&[(name, "TAG")]));
        assert_eq!(check("if-none-match"), Verdict::NotModified);
        assert_eq!(check("if-match"), Verdict::Failed);
        assert_eq!(check("if-range"), WHOLE);
    }

    #[test]
    fn head_has_no_ranges() {
        assert_eq!(settled().check(&Method::HEAD, &fields(&[])), WHOLE);
    }
}
