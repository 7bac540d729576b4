//! The filter grammar of REST, with its lack of any escape.

use serde_json::Value;

use crate::error::ServerError;
use crate::filter::{Filter, Operator};

const COMPARATORS: [&str; 12] = [
    "eq",
    "neq",
    "in",
    "containsAny",
    "is",
    "gt",
    "gte",
    "lt",
    "lte",
    "startsWith",
    "like",
    "ilike",
];

/// Parses a filter.
pub(super) fn parse(text: &str) -> Result<Filter, ServerError> {
    check_brackets(text)?;
    let grouped = text.contains('(') && text.contains(')');
    if grouped { condition(text) } else { condition(&format!("and({text})")) }
}

/// Parentheses are counted over everything, quoted or not.
fn check_brackets(text: &str) -> Result<(), ServerError> {
    let count = |wanted: char| text.chars().filter(|c| *c == wanted).count();
    let (opened, closed) = (count('('), count(')'));
    let (which, missing) =
        if opened > closed { ("close", opened - closed) } else { ("open", closed - opened) };
    let verb = match missing {
        0 => return Ok(()),
        1 => "bracket is",
        _ => "brackets are",
    };
    Err(ServerError::bad_request(format!(
        "'filter' invalid. {missing} {which} {verb} missing in the query"
    )))
}

fn condition(text: &str) -> Result<Filter, ServerError> {
    let Some((word, content)) = group(text) else { return comparison(text) };
    let mut parts = split(content).into_iter().map(condition).collect::<Result<Vec<_>, _>>()?;
    Ok(match word {
        "and" => Filter::And(parts),
        "or" => Filter::Or(parts),
        _ => {
            let inner = parts.pop().filter(|_| parts.is_empty()).ok_or_else(|| {
                let rule =
                    "'not' conjunction should contain only 1 condition. eg: not(field[eq]:1)";
                ServerError::bad_request(format!("'filter' invalid. {rule}"))
            })?;
            Filter::Not(Box::new(inner))
        }
    })
}

fn group(text: &str) -> Option<(&str, &str)> {
    let word =
        ["and", "or", "not"].into_iter().find(|word| text.starts_with(&format!("{word}(")))?;
    let content = text[word.len() + 1..].strip_suffix(')')?;
    (!content.is_empty() && !content.contains('\n')).then_some((word, content))
}

/// Splits at the commas outside of parentheses, brackets and quotes; a stray quote or bracket moves the borders.
fn split(content: &str) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut depth, mut brackets, mut quote) = (0_i32, 0_i32, None);
    for (at, c) in content.char_indices() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            ('(', None) => depth += 1,
            (')', None) => depth -= 1,
            ('[', None) => brackets += 1,
            (']', None) => brackets -= 1,
            (',', None) if depth == 0 && brackets == 0 => {
                parts.push(&content[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&content[start..]);
    parts
}

fn comparison(text: &str) -> Result<Filter, ServerError> {
    let (path, comparator, value) = pieces(text).ok_or_else(|| {
        ServerError::bad_request(format!("'filter' invalid for '{text}'. eg: price[gte]:10"))
    })?;
    let operator = Operator::named(comparator)
        .filter(|_| COMPARATORS.contains(&comparator))
        .ok_or_else(|| {
            let known = COMPARATORS.join(", ");
            ServerError::bad_request(format!(
                "'filter' invalid for '{text}', comparator {comparator} not in {known}"
            ))
        })?;
    let value = match operator {
        Operator::In | Operator::ContainsAny => list(comparator, value)?,
        Operator::Is => Value::from(value),
        _ => Value::from(unquoted(value)),
    };
    Ok(Filter::compare(path, operator, value))
}

/// `path[comparator]:value`, where the last bracket that leaves something to read opens the comparator.
fn pieces(text: &str) -> Option<(&str, &str, &str)> {
    if text.contains('\n') {
        return None;
    }
    text.rmatch_indices('[').find_map(|(open, _)| {
        let rest = &text[open + 1..];
        let close = rest.rfind("]:")?;
        let (path, comparator, value) = (&text[..open], &rest[..close], &rest[close + 2..]);
        let complete = !path.is_empty() && !comparator.is_empty() && !value.is_empty();
        complete.then_some((path, comparator, value))
    })
}

/// Lists split at every comma; quotes do not protect.
fn list(comparator: &str, value: &str) -> Result<Value, ServerError> {
    let inner =
        value.strip_prefix('[').and_then(|value| value.strip_suffix(']')).ok_or_else(|| {
            let example = "eg: 'field[in]:[value_1,value_2]'";
            let what = format!("'filter' invalid for '{comparator}' operator. Received '{value}'");
            ServerError::bad_request(format!("{what} but array value expected {example}"))
        })?;
    Ok(inner.split(',').map(|item| Value::from(unquoted(item))).collect())
}

/// One pair of quotes is removed, nothing is unescaped.
fn unquoted(value: &str) -> &str {
    let inner = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eq(path: &str, value: &str) -> Filter {
        Filter::compare(path, Operator::Eq, value)
    }

    #[test]
    fn a_plain_list_is_an_and() {
        assert_eq!(
            parse("a[eq]:1,b[eq]:2").unwrap(),
            Filter::And(vec![eq("a", "1"), eq("b", "2")])
        );
    }

    #[test]
    fn groups_nest() {
        let parsed = parse("and(or(a[eq]:1,a[eq]:2),not(b[eq]:3))").unwrap();
        let either = Filter::Or(vec![eq("a", "1"), eq("a", "2")]);
        assert_eq!(parsed, Filter::And(vec![either, Filter::Not(Box::new(eq("b", "3")))]));
    }

    #[test]
    fn one_pair_of_quotes_is_removed_and_protects_commas() {
        assert_eq!(parse("a[eq]:\"x,y\"").unwrap(), Filter::And(vec![eq("a", "x,y")]));
        assert_eq!(parse("a[eq]:'x'").unwrap(), Filter::And(vec![eq("a", "x")]));
    }

    #[test]
    fn lists_split_at_every_comma() {
        let parsed = parse("a[in]:[\"x,y\",z]").unwrap();
        assert_eq!(
            parsed,
            Filter::And(vec![Filter::compare("a", Operator::In, vec!["\"x", "y\"", "z"])])
        );
    }

    #[test]
    fn parentheses_count_inside_quotes() {
        let text = |text: &str| parse(text).unwrap_err().message;
        assert_eq!(
            text("and(a[eq]:1"),
            "'filter' invalid. 1 close bracket is missing in the query"
        );
        assert_eq!(
            text("a[eq]:\"x)y\""),
            "'filter' invalid. 1 open bracket is missing in the query"
        );
    }

    #[test]
    fn a_value_with_both_parentheses_switches_the_implicit_and_off() {
        assert!(
            parse("a[eq]:(x),b[eq]:1").is_ok_and(|filter| matches!(filter, Filter::Compare { .. }))
        );
    }

    #[test]
    fn a_newline_breaks_the_match() {
        assert!(parse("a[eq]:x\ny").is_err());
    }

    #[test]
    fn unknown_comparators_and_bare_names_are_refused() {
        assert!(
            parse("a[containsIlike]:x")
                .unwrap_err()
                .message
                .contains("comparator containsIlike not in eq")
        );
        assert_eq!(
            parse("and(a[eq])").unwrap_err().message,
            "'filter' invalid for 'a[eq]'. eg: price[gte]:10"
        );
    }
}
