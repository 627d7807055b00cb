//! Events and log lines. Both are streams of lines, one JSON object each (NDJSON).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::timestamp::Timestamp;

/// One line of a stream. Empty lines are sent when there is nothing to say for some time; readers skip them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Streamed<T> {
    /// What the stream is about.
    Line(T),
    /// Lines are not there any more: they came faster than they were read, or were older than what is kept.
    Gap {
        /// How many.
        missed: u64,
    },
    /// The last line of a stream that is complete. A stream that ends without it was cut.
    End {
        /// Why it ends.
        reason: EndOfStream,
    },
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndOfStream {
    /// Everything that is kept was told, and it was not asked to follow.
    Complete,
    /// The deployment was deleted.
    Deleted,
    /// The host stops.
    Stopping,
}

/// A line that a guest wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its number: each later one of the deployment is higher, also after the host was started again. The first one is not 1.
    pub sequence: u64,
    /// When.
    pub time: Timestamp,
    /// The instance that wrote it.
    pub instance: String,
    /// Its role.
    pub role: String,
    /// The start-up task, by the first word of its command line; none: the role itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Where to.
    pub stream: LogStream,
    /// What: hostile text. Bytes that are no UTF-8 are replaced.
    pub message: String,
    /// It was longer, and was cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// Where a line was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// What the web server of an instance says about its requests.
    AccessLog,
}

impl LogStream {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::AccessLog => "access-log",
        }
    }
}

/// Something that happened to a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventLine {
    /// Its number: each later one of the deployment is higher, also after the host was started again. The first one is not 1.
    pub sequence: u64,
    /// When.
    pub time: Timestamp,
    /// What kind, such as `status`, `recycling`, `denied`, `operation`: the kinds of `run --log-format json` and a few of the host.
    pub kind: String,
    /// The instance that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The role that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What, as one sentence for people. It may hold a guest's words.
    pub message: String,
    /// The same for programs: fields that depend on the kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Value>,
}

/// Which lines of a stream, as the query of its path: `?after=17&follow=true`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalQuery {
    /// Only lines with higher numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Only the last so many of those that are kept, and then those that follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// Go on with new lines. Default: the stream ends with what is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub follow: bool,
    /// Only lines of this role or instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_stream_says_what_it_is() {
        let line = LogLine {
            sequence: 7,
            time: Timestamp::default(),
            instance: "Web_IN_0".to_owned(),
            role: "Web".to_owned(),
            task: None,
            stream: LogStream::AccessLog,
            message: "x".to_owned(),
            cut: false,
        };
        let written = serde_json::to_string(&Streamed::Line(line.clone())).unwrap();
        assert_eq!(
            written,
            r#"{"type":"line","sequence":7,"time":"1970-01-01T00:00:00.000000Z","instance":"Web_IN_0","role":"Web","stream":"access-log","message":"x"}"#
        );
        assert_eq!(serde_json::from_str::<Streamed<LogLine>>(&written).unwrap(), Streamed::Line(line));
        let gap = r#"{"type":"gap","missed":3}"#;
        assert_eq!(serde_json::from_str::<Streamed<LogLine>>(gap).unwrap(), Streamed::Gap { missed: 3 });
        let end = r#"{"type":"end","reason":"deleted"}"#;
        let expected = Streamed::End { reason: EndOfStream::Deleted };
        assert_eq!(serde_json::from_str::<Streamed<LogLine>>(end).unwrap(), expected);
    }
}
