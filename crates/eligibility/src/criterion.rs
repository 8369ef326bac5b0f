//! A condition as it is written, before it meets a table.

use crate::ParseError;
use crate::parse::parse;
use intake::{ColumnKind, Day, level_position};

/// A condition such as `age >= 18 and age <= 80`.
#[derive(Clone, Debug, PartialEq)]
pub struct Criterion {
    pub(crate) expression: Expression,
}

/// A condition whose columns are still names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Any(Vec<Expression>),
    All(Vec<Expression>),
    Not(Box<Expression>),
    Test(Test),
}

/// One comparison of a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Test {
    pub(crate) column: String,
    pub(crate) column_at: usize,
    pub(crate) comparison: Comparison,
    /// Where the comparison begins, after the column.
    pub(crate) at: usize,
}

/// What a column is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Comparison {
    Is(Relation, Literal),
    In(Vec<Literal>),
    InWindow,
    Missing,
}

/// The six relations.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Relation {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Literal {
    pub(crate) at: usize,
    pub(crate) value: Value,
}

/// A value that is written in a condition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Text(String),
    Date(Day),
}

/// A column that a condition reads.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnUse {
    /// Name of the column.
    pub name: String,
    /// What its cells must be for the condition to have a meaning: numbers where it is compared
    /// with a number, text where with text, dates where with a date or the window. `None` where it
    /// is only asked whether a value is missing. A column that is declared otherwise keeps its
    /// declared kind; categories may be compared with numbers, since a level may look like one.
    pub implied: Option<ColumnKind>,
}

impl Criterion {
    /// Reads a condition; the grammar is that of this crate's documentation.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Ok(Self { expression: parse(text)? })
    }

    /// The columns it reads, each once, in the order of their first use.
    #[must_use]
    pub fn columns(&self) -> Vec<ColumnUse> {
        columns_of([self])
    }

    /// Whether it speaks of the window of the study.
    #[must_use]
    pub fn uses_window(&self) -> bool {
        self.expression.tests().iter().any(|test| test.comparison == Comparison::InWindow)
    }

    /// Everything that is wrong with its comparisons, given the kinds of the columns.
    ///
    /// `kind` gives the kind of a column, or `None` when there is no such column; `has_window` says
    /// whether the study has a window.
    pub fn check<'a>(
        &self,
        kind: impl Fn(&str) -> Option<&'a ColumnKind>,
        has_window: bool,
    ) -> Result<(), Vec<ParseError>> {
        let mut errors = Vec::new();
        for test in self.expression.tests() {
            match kind(&test.column) {
                None => {
                    let message = format!("there is no column `{}`", test.column);
                    errors.push(ParseError::new(test.column_at, message));
                }
                Some(kind) => errors.extend(test.mistakes(kind)),
            }
            if test.comparison == Comparison::InWindow && !has_window {
                let message = "`window` is that of `[time_zero]`, which has none";
                errors.push(ParseError::new(test.at, message));
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

/// The columns that several conditions read, each once, in the order of their first use.
#[must_use]
pub fn columns_of<'a>(criteria: impl IntoIterator<Item = &'a Criterion>) -> Vec<ColumnUse> {
    let mut columns: Vec<ColumnUse> = Vec::new();
    for test in criteria.into_iter().flat_map(|criterion| criterion.expression.tests()) {
        let implied = test.implied();
        match columns.iter_mut().find(|column| column.name == test.column) {
            Some(column) => column.implied = column.implied.take().or(implied),
            None => columns.push(ColumnUse { name: test.column.clone(), implied }),
        }
    }
    columns
}

impl Expression {
    /// The comparisons in the order in which they are written.
    fn tests(&self) -> Vec<&Test> {
        match self {
            Self::Any(parts) | Self::All(parts) => parts.iter().flat_map(Self::tests).collect(),
            Self::Not(part) => part.tests(),
            Self::Test(test) => vec![test],
        }
    }
}

impl Relation {
    pub(crate) fn is_order(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}

impl Value {
    /// The value as the content of a cell.
    pub(crate) fn cell(&self) -> Option<String> {
        match self {
            Self::Number(number) => Some(number.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::Date(_) => None,
        }
    }

    fn kind(&self) -> ColumnKind {
        match self {
            Self::Number(_) => ColumnKind::Number,
            Self::Text(_) => ColumnKind::Text,
            Self::Date(_) => ColumnKind::Date,
        }
    }
}

impl Test {
    fn implied(&self) -> Option<ColumnKind> {
        match &self.comparison {
            Comparison::Is(_, literal) => Some(literal.value.kind()),
            Comparison::In(literals) => literals.first().map(|literal| literal.value.kind()),
            Comparison::InWindow => Some(ColumnKind::Date),
            Comparison::Missing => None,
        }
    }

    fn mistakes(&self, kind: &ColumnKind) -> Vec<ParseError> {
        let has_order = matches!(kind, ColumnKind::Number | ColumnKind::Date);
        match &self.comparison {
            Comparison::Missing => Vec::new(),
            Comparison::InWindow if *kind == ColumnKind::Date => Vec::new(),
            Comparison::InWindow => vec![self.not_dates(kind)],
            Comparison::Is(relation, _) if relation.is_order() && !has_order => {
                let message = format!(
                    "`{}` holds {}, which have no order here: compare with ==, != or in",
                    self.column,
                    kind.name()
                );
                vec![ParseError::new(self.at, message)]
            }
            Comparison::Is(_, literal) => self.mismatch(literal, kind).into_iter().collect(),
            Comparison::In(literals) => {
                literals.iter().filter_map(|literal| self.mismatch(literal, kind)).collect()
            }
        }
    }

    fn not_dates(&self, kind: &ColumnKind) -> ParseError {
        let message =
            format!("`{}` holds {}; only dates lie in the window", self.column, kind.name());
        ParseError::new(self.at, message)
    }

    /// Why a value cannot be compared with a column of this kind.
    fn mismatch(&self, literal: &Literal, kind: &ColumnKind) -> Option<ParseError> {
        let expected = match (kind, &literal.value) {
            (ColumnKind::Number, Value::Number(_)) | (ColumnKind::Date, Value::Date(_)) => None,
            (ColumnKind::Text, Value::Text(_) | Value::Number(_)) => None,
            (ColumnKind::Number, _) => Some("compare with a number such as 18".into()),
            (ColumnKind::Date, _) => {
                Some("compare with a date such as 2006-03-01, without quotes".into())
            }
            (ColumnKind::Text, _) => Some("compare with text in quotes".into()),
            (ColumnKind::Category { levels }, value) => {
                let is_level =
                    value.cell().is_some_and(|cell| level_position(levels, &cell).is_some());
                (!is_level).then(|| format!("its levels are {}", levels.join(", ")))
            }
        }?;
        let message = format!("`{}` holds {}: {expected}", self.column, kind.name());
        Some(ParseError::new(literal.at, message))
    }
}
