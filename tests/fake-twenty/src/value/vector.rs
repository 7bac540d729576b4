//! `searchVector`: a generated column that shows up in every record and cannot be written.
//!
//! Only what a reader of records sees is imitated: words in lower case with their positions.

use std::collections::BTreeMap;

use crate::world::{Cell, Kind, Object, Row};

/// Sources for standard objects, whose metadata does not show the expression. `phones` stands for its five forms.
const SOURCES: [(&str, &[&str]); 6] = [
    (
        "person",
        &[
            "name.firstName",
            "name.lastName",
            "emails.primaryEmail",
            "@domain",
            "@phones",
            "jobTitle",
        ],
    ),
    ("company", &["name", "domainName.primaryLinkUrl"]),
    ("note", &["title", "bodyV2.markdown"]),
    ("task", &["title", "bodyV2.markdown"]),
    ("workspaceMember", &["name.firstName", "name.lastName", "userEmail"]),
    ("dashboard", &["title"]),
];

/// Fills the generated columns of a row.
pub(crate) fn fill(object: &Object, row: &mut Row) {
    for (at, column) in object.columns.iter().enumerate() {
        if column.kind == Kind::Vector {
            let text = text_of(object, row, column.field);
            row.cells[at] = Cell::text(vector(&text));
        }
    }
}

fn text_of(object: &Object, row: &Row, field: uuid::Uuid) -> String {
    let paths = SOURCES.iter().find(|(name, _)| *name == object.name_singular && !object.is_custom);
    if let Some((_, paths)) = paths {
        let parts: Vec<String> = paths.iter().map(|path| part(object, row, path)).collect();
        return parts.join(" ");
    }
    let expression =
        object.field_by_id(field).and_then(|field| field.settings["asExpression"].as_str());
    let named = expression.map_or_else(|| "name".to_owned(), quoted_name);
    object
        .columns
        .iter()
        .zip(&row.cells)
        .find(|(column, _)| column.database_name() == named)
        .and_then(|(_, cell)| cell.to_sql_text())
        .unwrap_or_default()
}

fn quoted_name(expression: &str) -> String {
    expression.split('"').nth(1).unwrap_or("name").to_owned()
}

fn part(object: &Object, row: &Row, path: &str) -> String {
    let text = |path: &str| {
        let cell = object.column_index(path).map(|at| &row.cells[at]);
        cell.and_then(Cell::to_sql_text).unwrap_or_default()
    };
    match path {
        "@domain" => text("emails.primaryEmail")
            .split_once('@')
            .map_or(String::new(), |(_, host)| host.to_owned()),
        "@phones" => {
            let (number, calling) =
                (text("phones.primaryPhoneNumber"), text("phones.primaryPhoneCallingCode"));
            let bare = calling.trim_start_matches('+');
            format!("{number} {calling} {calling}{number} {bare}{number} 0{number}")
        }
        _ => text(path),
    }
}

fn vector(text: &str) -> String {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let text = plain_letters(text).replace("https://", " ").replace("http://", " ");
    let words = text.split(separates);
    let words =
        words.map(|word| word.trim_matches(['.', '-', '/'])).filter(|word| !word.is_empty());
    let words = words.filter(|word| word.chars().any(char::is_alphanumeric)).flat_map(with_parts);
    for (at, word) in words.enumerate() {
        places.entry(word.to_lowercase()).or_default().push(at + 1);
    }
    let print = |(word, at): (&String, &Vec<usize>)| {
        let at: Vec<String> = at.iter().map(ToString::to_string).collect();
        format!("'{word}':{}", at.join(","))
    };
    places.iter().map(print).collect::<Vec<_>>().join(" ")
}

fn separates(c: char) -> bool {
    let marks =
        [',', ';', ':', '!', '?', '(', ')', '"', '\'', '*', '#', '“', '”', '[', ']', '{', '}', '&'];
    c.is_whitespace() || marks.contains(&c)
}

/// A hyphenated word counts as a whole and in parts.
fn with_parts(word: &str) -> impl Iterator<Item = &str> {
    let is_word = |part: &str| !part.is_empty() && part.chars().all(char::is_alphabetic);
    let parts = word.split('-').filter(move |_| word.contains('-') && word.split('-').all(is_word));
    std::iter::once(word).chain(parts)
}

/// Letters with the signs that they lose before the search sees them.
const ACCENTED: [(char, &str); 14] = [
    ('a', "àáâãäåāă"),
    ('c', "çćč"),
    ('e', "èéêëēęě"),
    ('i', "ìíîïī"),
    ('l', "ł"),
    ('n', "ñńň"),
    ('o', "òóôõöøōő"),
    ('r', "ř"),
    ('s', "śšş"),
    ('t', "ťţ"),
    ('u', "ùúûüūůű"),
    ('y', "ýÿ"),
    ('z', "źżž"),
    ('d', "ďđ"),
];

/// Lower case without accents and marks; a registered mark becomes a letter in brackets.
fn plain_letters(text: &str) -> String {
    if text.is_ascii() {
        return text.to_lowercase();
    }
    let plain = |c: char| {
        if c.is_ascii() {
            return c;
        }
        let found = ACCENTED.iter().find(|(_, signed)| signed.contains(c));
        found.map_or(c, |(letter, _)| *letter)
    };
    text.to_lowercase().replace('®', " (r) ").replace('™', " ").chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::vector;

    #[test]
    fn words_are_sorted_and_keep_their_places() {
        assert_eq!(vector("New (name), \"q\""), "'name':2 'new':1 'q':3");
        assert_eq!(vector("a b a"), "'a':1,3 'b':2");
        assert_eq!(vector("Schrödinger® R&D™"), "'d':4 'r':2,3 'schrodinger':1");
        assert_eq!(vector("Snap-on m-files.com"), "'m-files.com':4 'on':3 'snap':2 'snap-on':1");
        assert_eq!(vector("Acme https://acme.example"), "'acme':1 'acme.example':2");
    }
}
