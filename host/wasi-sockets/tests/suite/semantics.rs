//! The table of semantics, `tests/semantics.md`: what each call answers, on the virtual network and over the sockets of the
//! operating system. The guests that make the calls know nothing of it.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;

use crate::bed::{BOTH, Bed, Version, run};
use crate::stock;

/// One row: one sentence of the interfaces.
struct Row {
    call: String,
    ours: [Option<String>; 2],
    stock: [Option<String>; 2],
    why: String,
}

impl Row {
    /// What the call should say; `None` when the version does not have it.
    fn expected(&self, version: Version, is_stock: bool) -> Option<&str> {
        let at = usize::from(version == Version::V0_3);
        let stock = if is_stock { self.stock[at].as_deref() } else { None };
        stock.or(self.ours[at].as_deref())
    }
}

fn table() -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/semantics.md");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| call |"));
    lines.map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [call, sentence, p2, p3, stock_p2, stock_p3, why] = *cells else { panic!("seven cells: {line}") };
    assert!(!call.is_empty() && !sentence.is_empty(), "a call and a sentence: {line}");
    let cell = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Row {
        call: call.to_owned(),
        ours: [cell(p2), cell(p3)],
        stock: [cell(stock_p2), cell(stock_p3)],
        why: why.to_owned(),
    }
}

/// The lines of a report, by call.
fn outcomes(report: &str) -> BTreeMap<&str, &str> {
    let mut outcomes = BTreeMap::new();
    for line in report.lines() {
        let (call, outcome) = line.rsplit_once(": ").unwrap_or_else(|| panic!("no outcome: {line}"));
        assert!(outcomes.insert(call, outcome).is_none(), "`{call}` is reported twice");
    }
    outcomes
}

/// Every difference between a report and the table.
fn differences(report: &str, version: Version, is_stock: bool) -> Vec<String> {
    let table = table();
    let mut said = outcomes(report);
    let mut found = Vec::new();
    for row in &table {
        let (expected, outcome) = (row.expected(version, is_stock), said.remove(row.call.as_str()));
        if expected != outcome {
            found.push(format!("{version:?} {}: {outcome:?}, the table says {expected:?}", row.call));
        }
    }
    found.extend(
        said.into_iter().map(|(call, outcome)| format!("{version:?} {call}: {outcome:?}, not in the table")),
    );
    found
}

#[tokio::test]
async fn every_row_holds_on_the_virtual_network() {
    let mut found = Vec::new();
    for version in BOTH {
        let report = run(version, Bed::new().subject(), "semantics 7000").await;
        found.extend(differences(&report, version, false));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[tokio::test]
async fn over_the_sockets_of_the_operating_system_a_row_differs_only_where_the_table_says_why() {
    if TcpListener::bind("[::1]:0").is_err() {
        eprintln!("this machine has no IPv6, which half of the rows are about");
        return;
    }
    let mut found = Vec::new();
    for version in BOTH {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).unwrap().port();
        let report = stock::run(version, &format!("semantics {port}")).await;
        found.extend(differences(&report, version, true));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_difference_has_its_reason_and_nothing_is_listed_twice() {
    let rows = table();
    let mut calls = BTreeMap::new();
    for row in &rows {
        assert!(calls.insert(&row.call, ()).is_none(), "`{}` is there twice", row.call);
        let differs = row.stock.iter().any(Option::is_some);
        assert_eq!(
            differs,
            !row.why.is_empty(),
            "`{}`: a reason for a difference, and only for one",
            row.call
        );
        assert!(row.ours.iter().any(Option::is_some), "`{}` is in no version", row.call);
        for (ours, stock) in row.ours.iter().zip(&row.stock) {
            assert!(stock.is_none() || ours.is_some() && ours != stock, "`{}` lists no difference", row.call);
        }
    }
    assert!(rows.len() > 250, "{} rows", rows.len());
}
