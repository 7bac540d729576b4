//! "Did you mean": the server's guesses at a misspelt name.

/// The tail of a message, with a leading space, or nothing when no name is near.
pub(super) fn did_you_mean<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
    what: &str,
) -> String {
    let mut near: Vec<(usize, &str)> =
        known.into_iter().filter_map(|name| Some((distance(wrong, name)?, name))).collect();
    near.sort_unstable();
    let quoted: Vec<String> = near.iter().take(5).map(|(_, name)| format!("\"{name}\"")).collect();
    let listed = match quoted.as_slice() {
        [] => return String::new(),
        [one] => one.clone(),
        [first, second] => format!("{first} or {second}"),
        [many @ .., last] => format!("{}, or {last}", many.join(", ")),
    };
    format!(" Did you mean {what}{listed}?")
}

/// Edits between two names, swaps counting once, or nothing when they are too far apart.
fn distance(wrong: &str, known: &str) -> Option<usize> {
    let limit = wrong.chars().count() * 2 / 5 + 1;
    if wrong == known {
        return Some(0);
    }
    let (a, b): (Vec<char>, Vec<char>) =
        (wrong.to_lowercase().chars().collect(), known.to_lowercase().chars().collect());
    if a == b {
        return Some(1);
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best =
                (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + change);
            }
            row.push(best);
        }
        rows.push(row);
    }
    Some(rows[a.len()][b.len()]).filter(|edits| *edits <= limit)
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn the_nearest_names_come_first_and_far_ones_not_at_all() {
        let known = ["notes", "pets", "note", "pet", "companies"];
        let tail = did_you_mean("nopes", known, "");
        assert_eq!(tail, " Did you mean \"notes\", \"note\", \"pet\", or \"pets\"?");
        assert_eq!(did_you_mean("nope", ["name", "icon"], ""), " Did you mean \"name\"?");
        assert_eq!(did_you_mean("nope", ["icon"], ""), "");
    }
}
