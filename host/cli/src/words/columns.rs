//! Tables of text.

use super::clean::clean;

const GAP: usize = 2;
/// A column is not made smaller than this to fit into a terminal.
const NARROWEST: usize = 6;
/// As long as others can give way.
const WIDE_ENOUGH: usize = 12;

/// Rows in columns as wide as their widest cell; the last one ends where it ends. Names come from files that somebody
/// wrote, so what could move a cursor is shown as text.
pub fn aligned<const N: usize>(heading: [String; N], rows: impl Iterator<Item = [String; N]>) -> String {
    lines(std::iter::once(heading).chain(rows).map(Vec::from).collect(), None)
}

/// The same in lines of at most so many characters: the widest columns are made smaller, and what does not fit into a cell ends
/// with `…`. Columns without anything in them are left out.
pub fn fitted(heading: &[&str], rows: Vec<Vec<String>>, line_length: Option<usize>) -> String {
    let used: Vec<bool> = (0..heading.len())
        .map(|column| rows.iter().any(|row| row.get(column).is_some_and(|cell| !cell.is_empty())))
        .collect();
    let kept = |row: Vec<String>| {
        row.into_iter().zip(&used).filter(|(_, used)| **used).map(|(cell, _)| cell).collect()
    };
    let heading = heading.iter().map(|cell| (*cell).to_owned()).collect();
    lines(std::iter::once(heading).chain(rows).map(kept).collect(), line_length)
}

fn lines(rows: Vec<Vec<String>>, line_length: Option<usize>) -> String {
    let clean = |row: Vec<String>| row.iter().map(|cell| clean(cell.as_bytes(), false)).collect();
    let rows: Vec<Vec<String>> = rows.into_iter().map(clean).collect();
    let mut widths = vec![0; rows.first().map_or(0, Vec::len)];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    if let Some(line_length) = line_length {
        squeeze(&mut widths, line_length);
    }
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{:<width$}", cut(cell, *width), width = width.saturating_add(GAP)));
        let mut line = cells.collect::<String>().trim_end().to_owned();
        line.push('\n');
        line
    };
    rows.iter().map(line).collect()
}

/// Makes columns smaller until all of them fit, or none can be made smaller: first the wide ones on the right, where sentences
/// are, then all.
fn squeeze(widths: &mut [usize], line_length: usize) {
    let half = widths.len() / 2;
    for (from, narrowest) in [(half, WIDE_ENOUGH), (0, NARROWEST)] {
        let gaps = widths.len().saturating_sub(1).saturating_mul(GAP);
        while widths.iter().sum::<usize>().saturating_add(gaps) > line_length {
            match widths.iter_mut().skip(from).max() {
                Some(widest) if *widest > narrowest => *widest = widest.saturating_sub(1),
                _ => break,
            }
        }
    }
}

fn cut(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    cell.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// A cell with several things in it, or none.
pub fn listed(things: impl Iterator<Item = String>) -> String {
    let things: Vec<String> = things.collect();
    if things.is_empty() { "-".to_owned() } else { things.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: [&str; 3]) -> [String; 3] {
        cells.map(str::to_owned)
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
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

    #[test]
    fn in_a_narrow_terminal_the_widest_columns_give_way() {
        let table = |line_length| {
            let row = row(["Web_IN_0", "a long reason why it was recycled", "short"]);
            fitted(&["INSTANCE", "REASON", "X"], vec![row.to_vec()], line_length)
        };
        assert_eq!(table(Some(30)), "INSTANCE  REASON         X\nWeb_IN_0  a long reaso…  short\n");
        assert!(table(Some(30)).lines().all(|line| line.chars().count() <= 30));
        assert_eq!(table(Some(200)), table(None));
        // What cannot be made to fit is cut as far as it makes sense.
        assert_eq!(table(Some(1)), "INSTA…  REASON  X\nWeb_I…  a lon…  short\n");
    }

    #[test]
    fn a_column_without_anything_in_it_is_left_out() {
        let rows = vec![row(["a", "", "c"]).to_vec(), row(["", "", ""]).to_vec()];
        assert_eq!(fitted(&["A", "B", "C"], rows, None), "A  C\na  c\n\n");
    }
}
