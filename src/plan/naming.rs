//! Gives tables and columns names that PostgreSQL can hold and that never clash.
//!
//! It exists because names come from a workspace: they can be longer than 63 bytes, differ only in letter
//! case, or be names that PostgreSQL keeps for itself. Invariants: a name fits 63 bytes; no two names of one
//! scope are equal; a name once given is kept by the caller, so names do not depend on what comes later.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

/// The longest identifier PostgreSQL keeps whole, in bytes.
pub const MAX_BYTES: usize = 63;

/// Columns that every table has without asking.
const SYSTEM_COLUMNS: &[&str] = &["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// A name like `wanted` that fits and is not in `taken`; `identity` tells apart what is called the same.
/// The name is put into `taken`.
pub(super) fn claim(wanted: &str, identity: &str, taken: &mut HashSet<String>) -> String {
    let clean = wanted.replace('\0', "_");
    let fits = !clean.is_empty() && clean.len() <= MAX_BYTES && clean == wanted;
    let mut name = clean.clone();
    let mut salt = 0;
    while !fits && salt == 0 || SYSTEM_COLUMNS.contains(&name.as_str()) || taken.contains(&name) {
        name = with_hash(&clean, identity, salt);
        salt += 1;
    }
    taken.insert(name.clone());
    name
}

/// As much of `name` as leaves room for `_` and eight hexadecimal digits.
fn with_hash(name: &str, identity: &str, salt: u32) -> String {
    let digest = Sha256::digest(format!("{name}\n{identity}\n{salt}"));
    let hash = format!("{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3]);
    let mut end = name.len().min(MAX_BYTES - 1 - hash.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}_{hash}", &name[..end])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::{MAX_BYTES, claim};

    #[test]
    fn an_ordinary_name_is_kept() {
        assert_eq!(claim("job_title", "1", &mut HashSet::new()), "job_title");
    }

    #[test]
    fn a_clash_a_system_column_and_a_long_name_get_a_hash() {
        let mut taken = HashSet::from(["name".to_owned()]);
        let long = "é".repeat(40);
        for wanted in ["name", "xmin", "", "a\0b", &long] {
            let name = claim(wanted, "field", &mut taken);
            assert!(name.len() <= MAX_BYTES && name != wanted && !name.contains('\0'), "{name}");
        }
    }

    #[test]
    fn a_name_keeps_as_much_of_what_was_wanted_as_fits() {
        let fresh = |wanted: &str| claim(wanted, "field", &mut HashSet::new());
        let longest = "a".repeat(MAX_BYTES);
        assert_eq!(fresh(&longest), longest);
        let cut = fresh(&format!("{longest}b"));
        assert_eq!((cut.len(), &cut[..55]), (MAX_BYTES, &format!("{}_", "a".repeat(54))[..]));
        // A letter of two bytes is kept whole or left out.
        let cut = fresh(&format!("a{}", "é".repeat(40)));
        assert!(cut.starts_with(&format!("a{}_", "é".repeat(26))), "{cut}");
        assert!(fresh("xmin").starts_with("xmin_"));
    }

    #[test]
    fn a_clash_is_told_apart_by_identity_and_always_alike() {
        let second = |identity: &str| {
            let mut taken = HashSet::from(["name".to_owned()]);
            claim("name", identity, &mut taken)
        };
        assert_eq!(second("one"), second("one"));
        assert_ne!(second("one"), second("other"));
        let mut taken = HashSet::from(["name".to_owned()]);
        let names = [(), (), ()].map(|()| claim("name", "one", &mut taken));
        assert_eq!(HashSet::from(names).len(), 3, "even one identity never gets a name twice");
    }

    proptest! {
        #[test]
        fn names_always_fit_and_never_clash(wanted in proptest::collection::vec("\\PC{0,40}|[ab]{60,70}|name|xmax", 1..20)) {
            let mut taken = HashSet::new();
            let names: Vec<_> =
                wanted.iter().enumerate().map(|(index, name)| claim(name, &index.to_string(), &mut taken)).collect();
            prop_assert!(names.iter().all(|name| !name.is_empty() && name.len() <= MAX_BYTES && !name.contains('\0')));
            prop_assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        }
    }
}
