//! "Did you mean": the known word nearest to a mistyped one.

/// The candidate that few enough typing mistakes turn into `word`: at most one in three characters, ASCII case
/// counting as none. The first of equally near ones.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Longer words are no names of anybody, and the distance costs the product of the lengths.
    const LONGEST: usize = 64;
    let length = word.chars().count();
    if length > LONGEST {
        return None;
    }
    let allowed = (length / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate.chars().count().abs_diff(length) > allowed {
            continue;
        }
        let distance = distance(word, candidate);
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let mut previous_left = None;
    for (row, left) in left.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut current = Vec::with_capacity(last.len());
        let mut beside = row.saturating_add(1);
        current.push(beside);
        let mut previous_right = None;
        for (column, right) in right.iter().copied().enumerate() {
            let at = |line: &[usize], column: usize| line.get(column).copied().unwrap_or(usize::MAX);
            let replaced = at(&last, column).saturating_add(usize::from(left != right));
            let removed = at(&last, column.saturating_add(1)).saturating_add(1);
            let mut cost = replaced.min(removed).min(beside.saturating_add(1));
            if previous_left == Some(right)
                && previous_right == Some(left)
                && let Some(two_back) = column.checked_sub(1)
            {
                cost = cost.min(at(&before_last, two_back).saturating_add(1));
            }
            current.push(cost);
            beside = cost;
            previous_right = Some(right);
        }
        before_last = std::mem::replace(&mut last, current);
        previous_left = Some(left);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_single_mistakes() {
        assert_eq!(distance("port", "port"), 0);
        assert_eq!(distance("Port", "port"), 0);
        assert_eq!(distance("prot", "port"), 1);
        assert_eq!(distance("ports", "port"), 1);
        assert_eq!(distance("", "port"), 4);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn only_near_words_are_proposed() {
        let known = ["InputEndpoint", "InternalEndpoint", "InstanceInputEndpoint"];
        assert_eq!(nearest("InputEndpiont", known), Some("InputEndpoint"));
        assert_eq!(nearest("Banana", known), None);
        assert_eq!(nearest("WorkerRol1", ["WebRole1", "WorkerRole1"]), Some("WorkerRole1"));
        assert_eq!(nearest(&"x".repeat(100_000), known), None);
    }
}
