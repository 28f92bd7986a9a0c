//! Finds the name that somebody who mistyped most likely meant.

/// Returns the name among `known` that is nearest to `given`; None if none is near enough to be worth naming.
pub(crate) fn nearest<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given = given.to_lowercase();
    // A long name costs time and cannot be near anything.
    if given.len() > 64 {
        return None;
    }
    known
        .into_iter()
        .map(|name| (distance(&given, name), name))
        .filter(|(distance, name)| *distance <= name.len().max(given.len()) / 2)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Number of letters to add, drop or change to make `a` into `b`; one name inside the other counts as near.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_nonsense_finds_none() {
        let known = ["content", "tags", "memory_type", "time_expr", "limit"];
        let table = [
            ("contents", Some("content")),
            ("tag", Some("tags")),
            ("memoryType", Some("memory_type")),
            ("LIMIT", Some("limit")),
            ("xyzzy", None),
            ("", None),
        ];
        for (given, wanted) in table {
            assert_eq!(nearest(given, known), wanted, "given {given}");
        }
        assert_eq!(nearest(&"limit".repeat(1000), known), None);
    }
}
