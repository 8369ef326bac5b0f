//! The patients on which regression models are timed, here and elsewhere, and the models.

use bootstrap::{Plan, Resampling};
use cohort::{
    Cohort, Column, Design, DesignColumn, Endpoint, EndpointColumns, RiskOrder, Selection, Term,
};
use cox::{CoxData, CoxExtras, CoxFit, CoxOptions, CoxQuery, CoxScreenQuery, PreparedCox};
use numerics::streams::Streams;
use pipeline::{Bootstrap, BootstrapQuery};
use propensity::{LogisticData, LogisticExtras, LogisticFit, LogisticOptions};

/// Patients with follow-up in days, or in tenths of a month where they are few, as the tables of single
/// hospitals have it; and in turn a measurement, an indicator and an age.
#[derive(Clone, Debug)]
pub struct Patients {
    /// When they enter; half of the patients enter late.
    pub entry: Vec<f64>,
    /// Time of the event or of censoring.
    pub time: Vec<f64>,
    /// Whether there is an event: about 70 %.
    pub event: Vec<bool>,
    /// Whether the patient is treated: about a quarter, of few patients two fifths.
    pub treated: Vec<bool>,
    /// The covariates, column after column.
    pub x: Vec<Vec<f64>>,
}

/// A hospital's table has fewer patients than this.
const FEW: usize = 1000;

/// In what unit time is written.
struct Unit {
    /// Median survival of an average patient.
    median: f64,
    /// Parts of the unit that are told apart.
    parts: f64,
}

const DAYS: Unit = Unit { median: 1065.0, parts: 1.0 };
const MONTHS: Unit = Unit { median: 35.0, parts: 10.0 };

impl Patients {
    /// The same `n` patients with `p` covariates whenever they are asked for.
    #[must_use]
    pub fn draw(n: usize, p: usize) -> Self {
        let mut stream = Streams::new(20_261_128, "bench").stream(0);
        let mut one = |j: usize| match j % 3 {
            0 => stream.normal(),
            1 => f64::from(u8::from(stream.happens(0.2 + 0.05 * (j % 7) as f64))),
            _ => (50.0 + 12.0 * stream.normal()).round(),
        };
        let x: Vec<Vec<f64>> = (0..p).map(|j| (0..n).map(|_| one(j)).collect()).collect();
        let effect = |sizes: [f64; 3], period: usize| {
            let sign = move |j: usize| if j % (2 * period) < period { 1.0 } else { -1.0 };
            let origin = |j: usize| if j % 3 == 2 { 50.0 } else { 0.0 };
            let x = &x;
            move |i: usize| -> f64 {
                (0..p).map(|j| sign(j) * sizes[j % 3] * (x[j][i] - origin(j))).sum()
            }
        };
        let (hazard, treatment) = (effect([0.25, -0.3, 0.01], 1), effect([0.3, 0.4, -0.012], 2));
        let is_few = n < FEW;
        let (Unit { median, parts }, odds) = if is_few { (MONTHS, 0.62) } else { (DAYS, 1.5) };
        let mut patients = Self {
            entry: Vec::new(),
            time: Vec::new(),
            event: Vec::new(),
            treated: Vec::new(),
            x: Vec::new(),
        };
        for i in 0..n {
            let log_odds = treatment(i) - odds;
            patients.treated.push(stream.happens(1.0 / (1.0 + (-log_odds).exp())));
            let death = stream.exponential() * median / std::f64::consts::LN_2 * (-hazard(i)).exp();
            let censored = median * (0.6 + 3.6 * stream.uniform());
            let time = (death.min(censored) * parts).ceil() / parts;
            let late = if stream.happens(0.5) { 0.6 * stream.uniform() * time } else { 0.0 };
            patients.entry.push((late * parts).floor() / parts);
            patients.time.push(time);
            patients.event.push(death <= censored);
        }
        Self { x, ..patients }
    }
}

/// What a model is fitted to, in the forms that it passes through.
pub struct Study {
    patients: Patients,
    cohort: Cohort,
    terms: Vec<Term>,
    design: Design,
    closed: Endpoint,
    late: Endpoint,
    order: RiskOrder,
}

impl Study {
    /// The study of some patients.
    ///
    /// # Panics
    ///
    /// Never: what is drawn makes valid columns.
    #[must_use]
    pub fn new(patients: Patients) -> Self {
        let name = |j: usize| format!("x{}", j + 1);
        let terms: Vec<Term> = (0..patients.x.len()).map(|j| Term::linear(name(j))).collect();
        let column = |(j, values): (usize, &Vec<f64>)| DesignColumn {
            name: name(j),
            term: j,
            values: values.clone(),
        };
        let design = Design {
            terms: terms.iter().map(Term::name).collect(),
            columns: patients.x.iter().enumerate().map(column).collect(),
        };
        let numbers = |bits: &[bool]| bits.iter().map(|&bit| f64::from(u8::from(bit))).collect();
        let mut columns = vec![
            Column::numeric("entry", patients.entry.clone()),
            Column::numeric("time", patients.time.clone()),
            Column::numeric("event", numbers(&patients.event)),
        ];
        columns.extend(
            patients.x.iter().enumerate().map(|(j, x)| Column::numeric(name(j), x.clone())),
        );
        let (closed, late) = (endpoint(&patients, false), endpoint(&patients, true));
        Self {
            cohort: Cohort::new(None, columns).expect("the columns are valid"),
            order: RiskOrder::new(&closed, &vec![0; patients.time.len()]),
            patients,
            terms,
            design,
            closed,
            late,
        }
    }

    /// Settles ties, sorts and fits; with late entry or without.
    ///
    /// # Panics
    ///
    /// Never: some have the event.
    #[must_use]
    pub fn cox(&self, is_late: bool) -> CoxFit {
        let endpoint = endpoint(&self.patients, is_late);
        let order = RiskOrder::new(&endpoint, &vec![0; endpoint.len()]);
        self.fit(&endpoint, &order)
    }

    /// Fits where ties are settled and subjects sorted.
    ///
    /// # Panics
    ///
    /// Never: some have the event.
    #[must_use]
    pub fn cox_sorted(&self, is_late: bool) -> CoxFit {
        self.fit(if is_late { &self.late } else { &self.closed }, &self.order)
    }

    /// The subjects where ties are settled, subjects sorted and columns standardised.
    ///
    /// # Panics
    ///
    /// Never: all columns are as long.
    #[must_use]
    pub fn prepared(&self, is_late: bool) -> PreparedCox<'_> {
        let endpoint = if is_late { &self.late } else { &self.closed };
        PreparedCox::new(self.data(endpoint, &self.order)).expect("all columns are as long")
    }

    fn fit(&self, endpoint: &Endpoint, order: &RiskOrder) -> CoxFit {
        let data = self.data(endpoint, order);
        cox::fit(&data, &CoxOptions::default(), CoxExtras::default()).expect("some have the event")
    }

    fn data<'a>(&'a self, endpoint: &'a Endpoint, order: &'a RiskOrder) -> CoxData<'a> {
        CoxData {
            endpoint,
            order,
            terms: &self.terms,
            design: &self.design,
            clusters: None,
            weights: None,
            offset: None,
        }
    }

    /// Asks the cohort, with the concordance that `coxph` of R has as well.
    ///
    /// # Panics
    ///
    /// Never: the query makes sense.
    #[must_use]
    pub fn ask_cox(&self, is_late: bool) -> CoxFit {
        let query = CoxQuery { concordance: true, ..self.query(is_late, self.terms.clone()) };
        cox::cox(&self.cohort, &Selection::all(&self.cohort), &query)
            .expect("the query makes sense")
    }

    /// One model for each covariate.
    ///
    /// # Panics
    ///
    /// Never: the query makes sense.
    #[must_use]
    pub fn screen(&self) -> Vec<CoxFit> {
        let query =
            CoxScreenQuery { model: self.query(false, Vec::new()), candidates: self.terms.clone() };
        let lines = cox::screen(&self.cohort, &Selection::all(&self.cohort), &query);
        let lines = lines.expect("the query makes sense").into_iter();
        lines.map(|line| line.fit.expect("some have the event")).collect()
    }

    /// Coefficients of 64 replicates of the model.
    ///
    /// # Panics
    ///
    /// Never: some have the event.
    #[must_use]
    pub fn replicates(&self, is_late: bool) -> Vec<f64> {
        const N_REPLICATES: u64 = 64;
        let plan = Plan::new(1, N_REPLICATES, Resampling::WithReplacement);
        let query = BootstrapQuery {
            cox: vec![self.query(is_late, self.terms.clone())],
            ..BootstrapQuery::new(plan.expect("a valid number"))
        };
        let everybody = Selection::all(&self.cohort);
        let bootstrap = Bootstrap::read(&self.cohort, &everybody, &query).expect("a valid query");
        let replicates = bootstrap.replicates(0..N_REPLICATES).expect("within the plan");
        replicates.answers.iter().flat_map(|answer| answer.value).collect()
    }

    fn query(&self, is_late: bool, terms: Vec<Term>) -> CoxQuery {
        let mut endpoint = EndpointColumns::new("time", "event");
        endpoint.entry = is_late.then(|| "entry".into());
        CoxQuery::new(endpoint, terms)
    }

    /// The logistic regression of the treatment.
    ///
    /// # Panics
    ///
    /// Never: some are treated and some are not.
    #[must_use]
    pub fn logistic(&self) -> LogisticFit {
        let data = LogisticData {
            outcome: &self.patients.treated,
            weights: None,
            offset: None,
            clusters: None,
            terms: &self.terms,
            design: &self.design,
        };
        let (options, extras) = (LogisticOptions::default(), LogisticExtras::default());
        propensity::fit(&data, &options, &extras).expect("some are treated and some are not").fit
    }
}

fn endpoint(patients: &Patients, is_late: bool) -> Endpoint {
    let (time, event) = (patients.time.clone(), patients.event.clone());
    let endpoint = match is_late {
        true => Endpoint::with_entry(patients.entry.clone(), time, event),
        false => Endpoint::new(time, event),
    };
    endpoint.expect("what is drawn is valid")
}
