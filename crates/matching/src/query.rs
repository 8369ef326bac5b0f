//! What may be asked of this crate, in terms of a cohort's columns.

use propensity::Discard;

/// Who is matched to whom, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchQuery {
    /// Column that tells the exposed from their comparators; it has exactly two levels.
    pub exposure: String,
    /// Level of the exposed.
    pub exposed: String,
    /// For whom the matched sample is to speak.
    pub estimand: Estimand,
    /// How the sets are formed.
    pub method: Method,
    /// Numeric column of the score; needed unless distances are measured on covariates alone.
    pub score: Option<String>,
    /// Columns of the covariates: of a Mahalanobis distance, or those that are coarsened.
    pub covariates: Vec<String>,
    /// Largest difference of scores allowed; absent = any.
    pub caliper: Option<Caliper>,
    /// Largest differences of covariates allowed.
    pub covariate_calipers: Vec<CovariateCaliper>,
    /// Columns on whose values both members of a pair agree.
    pub exact: Vec<String>,
    /// Columns on whose values the members of a pair differ.
    pub anti_exact: Vec<String>,
    /// What the site means; absent = nothing.
    pub site: Option<Site>,
    /// Who is set aside before matching because the other arm has no score like theirs.
    pub discard: Discard,
}

impl MatchQuery {
    /// Pairs of nearest neighbours on a score, with the defaults of MatchIt and without a caliper.
    pub fn nearest(
        exposure: impl Into<String>,
        exposed: impl Into<String>,
        score: impl Into<String>,
    ) -> Self {
        Self {
            exposure: exposure.into(),
            exposed: exposed.into(),
            estimand: Estimand::default(),
            method: Method::Nearest(NearestOptions::default()),
            score: Some(score.into()),
            covariates: Vec::new(),
            caliper: None,
            covariate_calipers: Vec::new(),
            exact: Vec::new(),
            anti_exact: Vec::new(),
            site: None,
            discard: Discard::default(),
        }
    }

    /// Whether the sets are pairs and nobody is in two of them: weights are then 1 or 0.
    #[must_use]
    pub fn is_one_to_one(&self) -> bool {
        match &self.method {
            Method::Nearest(options) => options.ratio == Ratio::Fixed(1) && !options.replacement,
            Method::Optimal(options) => options.ratio == 1,
            Method::Spss(options) => !options.replacement,
            Method::Full(_) | Method::Subclass(_) | Method::Coarsened(_) | Method::Exact => false,
        }
    }

    /// The columns that are read, without repetition.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let mut columns = vec![self.exposure.as_str()];
        columns.extend(self.score.as_deref());
        columns.extend(self.covariates.iter().map(String::as_str));
        columns.extend(self.covariate_calipers.iter().map(|caliper| caliper.column.as_str()));
        columns.extend(self.exact.iter().chain(&self.anti_exact).map(String::as_str));
        columns.extend(self.site.as_ref().map(|site| site.column.as_str()));
        let mut seen = Vec::new();
        columns.retain(|column| {
            let is_new = !seen.contains(column);
            seen.push(*column);
            is_new
        });
        columns
    }
}

/// For whom a matched sample is to speak. The *focal* arm is the one whose members are given
/// partners: the exposed, or for [`Estimand::Atc`] the comparators.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Estimand {
    /// The exposed: average effect in the treated.
    #[default]
    Att,
    /// The comparators: average effect in the controls.
    Atc,
    /// Both arms together; only for methods that form subclasses.
    Ate,
}

/// How sets are formed.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// Each focal subject in turn takes the nearest partner that is left.
    Nearest(NearestOptions),
    /// Sets with the smallest total distance among those with the most pairs.
    Optimal(OptimalOptions),
    /// Everybody with an allowed partner is in a set of one and many, with the smallest total
    /// distance.
    Full(FullOptions),
    /// Classes of similar score.
    Subclass(SubclassOptions),
    /// Classes of equal covariates after numbers are coarsened; one rule per covariate.
    Coarsened(Vec<Coarsening>),
    /// Classes of equal [`MatchQuery::exact`] columns.
    Exact,
    /// Case-control matching as SPSS does it: a random free partner within the caliper.
    Spss(SpssOptions),
}

/// How far apart two subjects are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Distance {
    /// Difference of their scores.
    #[default]
    Score,
    /// Mahalanobis distance of their covariates, by the covariance within the arms.
    Mahalanobis,
    /// The same on ranks, whose variances are those of untied ranks.
    RobustMahalanobis,
}

/// Options of nearest neighbour matching.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NearestOptions {
    /// How far apart two subjects are.
    pub distance: Distance,
    /// In which order focal subjects choose; absent = largest score first for
    /// [`Estimand::Att`], smallest for [`Estimand::Atc`], id order without a score or with
    /// replacement.
    pub order: Option<MatchOrder>,
    /// Seed of [`MatchOrder::Random`].
    pub seed: u64,
    /// How many partners a focal subject may take.
    pub ratio: Ratio,
    /// Whether a partner may be taken by several focal subjects.
    pub replacement: bool,
}

/// In which order focal subjects choose; equal scores choose in id order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MatchOrder {
    /// Largest score first.
    Largest,
    /// Smallest score first.
    Smallest,
    /// The pair that is nearest of all first.
    Closest,
    /// Whoever is farthest from the nearest partner, as it stands when a round begins, first.
    Farthest,
    /// A random order, which depends on the seed and the ids alone.
    Random,
    /// Id order.
    Data,
}

/// How many partners a focal subject may take, one per round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ratio {
    /// This many.
    Fixed(usize),
    /// Between two numbers, with this mean: the more the less a focal subject's score is on its own
    /// arm's side. Ming and Rosenbaum (2000), Biometrics 56:118-124; `min.controls` and
    /// `max.controls` of `matchit`.
    Variable {
        /// Mean number of partners, above `min` and below `max`.
        mean: f64,
        /// Smallest number.
        min: usize,
        /// Largest number.
        max: usize,
    },
}

impl Default for Ratio {
    fn default() -> Self {
        Self::Fixed(1)
    }
}

/// Options of optimal matching.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OptimalOptions {
    /// How far apart two subjects are.
    pub distance: Distance,
    /// How many partners a focal subject is given at most.
    pub ratio: usize,
}

impl Default for OptimalOptions {
    fn default() -> Self {
        Self { distance: Distance::default(), ratio: 1 }
    }
}

/// Options of full matching, without which sets are of any size.
///
/// With bounds, as many focal subjects as there can be are in sets, then as many partners as there can
/// be or have to, with the smallest total distance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FullOptions {
    /// How far apart two subjects are.
    pub distance: Distance,
    /// Smallest number of partners per focal subject within a set: a whole number or, where focal
    /// subjects share a partner, one over a whole number; 0 = any. `min.controls` of `fullmatch` in R.
    pub min_ratio: f64,
    /// Largest number of partners per focal subject within a set, in the same terms, not below the
    /// smallest; absent = any. `max.controls` of `fullmatch`.
    pub max_ratio: Option<f64>,
    /// Share of the partners of each class, of those who are allowed a pair, who may be left out: from
    /// 0 to below 1. `omit.fraction` of `fullmatch` where it is positive.
    pub omitted_share: f64,
}

/// Options of subclassification.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SubclassOptions {
    /// Number of classes, cut at quantiles of the score in the focal arm, or in both for
    /// [`Estimand::Ate`].
    pub n_subclasses: usize,
    /// Least number of subjects of each arm in a class; who is missing comes from its neighbours.
    pub min_n: usize,
}

impl Default for SubclassOptions {
    fn default() -> Self {
        Self { n_subclasses: 6, min_n: 1 }
    }
}

/// How a covariate is coarsened. Intervals hold their lower end.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Coarsening {
    /// `⌈log2(n) + 1⌉` bins of equal width; a categorical column keeps its levels.
    #[default]
    Sturges,
    /// This many bins of equal width.
    Bins(usize),
    /// Bins between this many quantiles of type 7.
    Quantiles(usize),
    /// Bins between these cut points.
    Cuts(Vec<f64>),
    /// Values as they are.
    Values,
}

/// Options of the emulation of SPSS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SpssOptions {
    /// Seed of the random choices.
    pub seed: u64,
    /// Whether partners of the very same score go first.
    pub exact_first: bool,
    /// Whether focal subjects choose in a random order; otherwise in id order.
    pub random_order: bool,
    /// Whether a partner may be taken by several focal subjects.
    pub replacement: bool,
}

impl Default for SpssOptions {
    fn default() -> Self {
        Self { seed: 0, exact_first: true, random_order: true, replacement: false }
    }
}

/// Largest difference allowed within a pair; the limit itself is allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Caliper {
    /// Width in units of the scale; not negative.
    pub width: f64,
    /// The scale.
    pub scale: CaliperScale,
}

/// Unit of a caliper.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CaliperScale {
    /// Standard deviation (n - 1) of the column over all selected subjects that are not discarded.
    #[default]
    StandardDeviations,
    /// The column itself.
    Raw,
    /// Standard deviation (n - 1) of the logit of a score that is a probability; differences are
    /// then measured between logits. Not for covariates.
    LogitStandardDeviations,
}

/// Largest difference of a covariate allowed within a pair.
#[derive(Clone, Debug, PartialEq)]
pub struct CovariateCaliper {
    /// Numeric column.
    pub column: String,
    /// The limit.
    pub caliper: Caliper,
}

/// What a site means for matching.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Site {
    /// Column of the site.
    pub column: String,
    /// What it means.
    pub rule: SiteRule,
}

/// Where partners are sought.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SiteRule {
    /// Within the site alone, as an exact key.
    Exact,
    /// Within the site as long as it has somebody who is allowed, else anywhere.
    Prefer,
}
