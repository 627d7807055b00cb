//! Tables of text.

use super::clean::clean;

/// Rows in columns as wide as their widest cell; the last one ends where it ends. Names come from files that somebody
/// wrote, so what could move a cursor is shown as text.
pub fn aligned<const N: usize>(heading: [String; N], rows: impl Iterator<Item = [String; N]>) -> String {
    const GAP: usize = 2;
    let clean = |row: [String; N]| row.map(|cell| clean(cell.as_bytes(), false));
    let rows: Vec<[String; N]> = std::iter::once(heading).chain(rows).map(clean).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; N]| {
        let cells =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}", width = width + GAP));
        let mut line = cells.collect::<String>().trim_end().to_owned();
        line.push('\n');
        line
    };
    rows.iter().map(line).collect()
}

/// A cell with several things in it, or none.
pub fn listed(things: impl Iterator<Item = String>) -> String {
    let things: Vec<String> = things.collect();
    if things.is_empty() { "-".to_owned() } else { things.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let text =
            aligned(row(["A", "BB", "C"]), [row(["aaaa", "b", "c c c"]), row(["grün", "", ""])].into_iter());
        assert_eq!(text, "A     BB  C\naaaa  b   c c c\ngrün\n");
    }

    #[test]
    fn a_cell_cannot_leave_its_row() {
        assert_eq!(
            aligned(["A".to_owned()], std::iter::once(["a\n\x1b[2J".to_owned()])),
            "A\na\\n\\u{1b}[2J\n"
        );
    }
}
