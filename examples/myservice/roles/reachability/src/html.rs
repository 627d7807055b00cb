//! The report as a page.

use std::fmt::Write;

use crate::report::Report;
use crate::row::{Outcome, Row};

const STYLE: &str = include_str!("page.css");

pub(crate) fn page(report: &Report) -> String {
    let mut page = String::with_capacity(8 * 1024);
    page.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.push_str("<title>Who can reach whom</title>\n<style>\n");
    page.push_str(STYLE);
    page.push_str("</style>\n</head>\n<body>\n<main>\n<h1>Who can reach whom</h1>\n");
    // Writing to a string cannot fail, here and below.
    let _ =
        writeln!(page, "<p>Answered by <b>{}</b>. Reload to ask again.</p>", Escaped(&report.answered_by));
    table(&mut page, &report.reachability);
    page.push_str(
        "<p class=\"note\">Each role tried each internal endpoint on another instance than its own.</p>\n",
    );
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn table(page: &mut String, rows: &[Row]) {
    let from = distinct(rows.iter().map(|row| row.from.as_str()));
    let columns = distinct(rows.iter().map(|row| (row.to.as_str(), row.endpoint.as_str())));
    page.push_str("<table>\n<thead><tr><th>from \\ to</th>");
    for (role, endpoint) in &columns {
        let _ =
            write!(page, "<th scope=\"col\">{}<br><small>{}</small></th>", Escaped(role), Escaped(endpoint));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for from in from {
        let _ = write!(page, "<tr><th scope=\"row\">{}</th>", Escaped(from));
        for (to, endpoint) in &columns {
            let row = rows.iter().find(|row| row.from == from && row.to == *to && row.endpoint == *endpoint);
            cell(page, row.map(|row| &row.outcome));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n");
}

fn cell(page: &mut String, outcome: Option<&Outcome>) {
    let class = match outcome {
        Some(Outcome::Connected) => "yes",
        Some(Outcome::AccessDenied) => "no",
        Some(Outcome::Refused | Outcome::Other(_)) => "odd",
        None => "none",
    };
    let text = outcome.map_or_else(|| "–".to_owned(), Outcome::to_string);
    let _ = write!(page, "<td class=\"{class}\">{}</td>", Escaped(&text));
}

/// The values in the order in which they first come.
fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

/// Text that shows as it is, whatever is in it.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(from: &str, to: &str, endpoint: &str, outcome: Outcome) -> Row {
        Row { from: from.to_owned(), to: to.to_owned(), endpoint: endpoint.to_owned(), outcome }
    }

    fn page_of(reachability: Vec<Row>) -> String {
        page(&Report { answered_by: "Web_IN_0".to_owned(), reachability })
    }

    #[test]
    fn the_page_says_who_answered() {
        assert!(page_of(vec![]).contains("Answered by <b>Web_IN_0</b>"));
    }

    #[test]
    fn each_outcome_stands_where_its_roles_meet() {
        let page = page_of(vec![
            row("Web", "Web", "A", Outcome::Connected),
            row("Web", "Worker", "B", Outcome::Refused),
            row("Worker", "Web", "A", Outcome::AccessDenied),
        ]);
        assert!(page.contains(
            "<tr><th scope=\"row\">Web</th><td class=\"yes\">connected</td><td class=\"odd\">refused</td></tr>"
        ));
        assert!(page.contains(
            "<tr><th scope=\"row\">Worker</th><td class=\"no\">access-denied</td><td class=\"none\">–</td></tr>"
        ));
    }

    #[test]
    fn a_name_cannot_become_markup() {
        let page = page_of(vec![row("<b>&", "Web", "A", Outcome::Connected)]);
        assert!(page.contains("&lt;b&gt;&amp;") && !page.contains("<b>&"));
    }
}
