//! From text to tokens, with places.

use super::ast::Place;
use super::error::Fault;

/// What a token is; names, numbers and strings carry their text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    End,
    Sign(&'static str),
    Name(String),
    Int(String),
    Float(String),
    Text(String),
}

/// A token and where it starts.
#[derive(Debug, Clone)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) place: Place,
}

impl Token {
    /// As messages name it.
    pub(super) fn described(&self) -> String {
        match self {
            Self::End => "<EOF>".to_owned(),
            Self::Sign(sign) => format!("\"{sign}\""),
            Self::Name(text) => format!("Name \"{text}\""),
            Self::Int(text) => format!("Int \"{text}\""),
            Self::Float(text) => format!("Float \"{text}\""),
            Self::Text(text) => format!("String \"{text}\""),
        }
    }
}

struct Lexer<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    place: Place,
}

const SIGNS: [&str; 13] = ["!", "$", "&", "(", ")", ":", "=", "@", "[", "]", "{", "|", "}"];

/// All tokens of a text; the last one is the end.
pub(super) fn tokens(text: &str) -> Result<Vec<Lexeme>, Fault> {
    let mut lexer = Lexer { rest: text.chars().peekable(), place: Place { line: 1, column: 1 } };
    let mut found = Vec::new();
    loop {
        lexer.skip_ignored();
        let place = lexer.place;
        let token = lexer.token()?;
        let ended = token == Token::End;
        found.push(Lexeme { token, place });
        if ended {
            return Ok(found);
        }
    }
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.next()?;
        if next == '\n' {
            self.place = Place { line: self.place.line + 1, column: 1 };
        } else {
            self.place.column += 1;
        }
        Some(next)
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut text = String::new();
        while let Some(next) = self.peek().filter(|next| wanted(*next)) {
            text.push(next);
            self.next();
        }
        text
    }

    fn skip_ignored(&mut self) {
        while let Some(next) = self.peek() {
            if next == '#' {
                self.take_while(|c| c != '\n');
            } else if next.is_whitespace() || next == ',' || next == '\u{feff}' {
                self.next();
            } else {
                return;
            }
        }
    }

    fn token(&mut self) -> Result<Token, Fault> {
        let place = self.place;
        let Some(first) = self.peek() else { return Ok(Token::End) };
        if first.is_ascii_alphabetic() || first == '_' {
            return Ok(Token::Name(self.take_while(|c| c.is_ascii_alphanumeric() || c == '_')));
        }
        if first.is_ascii_digit() || first == '-' {
            return Ok(self.number());
        }
        self.next();
        if first == '"' {
            return self.text(place);
        }
        if first == '.' && self.take_while(|c| c == '.') == ".." {
            return Ok(Token::Sign("..."));
        }
        let sign = SIGNS.iter().find(|sign| sign.starts_with(first));
        sign.map(|sign| Token::Sign(sign))
            .ok_or_else(|| Fault::syntax(format!("Unexpected character: \"{first}\"."), place))
    }

    fn number(&mut self) -> Token {
        let text = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'));
        if text.contains(['.', 'e', 'E']) { Token::Float(text) } else { Token::Int(text) }
    }

    fn text(&mut self, start: Place) -> Result<Token, Fault> {
        if self.peek() == Some('"') {
            self.next();
            if self.peek() != Some('"') {
                return Ok(Token::Text(String::new()));
            }
            self.next();
            return self.block(start);
        }
        let mut text = String::new();
        loop {
            match self.next() {
                Some('"') => return Ok(Token::Text(text)),
                Some('\\') => text.push(self.escape(start)?),
                None | Some('\n') => return Err(Fault::syntax("Unterminated string.", start)),
                Some(other) => text.push(other),
            }
        }
    }

    fn block(&mut self, start: Place) -> Result<Token, Fault> {
        let mut text = String::new();
        while let Some(next) = self.next() {
            text.push(next);
            if text.ends_with("\"\"\"") && !text.ends_with("\\\"\"\"") {
                text.truncate(text.len() - 3);
                return Ok(Token::Text(text.replace("\\\"\"\"", "\"\"\"").trim().to_owned()));
            }
        }
        Err(Fault::syntax("Unterminated string.", start))
    }

    fn escape(&mut self, start: Place) -> Result<char, Fault> {
        let invalid = || Fault::syntax("Invalid character escape sequence.", start);
        Ok(match self.next().ok_or_else(invalid)? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'u' => {
                let first = self.unit(start)?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first).ok_or_else(invalid);
                }
                let paired = self.next() == Some('\\') && self.next() == Some('u');
                let second = if paired { self.unit(start)? } else { return Err(invalid()) };
                let low = second.checked_sub(0xdc00).ok_or_else(invalid)?;
                char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + low).ok_or_else(invalid)?
            }
            same @ ('"' | '\\' | '/') => same,
            _ => return Err(invalid()),
        })
    }

    fn unit(&mut self, start: Place) -> Result<u32, Fault> {
        let digits: String = (0..4).filter_map(|_| self.next()).collect();
        u32::from_str_radix(&digits, 16).map_err(|_| {
            Fault::syntax(format!("Invalid Unicode escape sequence: \"\\u{digits}\"."), start)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Token> {
        tokens(text).unwrap().into_iter().map(|lexeme| lexeme.token).collect()
    }

    #[test]
    fn commas_comments_and_space_separate_tokens() {
        let wanted = [
            Token::Name("a".to_owned()),
            Token::Sign("..."),
            Token::Int("-1".to_owned()),
            Token::Float("1.5e3".to_owned()),
            Token::End,
        ];
        assert_eq!(kinds("a,...# note }\n -1 1.5e3"), wanted);
    }

    #[test]
    fn strings_know_escapes_surrogates_and_blocks() {
        let text = |text: &str| vec![Token::Text(text.to_owned()), Token::End];
        assert_eq!(kinds(r#""a\"\u00e9\n\ud83e\udd80""#), text("a\"é\n🦀"));
        assert_eq!(kinds("\"\"\" a \"b\" \"\"\""), text("a \"b\""));
        assert_eq!(kinds("\"\""), text(""));
        assert!(tokens("\"open").is_err());
    }

    #[test]
    fn places_count_lines_and_columns_from_one() {
        let place = |at: usize| tokens("{\n  a }").unwrap()[at].place;
        assert_eq!(place(1), Place { line: 2, column: 3 });
    }
}
