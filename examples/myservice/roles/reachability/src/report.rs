//! The whole matrix, and the format in which a client wants it.

use wasm_roles_sdk::RoleEnvironment;

use crate::collect::collect;
use crate::protocol::{MAX_WAIT, Question};
use crate::row::Row;
use crate::{html, json};

/// Who can reach whom, and which instance says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The id of the instance that answers.
    pub answered_by: String,
    /// Every attempt, ordered by the role that tried, then by the endpoint, as in the service definition.
    pub reachability: Vec<Row>,
}

impl Report {
    /// Asks every role that can be reached. Takes as long as the slowest attempt, 10 seconds at most.
    pub async fn collect() -> Self {
        let rows = collect(Question { wait: MAX_WAIT, visited: Vec::new() }).await;
        let roles: Vec<_> = RoleEnvironment::roles().into_iter().map(|role| role.name).collect();
        Self { answered_by: RoleEnvironment::current_instance().id, reachability: in_order_of(&roles, rows) }
    }

    /// A page for a browser.
    #[must_use]
    pub fn to_html(&self) -> String {
        html::page(self)
    }

    /// `{"answered_by": …, "reachability": [{"from": …, "to": …, "endpoint": …, "result": …}, …]}`
    #[must_use]
    pub fn to_json(&self) -> String {
        json::document(self)
    }
}

fn in_order_of(roles: &[String], mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_key(|row| roles.iter().position(|role| *role == row.from).unwrap_or(usize::MAX));
    rows
}

/// How a client wants to see the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Html,
    /// For programs.
    Json,
}

impl Format {
    /// The one of the two that an `Accept` header names first; HTML if it names neither. Weights are not looked at.
    #[must_use]
    pub fn preferred(accept: &str) -> Self {
        accept
            .split(',')
            .map(|range| range.split(';').next().unwrap_or_default().trim())
            .find_map(|media_type| match media_type.to_ascii_lowercase().as_str() {
                "application/json" => Some(Self::Json),
                "text/html" => Some(Self::Html),
                _ => None,
            })
            .unwrap_or(Self::Html)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Outcome;

    #[test]
    fn the_accept_header_decides_the_format() {
        for (accept, format) in [
            ("", Format::Html),
            ("*/*", Format::Html),
            ("application/json", Format::Json),
            ("Application/JSON; q=0.9, */*", Format::Json),
            ("text/html,application/xhtml+xml,application/json;q=0.9", Format::Html),
            ("application/json, text/html", Format::Json),
        ] {
            assert_eq!(Format::preferred(accept), format, "{accept}");
        }
    }

    #[test]
    fn rows_come_in_the_order_of_the_service_definition() {
        let row = |from: &str, endpoint: &str| Row {
            from: from.to_owned(),
            to: "X".to_owned(),
            endpoint: endpoint.to_owned(),
            outcome: Outcome::Refused,
        };
        let roles = ["Web".to_owned(), "Worker".to_owned()];
        let rows = vec![row("Worker", "2"), row("Web", "2"), row("Worker", "1"), row("Web", "1")];
        let ordered: Vec<_> = in_order_of(&roles, rows)
            .into_iter()
            .map(|row| format!("{} {}", row.from, row.endpoint))
            .collect();
        assert_eq!(ordered, ["Web 2", "Web 1", "Worker 2", "Worker 1"]);
    }
}
