//! From tokens to a document.
//!
//! Written by hand instead of taken from a library, because the messages and places of syntax errors are part of
//! what a client sees.

use super::ast::{
    Argument, Content, Directive, Document, Field, Fragment, Literal, Operation, OperationKind,
    Place, Selection, TypeRef, Variable,
};
use super::error::Fault;
use super::lexer::{self, Lexeme, Token};

/// Parses a request's text.
pub(super) fn parse(text: &str) -> Result<Document, Fault> {
    let mut parser = Parser { lexemes: lexer::tokens(text)?, at: 0 };
    let mut document = Document::default();
    loop {
        parser.definition(&mut document)?;
        if *parser.token() == Token::End {
            return Ok(document);
        }
    }
}

struct Parser {
    lexemes: Vec<Lexeme>,
    at: usize,
}

impl Parser {
    fn token(&self) -> &Token {
        &self.lexemes[self.at].token
    }

    fn place(&self) -> Place {
        self.lexemes[self.at].place
    }

    /// Moves on; the end stays where it is.
    fn advance(&mut self) -> Token {
        let token = self.token().clone();
        self.at = (self.at + 1).min(self.lexemes.len() - 1);
        token
    }

    fn expected(&self, what: &str) -> Fault {
        let found = self.token().described();
        Fault::syntax(format!("Expected {what}, found {found}."), self.place())
    }

    fn unexpected(&self) -> Fault {
        Fault::syntax(format!("Unexpected {}.", self.token().described()), self.place())
    }

    fn skip(&mut self, sign: &'static str) -> bool {
        let found = *self.token() == Token::Sign(sign);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Fault> {
        if self.skip(sign) { Ok(()) } else { Err(self.expected(&format!("\"{sign}\""))) }
    }

    fn name(&mut self) -> Result<String, Fault> {
        match self.token() {
            Token::Name(_) => match self.advance() {
                Token::Name(name) => Ok(name),
                _ => unreachable!("the token was a name"),
            },
            _ => Err(self.expected("Name")),
        }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.token(), Token::Name(name) if name == word)
    }

    /// One or more items between two signs, or none when the opening sign is not there.
    fn between<T>(
        &mut self,
        open: &'static str,
        close: &'static str,
        item: impl Fn(&mut Self) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut items = Vec::new();
        if self.skip(open) {
            items.push(item(self)?);
            while !self.skip(close) {
                items.push(item(self)?);
            }
        }
        Ok(items)
    }

    fn definition(&mut self, document: &mut Document) -> Result<(), Fault> {
        if self.is_word("fragment") {
            document.fragments.push(self.fragment()?);
        } else {
            document.operations.push(self.operation()?);
        }
        Ok(())
    }

    fn operation(&mut self) -> Result<Operation, Fault> {
        let place = self.place();
        if *self.token() == Token::Sign("{") {
            let (kind, selection) = (OperationKind::Query, self.selection()?);
            return Ok(Operation { kind, name: None, variables: Vec::new(), selection, place });
        }
        let kind = match self.token() {
            Token::Name(word) if word == "query" => OperationKind::Query,
            Token::Name(word) if word == "mutation" => OperationKind::Mutation,
            Token::Name(word) if word == "subscription" => OperationKind::Subscription,
            _ => return Err(self.unexpected()),
        };
        self.advance();
        let named = matches!(self.token(), Token::Name(_));
        let name = if named { Some(self.name()?) } else { None };
        let variables = self.between("(", ")", Self::variable)?;
        self.directives()?;
        Ok(Operation { kind, name, variables, selection: self.selection()?, place })
    }

    fn fragment(&mut self) -> Result<Fragment, Fault> {
        let place = self.place();
        self.advance();
        let name = self.name()?;
        if !self.is_word("on") {
            return Err(self.expected("\"on\""));
        }
        self.advance();
        let on = self.name()?;
        self.directives()?;
        Ok(Fragment { name, on, selection: self.selection()?, place })
    }

    fn variable(&mut self) -> Result<Variable, Fault> {
        let place = self.place();
        self.expect("$")?;
        let name = self.name()?;
        self.expect(":")?;
        let type_place = self.place();
        let of = self.type_ref()?;
        let default = if self.skip("=") { Some(self.value()?) } else { None };
        self.directives()?;
        Ok(Variable { name, of, default, place, type_place })
    }

    fn type_ref(&mut self) -> Result<TypeRef, Fault> {
        let inner = if self.skip("[") {
            let inner = self.type_ref()?.list();
            self.expect("]")?;
            inner
        } else {
            TypeRef::Named(self.name()?)
        };
        Ok(if self.skip("!") { inner.required() } else { inner })
    }

    fn selection(&mut self) -> Result<Vec<Selection>, Fault> {
        if *self.token() != Token::Sign("{") {
            return Err(self.expected("\"{\""));
        }
        self.between("{", "}", Self::selected)
    }

    fn selected(&mut self) -> Result<Selection, Fault> {
        let place = self.place();
        if !self.skip("...") {
            return Ok(Selection::Field(Box::new(self.field()?)));
        }
        if matches!(self.token(), Token::Name(word) if word != "on") {
            let name = self.name()?;
            return Ok(Selection::Spread { name, directives: self.directives()?, place });
        }
        let on = if self.is_word("on") {
            self.advance();
            Some(self.name()?)
        } else {
            None
        };
        Ok(Selection::Inline { on, directives: self.directives()?, selection: self.selection()? })
    }

    fn field(&mut self) -> Result<Field, Fault> {
        let place = self.place();
        let first = self.name()?;
        let (alias, name) =
            if self.skip(":") { (Some(first), self.name()?) } else { (None, first) };
        let arguments = self.between("(", ")", Self::argument)?;
        let directives = self.directives()?;
        let open = *self.token() == Token::Sign("{");
        let selection = if open { self.selection()? } else { Vec::new() };
        Ok(Field { alias, name, arguments, directives, selection, place })
    }

    fn argument(&mut self) -> Result<Argument, Fault> {
        let place = self.place();
        let name = self.name()?;
        self.expect(":")?;
        Ok(Argument { name, value: self.value()?, place })
    }

    fn directives(&mut self) -> Result<Vec<Directive>, Fault> {
        let mut found = Vec::new();
        while *self.token() == Token::Sign("@") {
            let place = self.place();
            self.advance();
            let name = self.name()?;
            found.push(Directive {
                name,
                arguments: self.between("(", ")", Self::argument)?,
                place,
            });
        }
        Ok(found)
    }

    fn value(&mut self) -> Result<Literal, Fault> {
        let place = self.place();
        let content = match self.token().clone() {
            Token::Sign("$") => {
                self.advance();
                return Ok(Literal { content: Content::Variable(self.name()?), place });
            }
            Token::Sign("[") => return self.list(place),
            Token::Sign("{") => return self.object(place),
            Token::Int(text) => Content::Int(text),
            Token::Float(text) => Content::Float(text),
            Token::Text(text) => Content::Text(text),
            Token::Name(word) => match word.as_str() {
                "true" => Content::Boolean(true),
                "false" => Content::Boolean(false),
                "null" => Content::Null,
                _ => Content::Enum(word),
            },
            _ => return Err(self.unexpected()),
        };
        self.advance();
        Ok(Literal { content, place })
    }

    fn list(&mut self, place: Place) -> Result<Literal, Fault> {
        self.expect("[")?;
        let mut items = Vec::new();
        while !self.skip("]") {
            items.push(self.value()?);
        }
        Ok(Literal { content: Content::List(items), place })
    }

    fn object(&mut self, place: Place) -> Result<Literal, Fault> {
        self.expect("{")?;
        let mut entries = Vec::new();
        while !self.skip("}") {
            entries.push(self.argument()?);
        }
        Ok(Literal { content: Content::Object(entries), place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_keeps_aliases_variables_and_fragments() {
        let text = "query Q($n: [Int!]! = [1]) { a: b(x: {y: $n}) { ...F ... on T { c } } } \
                    fragment F on T { d }";
        let document = parse(text).unwrap();
        let operation = &document.operations[0];
        assert_eq!(operation.variables[0].of.to_string(), "[Int!]!");
        assert_eq!(document.fragments[0].on, "T");
        let Selection::Field(field) = &operation.selection[0] else { panic!("no field") };
        assert_eq!((field.key(), field.name.as_str()), ("a", "b"));
        assert_eq!(field.arguments[0].value.spelled(), "{ y: $n }");
        assert_eq!(field.selection.len(), 2);
    }

    #[test]
    fn a_missing_parenthesis_is_reported_where_the_next_argument_should_be() {
        let fault = parse("{ companies(first:1 { totalCount } }").unwrap_err();
        assert_eq!(fault.message, "Syntax Error: Expected Name, found \"{\".");
        assert_eq!(fault.places, [Place { line: 1, column: 21 }]);
    }

    #[test]
    fn an_empty_selection_is_a_syntax_error() {
        assert_eq!(parse("{ }").unwrap_err().message, "Syntax Error: Expected Name, found \"}\".");
        assert_eq!(parse("").unwrap_err().message, "Syntax Error: Unexpected <EOF>.");
    }
}
