//! What instances use.

use std::collections::BTreeMap;

use wasm_roles_control_interface::{TopRow, TopTable};

use super::super::columns::fitted;

/// A table. `before` is an earlier reading: then the share of a processor since that is shown, otherwise the time so far.
pub fn top(now: &TopTable, before: Option<&TopTable>, line_length: Option<usize>) -> String {
    let before = before.map(|table| {
        let elapsed = now.now.as_duration().saturating_sub(table.now.as_duration());
        let rows: BTreeMap<&str, &TopRow> =
            table.rows.iter().map(|row| (row.instance.as_str(), row)).collect();
        (rows, u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    });
    let cpu = |row: &TopRow| match &before {
        Some((rows, elapsed)) => rows.get(row.instance.as_str()).map_or_else(String::new, |earlier| {
            let used = row.cpu_millis.saturating_sub(earlier.cpu_millis);
            share(used, *elapsed)
        }),
        None => seconds(row.cpu_millis),
    };
    let rows = now.rows.iter().map(|row| {
        vec![
            row.instance.clone(),
            row.state.to_string(),
            cpu(row),
            bytes(row.memory_bytes),
            bytes(row.memory_limit_bytes),
            row.connections.to_string(),
            bytes(row.bytes_in),
            bytes(row.bytes_out),
            row.restarts.to_string(),
        ]
    });
    let heading = ["INSTANCE", "STATE", "CPU", "MEMORY", "LIMIT", "CONNECTIONS", "IN", "OUT", "RESTARTS"];
    fitted(&heading, rows.collect(), line_length)
}

/// Such as `12.3 %` of one processor.
fn share(used_millis: u64, elapsed_millis: u64) -> String {
    let thousandths = used_millis.saturating_mul(1000).checked_div(elapsed_millis).unwrap_or_default();
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

fn seconds(millis: u64) -> String {
    format!("{}.{:02} s", millis / 1000, millis % 1000 / 10)
}

/// Such as `1.5 MiB`; below a KiB `300 B`.
fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let fits = UNITS.into_iter().find(|(_, shift)| bytes >> shift > 0);
    fits.map_or_else(
        || format!("{bytes} B"),
        |(unit, shift)| {
            let tenths = u128::from(bytes).saturating_mul(10) >> shift;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_units_for_people() {
        for (number, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (5 << 20, "5.0 MiB"),
            (u64::MAX, "17179869183.9 GiB"),
        ] {
            assert_eq!(bytes(number), expected);
        }
        assert_eq!(
            (share(250, 2000), share(0, 0), seconds(1_239)),
            ("12.5 %".into(), "0.0 %".into(), "1.23 s".into())
        );
    }
}
