//! SQL's LIKE.

/// Whether `text` matches `pattern`, where `%` stands for any run and `_` for one character.
pub(super) fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut at, mut wanted) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match step(&pattern, wanted, text[at]) {
            Step::Run => {
                retry = Some((at, wanted));
                wanted += 1;
            }
            Step::Consumed(length) => {
                at += 1;
                wanted += length;
            }
            Step::Miss => {
                let Some((start, star)) = retry else { return false };
                retry = Some((start + 1, star));
                (at, wanted) = (start + 1, star + 1);
            }
        }
    }
    pattern[wanted..].iter().all(|c| *c == '%')
}

enum Step {
    Run,
    Consumed(usize),
    Miss,
}

fn step(pattern: &[char], wanted: usize, next: char) -> Step {
    match pattern.get(wanted) {
        Some('%') => Step::Run,
        Some('_') => Step::Consumed(1),
        Some('\\') if pattern.get(wanted + 1) == Some(&next) => Step::Consumed(2),
        Some(c) if *c == next => Step::Consumed(1),
        _ => Step::Miss,
    }
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn like_follows_sql() {
        assert!(like("page1", "page%"));
        assert!(like("page1", "%age_"));
        assert!(like("a%b", "a\\%b"));
        assert!(like("", "%"));
        assert!(like("abcabc", "%bc"));
        assert!(!like("page1", "page"));
        assert!(!like("Page1", "page1"));
    }
}
