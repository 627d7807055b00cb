//! The report as JSON.

use std::fmt::Write;

use crate::report::Report;
use crate::row::Row;

pub(crate) fn document(report: &Report) -> String {
    let rows: Vec<String> = report.reachability.iter().map(object).collect();
    format!("{{\"answered_by\": {}, \"reachability\": [{}]}}\n", string(&report.answered_by), rows.join(", "))
}

fn object(row: &Row) -> String {
    format!(
        "{{\"from\": {}, \"to\": {}, \"endpoint\": {}, \"result\": {}}}",
        string(&row.from),
        string(&row.to),
        string(&row.endpoint),
        string(&row.outcome.to_string())
    )
}

fn string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len().saturating_add(2));
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            control if control < ' ' => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Outcome;

    #[test]
    fn a_report_is_one_object() {
        let report = Report {
            answered_by: "WebRole1_IN_1".to_owned(),
            reachability: vec![Row {
                from: "WebRole1".to_owned(),
                to: "WorkerRole1".to_owned(),
                endpoint: "InternalTCP2".to_owned(),
                outcome: Outcome::Connected,
            }],
        };
        assert_eq!(
            document(&report),
            "{\"answered_by\": \"WebRole1_IN_1\", \"reachability\": [{\"from\": \"WebRole1\", \"to\": \"WorkerRole1\", \
             \"endpoint\": \"InternalTCP2\", \"result\": \"connected\"}]}\n"
        );
    }

    #[test]
    fn what_json_does_not_allow_in_a_string_is_escaped() {
        assert_eq!(string("a\"b\\c\nd"), r#""a\"b\\c\u000ad""#);
    }
}
