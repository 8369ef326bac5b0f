//! The grammar of conditions.

use crate::ParseError;
use crate::criterion::{Comparison, Expression, Literal, Relation, Test, Value};
use crate::token::{Token, Word, tokens};

/// How deep parentheses and `not` may nest; a text of a million parentheses must not exhaust the
/// stack.
const DEEPEST: usize = 64;

pub(crate) fn parse(text: &str) -> Result<Expression, ParseError> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0 };
    let expression = parser.condition()?;
    match parser.peek() {
        Word::End => Ok(expression),
        _ => Err(parser.refuse("expected `and`, `or` or the end of the condition")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn condition(&mut self) -> Result<Expression, ParseError> {
        self.chain("or", Self::conjunction, Expression::Any)
    }

    fn conjunction(&mut self) -> Result<Expression, ParseError> {
        self.chain("and", Self::negation, Expression::All)
    }

    /// Parts that are joined by a word; one part alone stays what it is.
    fn chain(
        &mut self,
        word: &str,
        part: impl Fn(&mut Self) -> Result<Expression, ParseError>,
        join: impl Fn(Vec<Expression>) -> Expression,
    ) -> Result<Expression, ParseError> {
        let first = part(self)?;
        let mut parts = vec![first];
        while self.accept_name(word) {
            parts.push(part(self)?);
        }
        Ok(if parts.len() > 1 { join(parts) } else { parts.remove(0) })
    }

    fn negation(&mut self) -> Result<Expression, ParseError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.refuse("the condition is nested too deeply"));
        }
        let expression = if self.accept_name("not") {
            Expression::Not(Box::new(self.negation()?))
        } else if self.accept_sign("(") {
            let inner = self.condition()?;
            self.expect_sign(")")?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn comparison(&mut self) -> Result<Expression, ParseError> {
        let column_at = self.at();
        let column = self.column()?;
        let at = self.at();
        let test = |comparison| Expression::Test(Test { column, column_at, comparison, at });
        if self.accept_name("is") {
            let is_negated = self.accept_name("not");
            if !self.accept_name("missing") {
                return Err(self.refuse("expected `missing`"));
            }
            return Ok(negated(is_negated, test(Comparison::Missing)));
        }
        let is_negated = self.accept_name("not");
        if self.accept_name("in") {
            return Ok(negated(is_negated, test(self.set()?)));
        }
        match self.relation() {
            Some(relation) if !is_negated => Ok(test(Comparison::Is(relation, self.literal()?))),
            _ if is_negated => Err(self.refuse("expected `in`")),
            _ => {
                Err(self
                    .refuse("expected a comparison: ==, !=, <, <=, >, >=, `in` or `is missing`"))
            }
        }
    }

    fn column(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            Word::Quoted(name) => {
                let name = name.clone();
                self.next += 1;
                Ok(name)
            }
            Word::Name(name) if !is_reserved(name) => {
                let name = name.clone();
                self.next += 1;
                Ok(name)
            }
            Word::Number(_) | Word::Text(_) | Word::Date(_) => {
                Err(self.refuse("a comparison begins with the name of a column"))
            }
            _ => Err(self.refuse("expected the name of a column")),
        }
    }

    fn set(&mut self) -> Result<Comparison, ParseError> {
        if self.accept_name("window") {
            return Ok(Comparison::InWindow);
        }
        if !self.accept_sign("[") {
            return Err(self.refuse("expected `window` or a list such as [\"T1\", \"T2\"]"));
        }
        let mut literals = vec![self.literal()?];
        while self.accept_sign(",") {
            literals.push(self.literal()?);
        }
        self.expect_sign("]")?;
        Ok(Comparison::In(literals))
    }

    fn relation(&mut self) -> Option<Relation> {
        let relation = match self.peek() {
            Word::Sign("==") => Relation::Equal,
            Word::Sign("!=") => Relation::NotEqual,
            Word::Sign("<") => Relation::Less,
            Word::Sign("<=") => Relation::AtMost,
            Word::Sign(">") => Relation::Greater,
            Word::Sign(">=") => Relation::AtLeast,
            _ => return None,
        };
        self.next += 1;
        Some(relation)
    }

    fn literal(&mut self) -> Result<Literal, ParseError> {
        let value = match self.peek() {
            Word::Number(number) => Value::Number(*number),
            Word::Text(text) => Value::Text(text.clone()),
            Word::Date(day) => Value::Date(*day),
            Word::Name(name) => {
                let message = format!("expected a value; text stands in quotes: \"{name}\"");
                return Err(self.refuse(message));
            }
            _ => return Err(self.refuse("expected a number, text in quotes or a date")),
        };
        let literal = Literal { at: self.at(), value };
        self.next += 1;
        Ok(literal)
    }

    fn peek(&self) -> &Word {
        &self.tokens[self.next].word
    }

    fn at(&self) -> usize {
        self.tokens[self.next].at
    }

    fn accept_name(&mut self, name: &str) -> bool {
        let is_it = matches!(self.peek(), Word::Name(word) if word == name);
        self.next += usize::from(is_it);
        is_it
    }

    fn accept_sign(&mut self, sign: &str) -> bool {
        let is_it = matches!(self.peek(), Word::Sign(word) if *word == sign);
        self.next += usize::from(is_it);
        is_it
    }

    fn expect_sign(&mut self, sign: &str) -> Result<(), ParseError> {
        if self.accept_sign(sign) { Ok(()) } else { Err(self.refuse(format!("expected `{sign}`"))) }
    }

    fn refuse(&self, message: impl Into<String>) -> ParseError {
        ParseError::new(self.at(), message)
    }
}

fn negated(is_negated: bool, expression: Expression) -> Expression {
    if is_negated { Expression::Not(Box::new(expression)) } else { expression }
}

fn is_reserved(name: &str) -> bool {
    ["and", "or", "not", "in", "is"].contains(&name)
}

#[cfg(test)]
mod tests {
    use crate::{ColumnUse, Criterion, columns_of};
    use intake::ColumnKind;

    #[test]
    fn mistakes_are_pointed_at() {
        let cases = [
            ("", 0, "expected the name of a column"),
            ("age", 3, "expected a comparison"),
            ("age = 3", 4, "write `==`"),
            ("age >= 18 && x == 1", 10, "as words"),
            ("18 <= age", 0, "begins with the name of a column"),
            ("stage == T1", 9, "\"T1\""),
            ("stage in [\"T1\" \"T2\"]", 15, "expected `]`"),
            ("stage in (1)", 9, "expected `window` or a list"),
            ("site == \"H3", 8, "closing `\"` is missing"),
            ("age >= 18 age <= 80", 10, "expected `and`, `or`"),
            ("(age >= 18", 10, "expected `)`"),
            ("start >= 2006-02-30", 9, "neither a number nor a date"),
            ("weight is 3", 10, "expected `missing`"),
            ("weight not 3", 11, "expected `in`"),
            ("a == 1 # b", 7, "has no meaning"),
        ];
        for (text, at, message) in cases {
            let error = Criterion::parse(text).unwrap_err();
            assert_eq!(error.at, at, "{text}: {error}");
            assert!(error.message.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn depth_is_limited_and_length_is_not() {
        let nested = format!("{}a == 1", "not ".repeat(100_000));
        assert!(Criterion::parse(&nested).unwrap_err().message.contains("too deeply"));
        let nested = "(".repeat(100_000);
        assert!(Criterion::parse(&nested).is_err());
        let long = vec!["(a == 1)"; 1_000].join(" and ");
        assert!(Criterion::parse(&long).is_ok());
    }

    #[test]
    fn the_columns_are_listed_with_what_they_must_hold() {
        let use_of = |name: &str, implied| ColumnUse { name: name.into(), implied };
        let first =
            Criterion::parse("`T stage` in ['T1'] and w is missing or b in window").unwrap();
        let second = Criterion::parse("not (w > 3 or age != 18)").unwrap();
        let expected = [
            use_of("T stage", Some(ColumnKind::Text)),
            use_of("w", Some(ColumnKind::Number)),
            use_of("b", Some(ColumnKind::Date)),
            use_of("age", Some(ColumnKind::Number)),
        ];
        assert_eq!(columns_of([&first, &second]), expected);
        assert_eq!(first.columns()[1], use_of("w", None));
        assert!(first.uses_window() && !second.uses_window());
    }
}
