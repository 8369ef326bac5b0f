//! The study protocol: everything that is decided before the data are seen.
//!
//! Each section of the file is a type here, in the order of the file; defaults stand beside the
//! fields they fill and are printed in the report with the rest.

mod profile;
mod read;
mod report;

pub use profile::Profile;
pub use read::{Violation, locate, read};
pub use report::{FigureProfile, PrimarySection, ReportSection, TrialComponent, TrialSection};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of the file format.
pub const SCHEMA: &str = "equipoise/1";

/// A complete protocol; every name in it that refers to another part of it has been resolved.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Protocol {
    /// Format of the file: `equipoise/1`.
    pub schema: String,
    /// `[study]`: what the study is called.
    pub study: StudySection,
    /// `[data]`: where the patients are.
    pub data: DataSection,
    /// `[variables]`: baseline characteristics in the order of the tables.
    pub variables: Vec<Variable>,
    /// `[time_zero]`: when follow-up begins, for endpoints derived from dates.
    pub time_zero: Option<TimeZero>,
    /// `[exposure]`: whose outcomes are compared.
    pub exposure: Exposure,
    /// `[[eligibility]]`: who is in the study, in the order in which it is decided.
    pub eligibility: Vec<Criterion>,
    /// `[[endpoint]]`: what is waited for.
    pub endpoints: Vec<EndpointSection>,
    /// `[missing]`: what becomes of patients with missing values.
    pub missing: MissingSection,
    /// `[propensity]`: the model of exposure; absent = no score.
    pub propensity: Option<PropensitySection>,
    /// `[matching]`: how patients are matched; a study has this or `[weighting]`.
    pub matching: Option<MatchingSection>,
    /// `[weighting]`: how patients are weighted.
    pub weighting: Option<WeightingSection>,
    /// `[balance]`: how arms are compared at baseline.
    pub balance: BalanceSection,
    /// `[survival]`: curves, quantiles and their comparison.
    pub survival: SurvivalSection,
    /// `[cox]`: hazard models; absent = none.
    pub cox: Option<CoxSection>,
    /// `[[subgroup]]`: analyses within levels of a variable, or between them.
    pub subgroups: Vec<Subgroup>,
    /// `[sensitivity]`: how strong unmeasured confounding would have to be.
    pub sensitivity: SensitivitySection,
    /// `[bootstrap]`: intervals from resampled patients; absent = none.
    pub bootstrap: Option<BootstrapSection>,
    /// `[report]`: what authors add to the numbers, and which of them is the primary result.
    #[serde(default)]
    pub report: ReportSection,
}

/// `[study]`
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct StudySection {
    /// Short name without spaces.
    pub id: String,
    /// Title of the report.
    pub title: String,
    /// A sentence that is shown wherever results are, such as that the data are synthetic.
    pub notice: Option<String>,
    /// Whether the patients are invented.
    pub synthetic: bool,
    /// Date at which the data were closed, `YYYY-MM-DD`; the date of the report.
    pub data_lock: Option<String>,
    /// Variable of the site: counts and the hazard ratio of the exposure are given for each of its
    /// levels. Default: the site of `[matching]`; absent = one site.
    #[serde(default)]
    pub site: Option<String>,
    /// Variable of the year in which follow-up began, a number or levels: its balance is shown, and
    /// whether the score has it is said.
    #[serde(default)]
    pub start_year: Option<String>,
    /// Unit of every time in the report.
    pub time_unit: TimeUnit,
    /// Program whose conventions are the defaults. Default: `r`.
    #[serde(default)]
    pub emulate: Profile,
}

/// Unit of time; a month has 30.4375 days, a year 365.25.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeUnit {
    /// Days.
    Days,
    /// Months of 30.4375 days.
    #[default]
    Months,
    /// Years of 365.25 days.
    Years,
}

impl TimeUnit {
    /// Length in days.
    #[must_use]
    pub fn days(self) -> f64 {
        match self {
            Self::Days => 1.0,
            Self::Months => 30.4375,
            Self::Years => 365.25,
        }
    }

    /// The word for it in a table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Days => "days",
            Self::Months => "months",
            Self::Years => "years",
        }
    }
}

/// `[data]`
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct DataSection {
    /// CSV file, relative to the study file.
    pub file: String,
    /// Column of the patient's id; every patient has one row.
    pub id: String,
    /// Cells that mean "missing" in every column. Default: the empty cell and `NA`.
    pub missing: Vec<String>,
    /// Column separator, one character. Default: a comma.
    pub separator: String,
}

/// One entry of `[variables]`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Variable {
    /// Column of the table.
    pub name: String,
    /// What kind of values it has.
    #[serde(rename = "type")]
    pub kind: VariableKind,
    /// What tables call it. Default: its name.
    pub label: String,
    /// Unit of a number, for tables.
    pub unit: Option<String>,
    /// Levels in display order; a value that is none of them is an error. Default for `binary`:
    /// `0` and `1`; required for `categorical` and `ordinal`, empty for numbers.
    pub levels: Vec<String>,
    /// What tables call the levels, one per level. Default: the levels themselves.
    pub level_labels: Vec<String>,
    /// Level that models compare the others with. Default: the first.
    pub reference: Option<String>,
    /// Further cells that mean "missing" in this column.
    pub missing: Vec<String>,
    /// Condition under which the variable has a value at all, such as `rt == 1`; such a variable
    /// is not part of the baseline table, and who lacks it is left out of its comparisons alone.
    pub among: Option<String>,
    /// Whether it is known only after time zero, such as a treatment that begins later: exposure may
    /// have changed it, and the report says so wherever it stands among the covariates. Default: no.
    #[serde(default)]
    pub after_time_zero: bool,
}

/// Kinds of variables.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableKind {
    /// A number.
    Continuous,
    /// Two levels.
    Binary,
    /// Levels without order.
    Categorical,
    /// Levels in order; models treat them as categories.
    Ordinal,
}

/// `[time_zero]`
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct TimeZero {
    /// Column of the date at which follow-up begins.
    pub date: String,
    /// What happens on that date, in words.
    pub meaning: Option<String>,
    /// First and last date of the study period, for `in window` in a criterion.
    pub window: Option<Window>,
}

/// Two dates, both included, `YYYY-MM-DD`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Window {
    /// First date.
    pub from: String,
    /// Last date.
    pub to: String,
}

/// `[exposure]`
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Exposure {
    /// Column that tells the arms apart.
    pub column: String,
    /// The arm whose effect is asked for.
    pub exposed: Arm,
    /// The arm it is compared with.
    pub comparator: Arm,
    /// Column of the date at which exposure began; switches the warning of immortal time on.
    pub start_date: Option<String>,
}

impl Exposure {
    /// Both arms, the exposed first.
    #[must_use]
    pub fn arms(&self) -> [&Arm; 2] {
        [&self.exposed, &self.comparator]
    }
}

/// One arm.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Arm {
    /// Value in the exposure column.
    pub value: String,
    /// What tables call the arm. Default: column and value.
    pub label: String,
}

/// One entry of `[[eligibility]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Criterion {
    /// What the flow diagram calls it.
    pub label: String,
    /// Who stays: a condition such as `age >= 18 and age <= 80`.
    pub keep: String,
}

/// One entry of `[[endpoint]]`: a time column, or dates from time zero to `end`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct EndpointSection {
    /// Short name without spaces, the first part of every id.
    pub id: String,
    /// What the report calls it. Default: its id.
    pub label: String,
    /// Column and value of the event.
    pub event: EventCode,
    /// Follow-up in a column of numbers.
    pub time: Option<TimeColumn>,
    /// Column of the date at which follow-up ended; needs `[time_zero]`.
    pub end: Option<String>,
    /// Times at which survival is quoted, in the unit of the study.
    pub times: Vec<f64>,
    /// Why patients without the event were censored; absent = not known.
    #[serde(default)]
    pub censoring: Option<CensoringColumn>,
}

/// A column of reasons for censoring.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct CensoringColumn {
    /// Column of the table; a cell may be empty.
    pub column: String,
    /// Its codes; a cell that is none of them is an error.
    pub levels: Vec<String>,
    /// What tables call the codes, one per code. Default: the codes themselves.
    pub labels: Vec<String>,
}

/// Which code is the event.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct EventCode {
    /// Column of the codes.
    pub column: String,
    /// Code of the event. Default: `1`.
    pub value: String,
    /// Code of censoring; any other code is an error. Default: `0`.
    pub censored: String,
}

/// A column of times.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct TimeColumn {
    /// Column.
    pub column: String,
    /// Unit of its numbers. Default: the unit of the study.
    pub unit: TimeUnit,
}

/// `[missing]`
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct MissingSection {
    /// What becomes of a patient who lacks a declared value.
    pub policy: MissingPolicy,
}

/// What becomes of a patient who lacks a declared variable, the exposure or an endpoint.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingPolicy {
    /// The patient is left out of every analysis and counted.
    #[default]
    CompleteCase,
    /// The study is refused.
    Refuse,
}

/// `[propensity]`
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct PropensitySection {
    /// Variables of the logistic model: numbers linear, others as indicators.
    pub covariates: Vec<String>,
    /// `splines.age.degrees_of_freedom = 3`: numbers among them that enter as curves instead.
    /// Default: none.
    pub splines: Vec<Spline>,
}

/// A number that enters a model as a natural cubic spline.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Spline {
    /// The variable.
    pub variable: String,
    /// Columns of the model, at least 1; the knots stand at quantiles of the analysed patients.
    pub degrees_of_freedom: usize,
}

impl PropensitySection {
    /// The spline of a covariate, if it has one.
    #[must_use]
    pub fn spline(&self, covariate: &str) -> Option<&Spline> {
        spline_of(&self.splines, covariate)
    }
}

impl MultivariableModel {
    /// The spline of a term, if it has one.
    #[must_use]
    pub fn spline(&self, term: &str) -> Option<&Spline> {
        spline_of(&self.splines, term)
    }
}

fn spline_of<'a>(splines: &'a [Spline], variable: &str) -> Option<&'a Spline> {
    splines.iter().find(|spline| spline.variable == variable)
}

/// `[matching]`: sets of exposed patients and comparators.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct MatchingSection {
    /// How sets are formed. Default: `nearest`.
    pub method: MatchMethod,
    /// For whom the matched patients are to speak. Default: `att`.
    pub estimand: MatchEstimand,
    /// How far apart two patients are; for `nearest`, `optimal` and `full`. Default: `logit`.
    pub distance: MatchDistance,
    /// Variables of a Mahalanobis distance, or those that are coarsened; only with one of these.
    pub covariates: Vec<String>,
    /// `coarsening.age.bins = 5`: how covariates of `coarsened` are coarsened. Default: by Sturges's
    /// number of bins of equal width; categories keep their levels.
    pub coarsening: Vec<CoarseningSection>,
    /// Partners of each focal patient: a number, or `{ mean, min, max }` for `nearest`. Default: 1.
    pub ratio: MatchRatio,
    /// Whether a partner may be taken again; for `nearest` and SPSS. Default: no.
    pub replacement: bool,
    /// Smallest number of partners per focal patient in a set of `full`: whole, or one over a whole
    /// number. Default: 0, any.
    pub min_ratio: f64,
    /// Largest number of the same; absent = any.
    pub max_ratio: Option<f64>,
    /// Share of the partners that `full` may leave out, from 0 to below 1. Default: 0.
    pub omitted_share: f64,
    /// Number of classes of `subclass`. Default: 6.
    pub subclasses: usize,
    /// Least number of patients of each arm in a class of `subclass`. Default: 1.
    pub least_per_arm: usize,
    /// Largest distance within a pair; absent = any. SPSS needs it: it is the match tolerance.
    pub caliper: Option<CaliperSection>,
    /// Largest differences of variables within a pair.
    pub covariate_calipers: Vec<CovariateCaliperSection>,
    /// In which order patients choose; for `nearest` without replacement and SPSS. Default: `largest`,
    /// for `atc` `smallest`, for SPSS `random`.
    pub order: MatchOrder,
    /// Seed of a random order and of SPSS. Default: 0.
    pub seed: u64,
    /// Variables on which all members of a set agree.
    pub exact: Vec<String>,
    /// Variables on which the members of a pair differ.
    pub anti_exact: Vec<String>,
    /// What the site means; absent = nothing.
    pub site: Option<MatchSite>,
    /// Who is set aside before matching because the other arm has no score like theirs. Default:
    /// `none`.
    pub discard: Discard,
    /// Whether the score is estimated again without those who are set aside. Default: no.
    pub reestimate: bool,
    /// Programs whose way of matching is imitated; absent = none.
    pub emulate: Option<Emulation>,
    /// Whether SPSS gives partners of the very same score first. Default: yes.
    pub exact_first: bool,
}

impl MatchingSection {
    /// Whether the sets are pairs and nobody is in two of them: then no patient has a weight.
    #[must_use]
    pub fn is_one_to_one(&self) -> bool {
        let forms_pairs = matches!(self.method, MatchMethod::Nearest | MatchMethod::Optimal);
        forms_pairs && self.ratio == MatchRatio::Fixed(1) && !self.replacement
    }

    /// Whether patients form classes without pairs.
    #[must_use]
    pub fn forms_classes(&self) -> bool {
        matches!(self.method, MatchMethod::Subclass | MatchMethod::Coarsened | MatchMethod::Exact)
    }

    /// Whether the sets are many and small, so that they are the clusters of a robust variance.
    #[must_use]
    pub fn has_clusters(&self) -> bool {
        !self.forms_classes() && !self.replacement
    }
}

/// How sets are formed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchMethod {
    /// Each of the exposed in turn takes the nearest comparator that is left.
    #[default]
    Nearest,
    /// As many pairs as there can be, with the smallest total distance.
    Optimal,
    /// Everybody with an allowed partner is in a set of one and many, with the smallest total
    /// distance.
    Full,
    /// Classes of similar score.
    Subclass,
    /// Classes of equal covariates after numbers are coarsened.
    Coarsened,
    /// Classes of equal `exact` variables.
    Exact,
}

impl MatchMethod {
    /// Its word in the study file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Optimal => "optimal",
            Self::Full => "full",
            Self::Subclass => "subclass",
            Self::Coarsened => "coarsened",
            Self::Exact => "exact",
        }
    }
}

/// For whom matched patients are to speak.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchEstimand {
    /// The exposed: the average effect in the treated.
    #[default]
    Att,
    /// The comparators.
    Atc,
    /// All patients; for `full`, `subclass`, `coarsened` and `exact`.
    Ate,
}

/// How many partners a focal patient may take.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(untagged)]
pub enum MatchRatio {
    /// This many.
    Fixed(usize),
    /// Between two numbers with this mean: the more the nearer the score to the other arm.
    Variable {
        /// Mean number, above `min` or equal to it, below `max`.
        mean: f64,
        /// Smallest number.
        min: usize,
        /// Largest number.
        max: usize,
    },
}

impl Default for MatchRatio {
    fn default() -> Self {
        Self::Fixed(1)
    }
}

/// How one covariate is coarsened.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct CoarseningSection {
    /// The variable, one of `covariates`.
    pub variable: String,
    /// How.
    pub rule: CoarseningRule,
}

/// How a covariate is coarsened. Intervals hold their lower end.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CoarseningRule {
    /// Into this many bins of equal width.
    Bins(usize),
    /// Into bins between this many quantiles.
    Quantiles(usize),
    /// At these cut points.
    Cuts(Vec<f64>),
}

/// `[weighting]`: weights that make the arms comparable.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct WeightingSection {
    /// Where weights come from. Default: `inverse_probability`.
    pub method: WeightMethod,
    /// For whom the weighted arms speak. Default: `ate`.
    pub estimand: WeightEstimand,
    /// Whether weights add up to about the number of patients of their arm; for `ate` alone.
    /// Default: no.
    pub stabilised: bool,
    /// Quantiles at which weights are cut; absent = they are not cut.
    pub truncate: Option<TruncationSection>,
    /// Variables whose means entropy balancing makes equal. Default: those of `[propensity]`.
    pub covariates: Vec<String>,
    /// Moments of numbers that entropy balancing makes equal, 1 or 2. Default: 1.
    pub moments: usize,
}

/// Where weights come from.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightMethod {
    /// From the propensity score.
    #[default]
    InverseProbability,
    /// From the balance that they are to bring.
    EntropyBalancing,
}

/// For whom weighted arms speak.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightEstimand {
    /// All patients.
    #[default]
    Ate,
    /// Patients like the exposed.
    Att,
    /// Patients like the comparators.
    Atc,
    /// Patients of whom it is uncertain to which arm they belong; from a score alone.
    Overlap,
    /// Patients such as pairs hold; from a score alone.
    Matching,
}

/// Weights beyond two quantiles become these quantiles.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct TruncationSection {
    /// Probability of the lower quantile. Default: 0, nothing is cut.
    pub lower: f64,
    /// Probability of the upper quantile. Default: 1, nothing is cut.
    pub upper: f64,
}

/// A program whose way of matching is imitated.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Emulation {
    /// Each of the exposed takes a random comparator within the tolerance on the probability.
    Spss,
}

/// How far apart two patients are.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchDistance {
    /// Difference of the logits of their propensity scores.
    #[default]
    Logit,
    /// Difference of their propensity scores.
    Probability,
    /// Mahalanobis distance of their covariates.
    Mahalanobis,
    /// The same on ranks.
    RobustMahalanobis,
}

/// Caliper of `[matching]`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct CaliperSection {
    /// Width in units of the scale.
    pub width: f64,
    /// The scale. Default: `sd_logit`, for SPSS `raw`.
    pub scale: CaliperScale,
}

/// A caliper on a variable.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct CovariateCaliperSection {
    /// Numeric variable.
    pub variable: String,
    /// Largest difference in units of the scale.
    pub width: f64,
    /// The scale. Default: `raw`.
    pub scale: VariableScale,
}

/// Unit of a caliper.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaliperScale {
    /// Standard deviation (n - 1) of the logit over all analysed patients who are not set aside.
    #[default]
    SdLogit,
    /// Standard deviation (n - 1) of the score that is matched on, over the same.
    SdScore,
    /// The score that is matched on.
    Raw,
}

/// Unit of a caliper on a variable.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableScale {
    /// The variable itself.
    #[default]
    Raw,
    /// Its standard deviation (n - 1) over all analysed patients who are not set aside.
    Sd,
}

/// In which order the exposed choose their partners.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchOrder {
    /// Largest score first.
    #[default]
    Largest,
    /// Smallest score first.
    Smallest,
    /// The pair that is nearest of all first.
    Closest,
    /// Whoever is farthest from the nearest comparator first.
    Farthest,
    /// A random order, from the seed.
    Random,
    /// Id order.
    Data,
}

/// What a site means for matching.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct MatchSite {
    /// Variable of the site.
    pub variable: String,
    /// What it means. Default: `exact`.
    pub rule: SiteRule,
}

/// Where partners are sought.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteRule {
    /// Within the site alone.
    #[default]
    Exact,
    /// Within the site as long as it has somebody who is allowed, else anywhere.
    Prefer,
}

/// Who is set aside before matching.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Discard {
    /// Nobody.
    #[default]
    None,
    /// Whoever lies outside the range of scores that both arms share.
    Both,
    /// Comparators outside the range of the exposed.
    Comparators,
    /// Exposed outside the range of the comparators.
    Exposed,
}

/// `[balance]`
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct BalanceSection {
    /// Tests of the baseline table; the first that applies to a variable is printed in it. `auto`
    /// stands alone. Default: `chi_squared`, `mann_whitney`.
    pub tests: Vec<BalanceTest>,
    /// Absolute standardised difference above which a variable counts as unbalanced. Default: 0.1.
    pub threshold: f64,
    /// Categories, such as a site, within whose levels balance is reported too. Default: none.
    pub within: Vec<String>,
    /// Categories, such as a site, whose crossing makes the strata of stratified tests. Default: none.
    pub strata: Vec<String>,
    /// Definition of the quartiles of the baseline table, which those of patients with weights do not
    /// have. Default: that of the program that is emulated, `type_7` for R.
    #[serde(default)]
    pub quartiles: QuartileType,
}

/// Definitions of sample quantiles, numbered as by Hyndman and Fan (1996), Am. Stat. 50:361-365.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QuartileType {
    /// A value that so many do not exceed, the mean of two where the share is met exactly.
    #[serde(rename = "type_2")]
    Type2,
    /// Between the values on both sides of position `p (n + 1)`.
    #[serde(rename = "type_6")]
    Type6,
    /// Between the values on both sides of position `1 + p (n - 1)`.
    #[default]
    #[serde(rename = "type_7")]
    Type7,
}

impl QuartileType {
    /// Its number.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Type2 => 2,
            Self::Type6 => 6,
            Self::Type7 => 7,
        }
    }
}

/// Tests of the baseline table.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BalanceTest {
    /// One test per variable and population, by a rule that looks at the data but not at the outcome
    /// of a test. Categories: Pearson's where all expected counts are 5 or more, else Fisher's;
    /// numbers: Welch's t where each arm has 30 values or more and a skewness of at most 1, else
    /// Mann-Whitney. Matched pairs: McNemar's, the paired t or the signed rank test. With `strata`:
    /// Cochran-Mantel-Haenszel or van Elteren.
    Auto,
    /// Pearson's chi-squared test without correction.
    ChiSquared,
    /// The same with Yates's correction, 2 by 2 tables alone.
    ChiSquaredYates,
    /// Fisher's exact test.
    Fisher,
    /// Mann-Whitney U without continuity correction.
    MannWhitney,
    /// Mann-Whitney U with continuity correction.
    MannWhitneyContinuity,
    /// Welch's t test.
    WelchT,
    /// Likelihood-ratio test of independence (G).
    LikelihoodRatio,
    /// Mann-Whitney U, exact with and without ties.
    MannWhitneyExact,
    /// Student's t test.
    StudentT,
    /// Kolmogorov-Smirnov test.
    KolmogorovSmirnov,
    /// McNemar's test with its correction, Bowker's for more than two levels; matched patients alone.
    McNemar,
    /// Exact McNemar test; matched patients alone.
    McNemarExact,
    /// Paired t test; matched patients alone.
    PairedT,
    /// Signed rank test with continuity correction; matched patients alone.
    SignedRank,
    /// Cochran-Mantel-Haenszel test of general association, without correction; needs `strata`.
    CochranMantelHaenszel,
    /// Van Elteren's rank sum test; needs `strata`.
    VanElteren,
}

impl BalanceTest {
    /// Whether it compares the members of matched pairs.
    #[must_use]
    pub fn is_paired(self) -> bool {
        matches!(self, Self::McNemar | Self::McNemarExact | Self::PairedT | Self::SignedRank)
    }

    /// Whether it compares patients of the same stratum alone.
    #[must_use]
    pub fn is_stratified(self) -> bool {
        matches!(self, Self::CochranMantelHaenszel | Self::VanElteren)
    }
}

/// `[survival]`
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SurvivalSection {
    /// Rules for the limits of survival at chosen times; the first also draws the band of the
    /// figures. Default: that of the profile, `log` in R.
    pub interval: Vec<IntervalRule>,
    /// Rules for the limits of the median, a column of the table each. Default: that of the profile, `log` in R.
    pub median_ci: Vec<QuantileRule>,
    /// Rules for the limits of the median follow-up. Default: those of the median.
    pub followup_ci: Vec<QuantileRule>,
    /// Horizons of the restricted mean, in the unit of the study. Default: none.
    pub restricted_mean: Vec<f64>,
    /// Comparisons of the arms, `log_rank` always among them. Default: `log_rank`, and with one-to-one
    /// pairs `log_rank_stratified_by_pair`.
    pub tests: Vec<ComparisonTest>,
    /// Confidence of every interval of the study. Default: 0.95.
    pub confidence: f64,
}

/// Rules for the limits of a survival curve.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IntervalRule {
    /// On the scale of the survival.
    Plain,
    /// On the scale of its logarithm, the default of R.
    #[default]
    Log,
    /// On the scale of the logarithm of the cumulative hazard, the default of SAS.
    LogLog,
    /// On the logit scale.
    Logit,
    /// On the scale of the arcsine of the square root.
    Arcsin,
}

/// Rules for the limits of a quantile.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QuantileRule {
    /// Where the plain limits of the curve cross the level.
    Plain,
    /// Where the log limits cross it.
    #[default]
    Log,
    /// Where the log-log limits cross it.
    LogLog,
    /// Where the logit limits cross it.
    Logit,
    /// Where the arcsine limits cross it.
    Arcsin,
    /// Estimate ± z · SE, as SPSS prints it.
    Spss,
}

/// Comparisons of two curves.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparisonTest {
    /// The log-rank test.
    #[default]
    LogRank,
    /// The log-rank test stratified by matched pair; only in the matched sample.
    LogRankStratifiedByPair,
}

/// `[cox]`
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct CoxSection {
    /// Who is analysed. Default: `matched` or `weighted` when there is such a design, else `all`.
    pub populations: Vec<Population>,
    /// Rule for tied events. Default: that of the profile, `efron` in R.
    pub ties: Ties,
    /// Variance behind intervals and p-values in the matched patients. Default: `robust`, which
    /// patients with weights always have.
    pub variance: Variance,
    /// Terms that are fitted one at a time. Default: the exposure and all variables.
    pub univariable: Vec<String>,
    /// `[[cox.multivariable]]`: models of several terms.
    pub multivariable: Vec<MultivariableModel>,
    /// Scale of time on which hazards are tested for proportionality. Default: `km`.
    pub ph_test: TimeTransform,
    /// Times at which hazard ratios may change in models whose hazards are in doubt, in the unit of
    /// the study. Default: the times of the endpoint, or else the median time of its events.
    #[serde(default)]
    pub piecewise_cuts: Vec<f64>,
}

/// Who is analysed.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Population {
    /// Every analysed patient.
    #[default]
    All,
    /// The matched sample.
    Matched,
    /// The weighted patients.
    Weighted,
    /// The exposed among all analysed patients.
    Exposed,
    /// The comparators among all analysed patients.
    Comparator,
}

impl Population {
    /// Its part of an id.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Matched => "matched",
            Self::Weighted => "weighted",
            Self::Exposed => "exposed",
            Self::Comparator => "comparator",
        }
    }
}

/// Rules for tied events.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    /// The default of R.
    #[default]
    Efron,
    /// The default of SAS and SPSS.
    Breslow,
}

/// Variance of hazard ratios in the matched sample.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Variance {
    /// Sandwich variance with the pairs as clusters, or as the weights of the design want it.
    #[default]
    #[serde(alias = "robust_pair")]
    Robust,
    /// Inverse information, as if the members of a pair were independent.
    Model,
}

/// Scales of time.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeTransform {
    /// One minus the Kaplan-Meier curve.
    #[default]
    Km,
    /// Ranks of the times.
    Rank,
    /// Time itself.
    Identity,
    /// Logarithm of time.
    Log,
}

/// One entry of `[[cox.multivariable]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct MultivariableModel {
    /// Short name without spaces.
    pub id: String,
    /// What the report calls it. Default: its id.
    pub label: String,
    /// Terms to choose from; the exposure is always in the model. Default: the exposure and all
    /// variables. For `p_threshold` each must be listed under `univariable` too.
    pub terms: Vec<String>,
    /// How they are chosen. Default: `listed`.
    pub rule: SelectionRule,
    /// P-value of the likelihood-ratio test below which a term enters: univariable for
    /// `p_threshold`, beside the terms of the model for `forward`. Default: 0.05.
    pub p_below: f64,
    /// P-value above which a term leaves, for `backward` and `forward`. Default: 0.1.
    pub p_above: f64,
    /// `splines.age.degrees_of_freedom = 3`: numbers among the terms that enter as curves instead, for
    /// `listed`. A curve has tests but no hazard ratio. Default: none.
    pub splines: Vec<Spline>,
    /// Who is analysed. Default: the populations of `[cox]`.
    pub populations: Vec<Population>,
}

/// How the terms of a model are chosen.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectionRule {
    /// All that are listed.
    #[default]
    Listed,
    /// Those whose univariable p-value is below a limit.
    PThreshold,
    /// All at first; the one with the largest p-value above the limit leaves, again and again.
    Backward,
    /// None at first; the one with the smallest p-value below the limit enters, again and again,
    /// and after each entry those above the other limit leave.
    Forward,
}

/// One entry of `[[subgroup]]`: the arms compared within levels of some variables, or the levels of
/// one variable compared with each other. A variable is analysed once per population in either way.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Subgroup {
    /// Short name without spaces.
    pub id: String,
    /// What the report calls it. Default: its id.
    pub label: String,
    /// Variables within whose levels the arms are compared; empty when `compare` is given.
    pub variables: Vec<String>,
    /// Levels that are analysed. Default: all levels of each variable.
    pub levels: Vec<String>,
    /// Variable whose levels are compared with each other.
    pub compare: Option<String>,
    /// Who is analysed. Default: `all`.
    pub population: Population,
    /// Rule for tied events in hazard ratios and interaction tests. Default: that of `[cox]`.
    pub ties: Ties,
}

/// `[sensitivity]`
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct SensitivitySection {
    /// Whether to report the E-value of the exposure's univariable hazard ratio, which must be in
    /// `[cox]`: in the matched or weighted patients, or without a design in all. Default: no.
    pub e_value: bool,
    /// `hidden_bias`: bounds of the comparison within matched pairs; absent = none.
    pub hidden_bias: Option<HiddenBiasSection>,
}

/// Rosenbaum's bounds of who of a matched pair has the event first; one-to-one pairs alone.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct HiddenBiasSection {
    /// Factors by which a hidden trait may change the odds of exposure within a pair, each 1 or more.
    /// Default: 1, 1.25, 1.5, 2, 3.
    pub gammas: Vec<f64>,
    /// One-sided level whose largest factor is sought. Default: 0.025.
    pub level: f64,
}

/// `[bootstrap]`: intervals of the headline numbers from resampled patients.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct BootstrapSection {
    /// Seed of the replicates. Default: 0.
    pub seed: u64,
    /// Number of replicates. Default: 2000.
    pub replicates: usize,
    /// What a replicate repeats. Default: `outcome`.
    pub scopes: Vec<BootstrapScope>,
    /// The exposure, or categories such as a site, in whose crossings as many patients are drawn as there
    /// are. Matched pairs are drawn within those on which they agree: `exact` variables and an exact site.
    /// Default: none.
    pub strata: Vec<String>,
    /// `methods.median = ["percentile"]`: which intervals scope `outcome` makes of each kind of number.
    pub methods: BootstrapMethods,
    /// Which intervals scope `pipeline` makes: `percentile`, `basic` or `bca`, which makes score and design
    /// again without each patient, of whom there are at most 5000 then. Default: `percentile`.
    pub pipeline_methods: Vec<BootstrapMethod>,
    /// Confidence of these intervals. Default: that of `[survival]`.
    pub confidence: f64,
}

/// What a replicate repeats.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BootstrapScope {
    /// The analysis of the outcome: matched pairs or sets are drawn as they are, or patients without such.
    Outcome,
    /// Score, matching or weights, and analysis: patients are drawn.
    Pipeline,
}

impl BootstrapScope {
    /// Its word in the study file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::Pipeline => "pipeline",
        }
    }
}

/// Which intervals are made of each kind of number.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct BootstrapMethods {
    /// Hazard ratios. Default: `bca`.
    pub hazard_ratio: Vec<BootstrapMethod>,
    /// Medians and their difference. Default: `percentile`: replicates of a median are discrete.
    pub median: Vec<BootstrapMethod>,
    /// Survival at times and its difference. Default: `bca`.
    pub survival: Vec<BootstrapMethod>,
    /// Restricted means and their difference. Default: `bca`.
    pub restricted_mean: Vec<BootstrapMethod>,
}

/// How replicates make an interval.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum BootstrapMethod {
    /// Quantiles of the replicates.
    Percentile,
    /// The same, mirrored at the estimate.
    Basic,
    /// By bias and standard deviation of the replicates.
    Normal,
    /// By distances in the replicates' own standard errors; not for medians.
    Studentized,
    /// Bias-corrected and accelerated, with the jackknife over what is drawn.
    Bca,
}

impl BootstrapMethod {
    /// Its word in the study file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Percentile => "percentile",
            Self::Basic => "basic",
            Self::Normal => "normal",
            Self::Studentized => "studentized",
            Self::Bca => "bca",
        }
    }
}

impl Protocol {
    /// The population in which the design makes the arms comparable; absent without a design.
    #[must_use]
    pub fn adjusted(&self) -> Option<Population> {
        match (&self.matching, &self.weighting) {
            (Some(_), _) => Some(Population::Matched),
            (None, Some(_)) => Some(Population::Weighted),
            (None, None) => None,
        }
    }

    /// Whether the patients of a population have weights: where they are weighted, and where they
    /// are matched other than one to one.
    #[must_use]
    pub fn has_weights(&self, population: Population) -> bool {
        match population {
            Population::Weighted => true,
            Population::Matched => {
                self.matching.as_ref().is_some_and(|section| !section.is_one_to_one())
            }
            Population::All | Population::Exposed | Population::Comparator => false,
        }
    }

    /// The variable of the site, if there are several.
    #[must_use]
    pub fn site(&self) -> Option<&Variable> {
        let matched = self.matching.as_ref().and_then(|section| section.site.as_ref());
        let name = self.study.site.as_ref().or(matched.map(|site| &site.variable))?;
        self.variable(name)
    }

    /// The variable of this name.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| variable.name == name)
    }

    /// The variables of the baseline table: all but those that only some patients can have.
    pub fn baseline_variables(&self) -> impl Iterator<Item = &Variable> {
        self.variables.iter().filter(|variable| variable.among.is_none())
    }
}
