//! The page that says which test stands for which row of the life cycle.

use std::fs;
use std::path::Path;

/// Everything in backquotes of one line, in order.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

#[test]
fn every_test_that_the_page_about_the_life_cycle_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/life-cycle.md")).unwrap();
    let mut tests = 0;
    for line in page.lines() {
        let words: Vec<&str> = quoted(line).collect();
        for pair in words.windows(2).filter(|pair| pair[0].ends_with(".rs")) {
            let (file, test) = (pair[0], pair[1]);
            let source =
                fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(source.contains(&format!("fn {test}(")), "{file} has no test {test}");
            tests += 1;
        }
        // A row without a test is no row.
        let row = line.starts_with("| ")
            && !["| what", "| event", "| it blocks"].iter().any(|head| line.starts_with(head));
        assert!(!row || words.iter().any(|word| word.ends_with(".rs")), "{line}");
    }
    assert!(tests > 30, "{tests}");
}
