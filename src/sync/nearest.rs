//! Names that look like one that nobody has.
//!
//! It exists because most unknown names are misspelt ones. Invariant: a suggestion is a name that would be understood.

/// How alike two names must be for a suggestion, where 1 is equal.
const ALIKE: f64 = 0.8;

/// How many are suggested.
const MOST: usize = 3;

/// What to suggest instead of `name`, the most alike first. Each object comes with what it is called and with all of its
/// names.
pub fn nearest<'a, Names: IntoIterator<Item = &'a str>>(
    objects: impl IntoIterator<Item = (&'a str, Names)>,
    name: &str,
) -> Vec<String> {
    let name = name.to_lowercase();
    let alike = |known: &str| strsim::jaro_winkler(&known.to_lowercase(), &name);
    let mut scored: Vec<(f64, &str)> = objects
        .into_iter()
        .map(|(called, names)| (names.into_iter().map(alike).fold(0.0, f64::max), called))
        .filter(|(score, _)| *score > ALIKE)
        .collect();
    scored.sort_by(|left, right| right.0.total_cmp(&left.0));
    scored.into_iter().take(MOST).map(|(_, called)| called.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_most_alike_come_first_by_any_of_their_names_and_strangers_never() {
        let objects = [
            ("companies", vec!["companies", "company"]),
            ("campaigns", vec!["campaigns", "campaign"]),
            ("people", vec!["people", "person"]),
        ];
        let found = |name| nearest(objects.clone(), name);
        assert_eq!(found("Compnay"), ["companies"]);
        assert_eq!(found("companys")[0], "companies");
        assert_eq!(found("persons"), ["people"]);
        assert!(found("zebra").is_empty());
        let same = [1, 2, 3, 4].map(|_| ("notes", ["notes"]));
        assert_eq!(nearest(same, "note").len(), 3);
    }
}
