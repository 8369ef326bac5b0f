//! A condition held against a table: true, false or unknown for each row.

use crate::ParseError;
use crate::criterion::{Comparison, Criterion, Expression, Literal, Relation, Test, Value};
use intake::{Cells, Day, Table, day, level_position};
use std::cmp::Ordering;

/// The study period, both days included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window {
    /// First day.
    pub from: Day,
    /// Last day.
    pub to: Day,
}

impl Window {
    /// The period between two days written `YYYY-MM-DD`; `None` when one of them is no day.
    #[must_use]
    pub fn parse(from: &str, to: &str) -> Option<Self> {
        Some(Self { from: day(from)?, to: day(to)? })
    }
}

/// A criterion whose columns have been found in a table.
#[derive(Clone, Debug)]
pub struct Condition<'a> {
    node: Node<'a>,
}

#[derive(Clone, Debug)]
enum Node<'a> {
    Any(Vec<Node<'a>>),
    All(Vec<Node<'a>>),
    Not(Box<Node<'a>>),
    /// Whether a cell is one of those asked for, by its place among the levels.
    Levels {
        codes: &'a [Option<u32>],
        is_meant: Vec<bool>,
    },
    Numbers {
        values: &'a [Option<f64>],
        relation: Relation,
        other: f64,
    },
    Days {
        days: &'a [Option<Day>],
        relation: Relation,
        other: Day,
    },
    Missing(&'a Cells),
}

impl Criterion {
    /// Finds the columns in a table; fails as [`Criterion::check`] does, with the first mistake.
    pub fn bind<'a>(
        &self,
        table: &'a Table,
        window: Option<Window>,
    ) -> Result<Condition<'a>, ParseError> {
        self.check(|name| table.kind(name), window.is_some())
            .map_err(|mut mistakes| mistakes.swap_remove(0))?;
        Ok(Condition { node: bind(&self.expression, table, window) })
    }
}

impl Condition<'_> {
    /// Whether the condition holds for a row; `None` when a missing value leaves it open.
    ///
    /// A comparison with a missing value is unknown. `and` is false if one part is false, `or` is
    /// true if one part is true, whatever the others are (Kleene 1938, J. Symb. Log. 3:150-155; the
    /// logic of `NA` in R).
    #[must_use]
    pub fn evaluate(&self, row: usize) -> Option<bool> {
        self.node.evaluate(row)
    }
}

impl Node<'_> {
    fn evaluate(&self, row: usize) -> Option<bool> {
        match self {
            Self::Any(parts) => decided_by(true, parts, row),
            Self::All(parts) => decided_by(false, parts, row),
            Self::Not(part) => part.evaluate(row).map(|holds| !holds),
            Self::Levels { codes, is_meant } => codes[row].map(|code| is_meant[code as usize]),
            Self::Numbers { values, relation, other } => {
                values[row].map(|value| relation.holds(value.total_cmp(other)))
            }
            Self::Days { days, relation, other } => {
                days[row].map(|day| relation.holds(day.cmp(other)))
            }
            Self::Missing(cells) => Some(cells.is_missing(row)),
        }
    }
}

impl Relation {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

/// One part with this value decides; else an unknown part leaves the whole open.
fn decided_by(decisive: bool, parts: &[Node], row: usize) -> Option<bool> {
    let mut whole = Some(!decisive);
    for part in parts {
        match part.evaluate(row) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => whole = None,
        }
    }
    whole
}

fn bind<'a>(expression: &Expression, table: &'a Table, window: Option<Window>) -> Node<'a> {
    let all = |parts: &[Expression]| parts.iter().map(|part| bind(part, table, window)).collect();
    match expression {
        Expression::Any(parts) => Node::Any(all(parts)),
        Expression::All(parts) => Node::All(all(parts)),
        Expression::Not(part) => Node::Not(Box::new(bind(part, table, window))),
        Expression::Test(test) => bind_test(test, table, window),
    }
}

fn bind_test<'a>(test: &Test, table: &'a Table, window: Option<Window>) -> Node<'a> {
    let cells = table.cells(&test.column).expect("the columns have been checked");
    match &test.comparison {
        Comparison::Missing => Node::Missing(cells),
        Comparison::Is(relation, literal) => bind_literal(cells, *relation, literal),
        Comparison::In(literals) => {
            let equals = |literal| bind_literal(cells, Relation::Equal, literal);
            Node::Any(literals.iter().map(equals).collect())
        }
        Comparison::InWindow => {
            let window = window.expect("the window has been checked");
            let literal = |day| Literal { at: test.at, value: Value::Date(day) };
            Node::All(vec![
                bind_literal(cells, Relation::AtLeast, &literal(window.from)),
                bind_literal(cells, Relation::AtMost, &literal(window.to)),
            ])
        }
    }
}

fn bind_literal<'a>(cells: &'a Cells, relation: Relation, literal: &Literal) -> Node<'a> {
    match (cells, &literal.value) {
        (Cells::Number(values), &Value::Number(other)) => Node::Numbers { values, relation, other },
        (Cells::Date(days), &Value::Date(other)) => Node::Days { days, relation, other },
        (Cells::Category { levels, codes }, value) => {
            let meant = value.cell().and_then(|cell| level_position(levels, &cell));
            let is_meant = |level| (meant == Some(level)) == (relation == Relation::Equal);
            Node::Levels { codes, is_meant: (0..levels.len()).map(is_meant).collect() }
        }
        _ => unreachable!("the kinds of columns and values have been checked"),
    }
}
