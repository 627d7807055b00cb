//! Comparing with the expected files.

use std::fs;
use std::path::Path;

/// Compares `actual` with `tests/golden/<name>.txt`, or writes that file when `BLESS` is set.
pub fn assert_golden(name: &str, actual: &str) {
    let actual = without_compilations(actual);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.txt"));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        actual == expected,
        "{name} is not as expected (BLESS=1 accepts it)\n--- expected\n{expected}\n--- actual\n{actual}"
    );
}

/// A text without the lines about components that take long to compile: on a busy machine any of them does.
fn without_compilations(text: &str) -> String {
    let is_about_one = |line: &&str| {
        line.starts_with("compiling ") && line.trim_end().ends_with(" for this machine")
            || line.starts_with("compiled ") && line.trim_end().ends_with(" s")
    };
    text.split_inclusive('\n').filter(|line| !is_about_one(line)).collect()
}
