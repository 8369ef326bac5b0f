//! Model terms and the columns they become.

use crate::spline::Curve;
use crate::{
    Categories, Cohort, CohortError, LARGEST_NUMBER, NotEstimable, Selection, SplineKnots,
};
use numerics::elementary::{ln, ln_1p};
use serde::{Deserialize, Serialize};

/// One term of a model, named after its column.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub enum Term {
    /// A number that enters linearly.
    Linear {
        /// Numeric column.
        column: String,
        /// What is done to its values first.
        transform: Transform,
    },
    /// Categories that enter as indicators against a reference level (treatment contrasts).
    Factor {
        /// Column of categories; a numeric column is read as a factor.
        column: String,
        /// Level without indicator; absent = the first level.
        reference: Option<String>,
    },
    /// A number that enters as a natural cubic spline, as `splines::ns` in R.
    Spline {
        /// Numeric column.
        column: String,
        /// Where the curve may bend.
        knots: SplineKnots,
        /// Beyond these the curve is straight, in the unit of the column, ascending; absent = the
        /// smallest and largest value of the selected subjects.
        boundary: Option<[f64; 2]>,
    },
    /// All products of the columns of two terms, those of the first term in turn for each of the
    /// second, as R orders them; their main effects are terms of their own.
    Interaction(Box<Term>, Box<Term>),
}

/// What is done to a number before it enters a model. Another curve has another name, as in R:
/// `log(x)`, `log1p(x)`, `sqrt(x)`; another unit or origin leaves the variable what it is, `x`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub enum Transform {
    /// Nothing.
    #[default]
    Identity,
    /// Divided by a constant that is not 0.
    Divide(f64),
    /// Less a constant.
    Center(f64),
    /// Natural logarithm; the value must be positive.
    Log,
    /// Logarithm of one plus the value, which must exceed -1.
    Log1p,
    /// Square root; the value must not be negative.
    Sqrt,
}

/// The columns of a model, `n` subjects by `p` columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// Names of the terms in the caller's order.
    pub terms: Vec<String>,
    /// The columns, term by term.
    pub columns: Vec<DesignColumn>,
}

/// The subjects that say what the columns of a model are, repeated as often as they count.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Whose numbers are the levels of a factor that is read from them, the first of which is its
    /// reference where none is named.
    pub levels: &'a Selection,
    /// At whose quantiles, and between whose extremes, a spline has the knots that its term does not name.
    pub knots: &'a Selection,
}

/// One column of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct DesignColumn {
    /// Name such as `age`, `log(age)`, `size=20-50`, `hormon=1:size=20-50` or `ns(age)2`.
    pub name: String,
    /// Index of the term it belongs to.
    pub term: usize,
    /// One value per subject.
    pub values: Vec<f64>,
}

impl Term {
    /// A number that enters as it is.
    pub fn linear(column: impl Into<String>) -> Self {
        Self::Linear { column: column.into(), transform: Transform::Identity }
    }

    /// Categories against their first level.
    pub fn factor(column: impl Into<String>) -> Self {
        Self::Factor { column: column.into(), reference: None }
    }

    /// A number that enters as a natural cubic spline with knots at its quantiles.
    pub fn spline(column: impl Into<String>, degrees_of_freedom: usize) -> Self {
        let knots = SplineKnots::DegreesOfFreedom(degrees_of_freedom);
        Self::Spline { column: column.into(), knots, boundary: None }
    }

    /// The product of two terms.
    #[must_use]
    pub fn interaction(left: Self, right: Self) -> Self {
        Self::Interaction(Box::new(left), Box::new(right))
    }

    /// The name by which results call the term.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Linear { column, transform } => transform.name_of(column),
            Self::Factor { column, .. } => column.clone(),
            Self::Spline { column, .. } => format!("ns({column})"),
            Self::Interaction(left, right) => format!("{}:{}", left.name(), right.name()),
        }
    }

    /// Whether the term, or a part of it, is made of categories.
    #[must_use]
    pub fn is_categorical(&self) -> bool {
        match self {
            Self::Linear { .. } | Self::Spline { .. } => false,
            Self::Factor { .. } => true,
            Self::Interaction(left, right) => left.is_categorical() || right.is_categorical(),
        }
    }

    /// Whether this term is a product, and the other a part of it: one of its factors, or a product of
    /// some of them. A factor of categories is the same whatever its reference.
    #[must_use]
    pub fn has_part(&self, other: &Self) -> bool {
        let mut factors = self.factors();
        let parts = other.factors();
        let n_factors = factors.len();
        let mut take = |part: &&Self| match factors.iter().position(|own| own.is_same_factor(part))
        {
            Some(index) => {
                factors.swap_remove(index);
                true
            }
            None => false,
        };
        parts.len() < n_factors && parts.iter().all(&mut take)
    }

    /// Name of a factor of this product that is not among `terms`; none when all are there, and for
    /// a term that is no product.
    #[must_use]
    pub fn missing_part(&self, terms: &[&Self]) -> Option<String> {
        if !matches!(self, Self::Interaction(..)) {
            return None;
        }
        let is_there = |factor: &&Self| terms.iter().any(|term| term.is_same_factor(factor));
        self.factors().into_iter().find(|factor| !is_there(factor)).map(Self::name)
    }

    /// What a product is made of; any other term is its own only factor.
    #[must_use]
    pub fn factors(&self) -> Vec<&Self> {
        match self {
            Self::Interaction(left, right) => [left.factors(), right.factors()].concat(),
            _ => vec![self],
        }
    }

    fn is_same_factor(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Factor { column, .. }, Self::Factor { column: other, .. }) => column == other,
            _ => self == other,
        }
    }

    /// The columns of the cohort that the term reads.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::Linear { column, .. }
            | Self::Factor { column, .. }
            | Self::Spline { column, .. } => vec![column],
            Self::Interaction(left, right) => {
                left.columns().into_iter().chain(right.columns()).collect()
            }
        }
    }
}

impl Transform {
    /// The name of a column that is transformed so.
    fn name_of(self, column: &str) -> String {
        match self {
            Self::Identity | Self::Divide(_) | Self::Center(_) => column.to_string(),
            Self::Log => format!("log({column})"),
            Self::Log1p => format!("log1p({column})"),
            Self::Sqrt => format!("sqrt({column})"),
        }
    }
}

impl Design {
    /// Most columns of a model. A matrix of this size is factored in a second; a number that is read
    /// as categories, or a product of such terms, would otherwise ask for endless memory.
    pub const MOST_COLUMNS: usize = 1000;

    /// Expands the terms for the selected subjects; refuses missing cells, and more than
    /// [`Design::MOST_COLUMNS`] columns.
    ///
    /// A level that occurs in nobody gives a column of zeros, which a model reports as aliased. A
    /// column that varies, but by less than the reciprocal of [`crate::LARGEST_NUMBER`], is refused: the
    /// variance of its coefficient would be no number. A spline whose quantiles are values at its ends is refused, since it could not bend there.
    pub fn new(
        cohort: &Cohort,
        selection: &Selection,
        terms: &[Term],
    ) -> Result<Self, CohortError> {
        let frame = Frame { levels: selection, knots: selection };
        Self::within(cohort, selection, terms, frame)
    }

    /// The columns of a model that is fitted again and again to some subjects of a sample, such as the
    /// replicates of a bootstrap, and whose coefficients are to mean the same: see [`Frame`].
    ///
    /// A factor has the levels of the frame, be it read from numbers, and its reference; those that do not
    /// occur in the selected subjects give columns of zeros. Fails as [`Design::new`] does, and on a level
    /// that the frame does not know.
    pub fn within(
        cohort: &Cohort,
        selection: &Selection,
        terms: &[Term],
        frame: Frame,
    ) -> Result<Self, CohortError> {
        Self::of(&Cells { cohort, selection, model: cohort, frame }, terms)
    }

    /// The same columns for other subjects, as a model sees them whose terms were expanded for the
    /// selected subjects of `cohort`: every row of `profiles` is one.
    ///
    /// Categories are told by their labels, and splines keep the knots of the model; `profiles` needs the columns of the terms alone. Fails
    /// as [`Design::new`] does, and on a level that the model does not know; rows in errors are
    /// those of `profiles`.
    pub fn of_profiles(
        cohort: &Cohort,
        selection: &Selection,
        terms: &[Term],
        profiles: &Cohort,
    ) -> Result<Self, CohortError> {
        let frame = Frame { levels: selection, knots: selection };
        let everyone = Selection::all(profiles);
        Self::of(&Cells { cohort: profiles, selection: &everyone, model: cohort, frame }, terms)
    }

    fn of(cells: &Cells, terms: &[Term]) -> Result<Self, CohortError> {
        let mut columns = Vec::new();
        for (index, term) in terms.iter().enumerate() {
            let n_columns = columns.len().saturating_add(n_columns(cells, term)?);
            if n_columns > Self::MOST_COLUMNS {
                let (term, most) = (term.name(), Self::MOST_COLUMNS);
                return Err(CohortError::TooManyColumns { term, columns: n_columns, most });
            }
            for (name, values) in expand(cells, term)? {
                if is_faint(&values) {
                    return Err(CohortError::FaintColumn { term: term.name() });
                }
                columns.push(DesignColumn { name, term: index, values });
            }
        }
        Ok(Self { terms: terms.iter().map(Term::name).collect(), columns })
    }

    /// Number of columns.
    #[must_use]
    pub fn p(&self) -> usize {
        self.columns.len()
    }

    /// The columns of each term, by its name.
    #[must_use]
    pub fn columns_by_term(&self) -> Vec<(String, Vec<usize>)> {
        let columns_of = |term: usize| -> Vec<usize> {
            (0..self.p()).filter(|&j| self.columns[j].term == term).collect()
        };
        self.terms.iter().cloned().enumerate().map(|(i, name)| (name, columns_of(i))).collect()
    }
}

impl DesignColumn {
    /// Why a model that cannot tell this column from those before it gives it no coefficient.
    ///
    /// `terms` are those of the design. An indicator that is 0 for everybody is an empty level, any
    /// other column is aliased.
    #[must_use]
    pub fn reason_without_coefficient(&self, terms: &[Term]) -> NotEstimable {
        let is_empty = self.values.iter().all(|value| *value == 0.0);
        if is_empty && terms.get(self.term).is_some_and(Term::is_categorical) {
            NotEstimable::EmptyLevel
        } else {
            NotEstimable::Aliased
        }
    }
}

/// Whether a column varies by so little that the variance of its coefficient may be no number.
fn is_faint(values: &[f64]) -> bool {
    let differs = |value: &f64| (value - values[0]).abs() * LARGEST_NUMBER >= 1.0;
    // Nearly always the first subjects tell.
    !values.iter().any(differs) && values.iter().any(|value| *value != values[0])
}

/// Where the cells of a design stand.
struct Cells<'a> {
    cohort: &'a Cohort,
    selection: &'a Selection,
    /// The cohort of the frame.
    model: &'a Cohort,
    frame: Frame<'a>,
}

impl Cells<'_> {
    fn numeric(&self, column: &str) -> Result<Vec<f64>, CohortError> {
        self.cohort.numeric(column, self.selection)
    }

    /// The numbers that place the knots.
    fn numeric_of_model(&self, column: &str) -> Result<Vec<f64>, CohortError> {
        self.model.numeric(column, self.frame.knots)
    }

    /// The levels of the frame, and which of them each subject has.
    fn categories(&self, column: &str) -> Result<Categories, CohortError> {
        let own = self.cohort.categories(column, self.selection)?;
        if std::ptr::eq(self.selection, self.frame.levels) {
            return Ok(own);
        }
        let known = self.model.categories(column, self.frame.levels)?;
        if own.levels == known.levels {
            return Ok(own);
        }
        let positions: Vec<Option<u32>> =
            own.levels.iter().map(|level| known.position(level)).collect();
        let code = |(index, &code): (usize, &u32)| {
            positions[code as usize].ok_or_else(|| CohortError::ForeignLevel {
                column: column.into(),
                row: self.caller_row(index),
            })
        };
        let codes = own.codes.iter().enumerate().map(code).collect::<Result<_, _>>()?;
        Ok(Categories { levels: known.levels, codes })
    }

    fn caller_row(&self, index: usize) -> usize {
        self.cohort.caller_row(self.selection.rows()[index])
    }
}

type NamedColumn = (String, Vec<f64>);

/// How many columns a term becomes.
fn n_columns(cells: &Cells, term: &Term) -> Result<usize, CohortError> {
    Ok(match term {
        Term::Linear { .. } => 1,
        Term::Factor { column, .. } => cells.categories(column)?.levels.len().saturating_sub(1),
        Term::Spline { knots, .. } => knots.n_columns(),
        Term::Interaction(left, right) => {
            let left = n_columns(cells, left)?;
            left.saturating_mul(n_columns(cells, right)?)
        }
    })
}

fn expand(cells: &Cells, term: &Term) -> Result<Vec<NamedColumn>, CohortError> {
    match term {
        Term::Linear { column, transform } => {
            let values = transformed(cells, column, *transform)?;
            Ok(vec![(transform.name_of(column), values)])
        }
        Term::Factor { column, reference } => indicators(cells, column, reference.as_deref()),
        Term::Spline { column, knots, boundary } => {
            let curve = Curve::new(column, &cells.numeric_of_model(column)?, knots, *boundary)?;
            let columns = curve.columns(&cells.numeric(column)?);
            let named = |(values, number): (Vec<f64>, usize)| {
                Ok((format!("ns({column}){number}"), in_range(cells, column, values)?))
            };
            columns.into_iter().zip(1..).map(named).collect()
        }
        Term::Interaction(left, right) => {
            let left = expand(cells, left)?;
            let product = |(left_name, a): &NamedColumn, (right_name, b): &NamedColumn| {
                let name = format!("{left_name}:{right_name}");
                let values = a.iter().zip(b).map(|(a, b)| a * b).collect();
                Ok((name, in_range(cells, &term.name(), values)?))
            };
            expand(cells, right)?
                .iter()
                .flat_map(|right| left.iter().map(move |left| product(left, right)))
                .collect()
        }
    }
}

fn transformed(cells: &Cells, column: &str, transform: Transform) -> Result<Vec<f64>, CohortError> {
    let apply = |value: f64| match transform {
        Transform::Identity => value,
        Transform::Divide(by) => value / by,
        Transform::Center(at) => value - at,
        Transform::Log => ln(value),
        Transform::Log1p => ln_1p(value),
        Transform::Sqrt => value.sqrt(),
    };
    let values = cells.numeric(column)?.into_iter().map(apply).collect();
    in_range(cells, column, values)
}

/// The values, if a model can compute with all of them.
fn in_range(cells: &Cells, column: &str, values: Vec<f64>) -> Result<Vec<f64>, CohortError> {
    let is_number = |value: &f64| value.abs() <= LARGEST_NUMBER;
    match values.iter().position(|value| !is_number(value)) {
        None => Ok(values),
        Some(index) => Err(CohortError::UndefinedTransform {
            column: column.into(),
            row: cells.caller_row(index),
        }),
    }
}

fn indicators(
    cells: &Cells,
    column: &str,
    reference: Option<&str>,
) -> Result<Vec<NamedColumn>, CohortError> {
    let categories = cells.categories(column)?;
    let reference = match reference {
        None => 0,
        Some(level) => categories.position(level).ok_or_else(|| CohortError::UnknownLevel {
            column: column.into(),
            level: level.into(),
        })?,
    };
    let indicator = |level: u32| -> Vec<f64> {
        categories.codes.iter().map(|&code| f64::from(u8::from(code == level))).collect()
    };
    Ok((0..categories.levels.len() as u32)
        .filter(|&level| level != reference)
        .map(|level| (format!("{column}={}", categories.levels[level as usize]), indicator(level)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Column;

    fn cohort() -> Cohort {
        let levels = ["low", "high"].map(String::from).to_vec();
        Cohort::new(
            None,
            vec![
                Column::numeric("age", vec![50.0, 60.0, 0.0]),
                Column::categorical("grade", levels, vec![0, 1, 1]),
            ],
        )
        .unwrap()
    }

    #[test]
    fn terms_become_named_columns() {
        let cohort = cohort();
        let (age, grade) = (Term::linear("age"), Term::factor("grade"));
        let terms = [age.clone(), grade.clone(), Term::interaction(age, grade)];
        let design = Design::new(&cohort, &Selection::all(&cohort), &terms).unwrap();
        assert_eq!(design.terms, ["age", "grade", "age:grade"]);
        let names: Vec<_> = design.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["age", "grade=high", "age:grade=high"]);
        assert_eq!(design.columns[2].values, [0.0, 60.0, 0.0]);
    }

    /// A logarithm is another variable than its number, another unit is not.
    #[test]
    fn transformed_terms_are_named_as_in_r() {
        let cohort = Cohort::new(None, vec![Column::numeric("x", vec![1.0, 4.0])]).unwrap();
        let named = |transform| Term::Linear { column: "x".into(), transform };
        let transforms = [Transform::Log, Transform::Log1p, Transform::Sqrt];
        let mut terms: Vec<Term> = transforms.map(named).to_vec();
        terms.extend([named(Transform::Divide(10.0)), named(Transform::Center(2.0))]);
        terms.push(Term::interaction(Term::linear("x"), named(Transform::Log)));
        let design = Design::new(&cohort, &Selection::all(&cohort), &terms).unwrap();
        assert_eq!(design.terms, ["log(x)", "log1p(x)", "sqrt(x)", "x", "x", "x:log(x)"]);
        assert!(design.columns.iter().map(|column| &column.name).eq(&design.terms));
    }

    /// `model.matrix(~ a:b)` in R, without the columns of reference levels.
    #[test]
    fn the_levels_of_the_first_factor_take_turns_first() {
        let values = |cells: [f64; 9]| cells.to_vec();
        let columns = vec![
            Column::numeric("a", values([1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0])),
            Column::numeric("b", values([1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0])),
        ];
        let cohort = Cohort::new(None, columns).unwrap();
        let crossed = Term::interaction(Term::factor("a"), Term::factor("b"));
        let design = Design::new(&cohort, &Selection::all(&cohort), &[crossed]).unwrap();
        let names: Vec<_> = design.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["a=2:b=2", "a=3:b=2", "a=2:b=3", "a=3:b=3"]);
    }

    #[test]
    fn a_product_has_parts_at_any_depth() {
        let [a, b, c] = ["a", "b", "c"].map(Term::linear);
        let g = Term::factor("g");
        let with_reference = Term::Factor { column: "g".into(), reference: Some("low".into()) };
        let product = Term::interaction(Term::interaction(a.clone(), with_reference), c.clone());
        for part in [a.clone(), g.clone(), Term::interaction(c.clone(), g.clone())] {
            assert!(product.has_part(&part), "{}", part.name());
        }
        assert!(!product.has_part(&b) && !product.has_part(&product) && !a.has_part(&a));
        assert!(!product.has_part(&Term::interaction(a.clone(), a.clone())));
        assert_eq!(product.missing_part(&[&a, &g]), Some("c".into()));
        assert_eq!(product.missing_part(&[&a, &c, &g]), None);
        assert_eq!(a.missing_part(&[]), None);
    }

    #[test]
    fn an_empty_level_is_told_from_a_constant() {
        let column = DesignColumn { name: "x".into(), term: 0, values: vec![0.0; 3] };
        let reason = |term| column.reason_without_coefficient(&[term]);
        assert_eq!(reason(Term::factor("x")), NotEstimable::EmptyLevel);
        assert_eq!(reason(Term::linear("x")), NotEstimable::Aliased);
    }

    /// Levels are told by their labels, whichever of them a profile lists and in which order.
    #[test]
    fn profiles_have_the_columns_of_the_model() {
        let cohort = cohort();
        let levels = vec!["high".to_string()];
        let profiles = |levels| {
            let columns = vec![
                Column::numeric("age", vec![70.0]),
                Column::categorical("grade", levels, vec![0]),
            ];
            Cohort::new(None, columns).unwrap()
        };
        let terms = [Term::linear("age"), Term::factor("grade")];
        let all = Selection::all(&cohort);
        let design = Design::of_profiles(&cohort, &all, &terms, &profiles(levels)).unwrap();
        let values: Vec<f64> = design.columns.iter().map(|column| column.values[0]).collect();
        assert_eq!(values, [70.0, 1.0]);
        let foreign = profiles(vec!["middle".to_string()]);
        let error = Design::of_profiles(&cohort, &all, &terms, &foreign);
        assert_eq!(error, Err(CohortError::ForeignLevel { column: "grade".into(), row: 0 }));
    }

    /// Of the dosages 0, 20, 40 and 60 nobody of the selected subjects has the first and the third; the knot
    /// of the other term is the median of 20, 60 and 60.
    #[test]
    fn a_frame_keeps_the_levels_of_a_sample() {
        let cohort = Cohort::new(None, vec![Column::numeric("dose", vec![0.0, 20.0, 40.0, 60.0])]);
        let cohort = cohort.unwrap();
        let (sample, some) = (Selection::all(&cohort), Selection::of(&cohort, [1, 3, 3]).unwrap());
        let terms = [Term::factor("dose"), Term::spline("dose", 1)];
        let frame = Frame { levels: &sample, knots: &some };
        let design = Design::within(&cohort, &some, &terms, frame).unwrap();
        let columns: Vec<(&str, &[f64])> = design
            .columns
            .iter()
            .map(|column| (column.name.as_str(), &column.values[..]))
            .collect();
        let expected =
            [("dose=20", [1.0, 0.0, 0.0]), ("dose=40", [0.0; 3]), ("dose=60", [0.0, 1.0, 1.0])];
        assert!(
            columns[..3]
                .iter()
                .zip(expected)
                .all(|(&(name, values), want)| { (name, values) == (want.0, &want.1[..]) })
        );
        assert_eq!(
            columns[3].1,
            Design::new(&cohort, &some, &terms[1..]).unwrap().columns[0].values
        );
        let foreign =
            Design::within(&cohort, &sample, &terms, Frame { levels: &some, knots: &some });
        assert_eq!(foreign, Err(CohortError::ForeignLevel { column: "dose".into(), row: 0 }));
    }

    /// 40 levels crossed with 40 more make 1521 columns, four such terms two million.
    #[test]
    fn products_of_factors_are_bounded() {
        let values: Vec<f64> = (0..40).map(f64::from).collect();
        let columns = ["a", "b"].map(|name| Column::numeric(name, values.clone())).to_vec();
        let cohort = Cohort::new(None, columns).unwrap();
        let crossed = Term::interaction(Term::factor("a"), Term::factor("b"));
        let refused = |term| Design::new(&cohort, &Selection::all(&cohort), &[term]).unwrap_err();
        let error = refused(crossed.clone());
        let (term, most) = ("a:b".to_string(), Design::MOST_COLUMNS);
        assert_eq!(error, CohortError::TooManyColumns { term, columns: 39 * 39, most });
        assert!(refused(Term::interaction(crossed.clone(), crossed)).to_string().contains("group"));
    }

    /// A number has the same right to be small as to be large.
    #[test]
    fn a_column_in_too_large_a_unit_is_refused() {
        let of = |values: [f64; 2]| {
            let cohort = Cohort::new(None, vec![Column::numeric("x", values.to_vec())]).unwrap();
            Design::new(&cohort, &Selection::all(&cohort), &[Term::linear("x")])
        };
        let faint = CohortError::FaintColumn { term: "x".into() };
        assert_eq!(of([1e-160, 2e-160]), Err(faint.clone()));
        assert_eq!(of([0.0, 1e-320]), Err(faint.clone()));
        assert!(of([1e-69, 2e-69]).is_ok() && of([3e-160; 2]).is_ok());
        assert!(faint.to_string().contains("smaller unit"));
    }

    #[test]
    fn a_product_that_would_overflow_names_the_row() {
        let cohort = Cohort::new(None, vec![Column::numeric("x", vec![1.0, 1e60])]).unwrap();
        let square = Term::interaction(Term::linear("x"), Term::linear("x"));
        let error = Design::new(&cohort, &Selection::all(&cohort), &[square]);
        assert_eq!(error, Err(CohortError::UndefinedTransform { column: "x:x".into(), row: 1 }));
    }

    #[test]
    fn a_transformation_without_value_names_the_row() {
        let cohort = cohort();
        let term = Term::Linear { column: "age".into(), transform: Transform::Log };
        let error = Design::new(&cohort, &Selection::all(&cohort), &[term]);
        let expected = CohortError::UndefinedTransform { column: "age".into(), row: 2 };
        assert_eq!(error, Err(expected));
    }
}
