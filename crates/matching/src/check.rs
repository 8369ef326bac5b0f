//! Which settings fit together.

use crate::full::members;
use crate::query::{
    Caliper, CaliperScale, Coarsening, Estimand, FullOptions, MatchOrder, MatchQuery, Method,
    Ratio, SiteRule,
};
use crate::subjects::is_on_score;
use crate::{Discard, MatchOption, MatchingError};

/// Refuses a question whose settings are out of range or contradict each other.
///
/// Looks at no column, so that whoever reads a question can ask before there are data.
pub fn check(query: &MatchQuery) -> Result<(), MatchingError> {
    score(query)?;
    covariates(query)?;
    keys(query)?;
    calipers(query)?;
    estimand(query)?;
    numbers(query)
}

fn forms_pairs(method: &Method) -> bool {
    matches!(method, Method::Nearest(_) | Method::Optimal(_) | Method::Full(_) | Method::Spss(_))
}

fn score(query: &MatchQuery) -> Result<(), MatchingError> {
    let order = match &query.method {
        Method::Nearest(options) => options.order,
        _ => None,
    };
    let why = if is_on_score(&query.method) {
        "the method measures distances between scores"
    } else if query.caliper.is_some() {
        "a caliper limits differences of scores"
    } else if query.discard != Discard::None {
        "common support is that of a score"
    } else if matches!(order, Some(MatchOrder::Largest | MatchOrder::Smallest)) {
        "the order of choice is that of a score"
    } else {
        return Ok(());
    };
    match query.score {
        Some(_) => Ok(()),
        None => Err(MatchOption::Score.refused(format!("{why}: name the column of a score"))),
    }
}

fn covariates(query: &MatchQuery) -> Result<(), MatchingError> {
    let needs = match &query.method {
        Method::Coarsened(_) => true,
        Method::Exact => false,
        method => !is_on_score(method),
    };
    match (needs, query.covariates.is_empty()) {
        (true, true) => {
            Err(MatchOption::Covariates
                .refused("Mahalanobis distances and coarsening need covariates"))
        }
        (false, false) => Err(MatchOption::Covariates
            .refused("covariates serve Mahalanobis distances and coarsening alone")),
        _ => Ok(()),
    }
}

fn keys(query: &MatchQuery) -> Result<(), MatchingError> {
    if query.method == Method::Exact && query.exact.is_empty() {
        return Err(MatchOption::Exact.refused("exact matching needs exact keys"));
    }
    if matches!(query.method, Method::Subclass(_)) && !query.exact.is_empty() {
        return Err(MatchOption::Exact.refused("subclasses of a score have no exact keys"));
    }
    if !forms_pairs(&query.method) && !query.anti_exact.is_empty() {
        return Err(MatchOption::AntiExact.refused("anti-exact keys need a method of pairs"));
    }
    let is_nearest = matches!(query.method, Method::Nearest(_));
    match &query.site {
        Some(site) if site.rule == SiteRule::Prefer && !is_nearest => Err(MatchOption::Site
            .refused("a site can be preferred by nearest neighbours alone; make it exact")),
        Some(_) if matches!(query.method, Method::Subclass(_)) => {
            Err(MatchOption::Site.refused("subclasses of a score know no sites"))
        }
        _ => Ok(()),
    }
}

fn calipers(query: &MatchQuery) -> Result<(), MatchingError> {
    let is_pairs = forms_pairs(&query.method);
    if let Some(caliper) = query.caliper {
        if !is_pairs {
            return Err(MatchOption::Caliper.refused("a caliper needs a method of pairs"));
        }
        check_width(caliper, MatchOption::Caliper)?;
    } else if matches!(query.method, Method::Spss(_)) {
        return Err(MatchOption::Caliper
            .refused("the matching of SPSS needs a caliper: it is the match tolerance"));
    }
    for (index, limit) in query.covariate_calipers.iter().enumerate() {
        let option = MatchOption::CovariateCaliper(index);
        if !is_pairs {
            return Err(option.refused("a caliper needs a method of pairs"));
        }
        if limit.caliper.scale == CaliperScale::LogitStandardDeviations {
            return Err(option.refused("a covariate has no logit"));
        }
        check_width(limit.caliper, option)?;
    }
    Ok(())
}

fn check_width(caliper: Caliper, option: MatchOption) -> Result<(), MatchingError> {
    if caliper.width.is_finite() && caliper.width >= 0.0 {
        Ok(())
    } else {
        Err(option.refused("the caliper must be a finite number that is not negative"))
    }
}

fn estimand(query: &MatchQuery) -> Result<(), MatchingError> {
    let has_focus =
        matches!(query.method, Method::Nearest(_) | Method::Optimal(_) | Method::Spss(_));
    if has_focus && query.estimand == Estimand::Ate {
        let why = "the method gives partners to one arm: ask for that arm's effect, or for full \
                   matching or subclasses";
        return Err(MatchOption::Estimand.refused(why));
    }
    Ok(())
}

/// Most classes of a score, and most bins of a covariate: each has a cut, and no sample fills more.
const MOST_CLASSES: usize = 10_000;

fn too_many(what: &str) -> String {
    format!("there may be {MOST_CLASSES} {what} at most")
}

fn numbers(query: &MatchQuery) -> Result<(), MatchingError> {
    match &query.method {
        Method::Nearest(options) => ratio(query, options.ratio),
        Method::Optimal(options) => ratio(query, Ratio::Fixed(options.ratio)),
        Method::Subclass(options) if options.n_subclasses == 0 => {
            Err(MatchOption::Subclasses.refused("there must be one subclass at least"))
        }
        Method::Subclass(options) if options.n_subclasses > MOST_CLASSES => {
            Err(MatchOption::Subclasses.refused(too_many("subclasses")))
        }
        Method::Coarsened(rules) => coarsening(query, rules),
        Method::Full(options) => full(options),
        Method::Subclass(_) | Method::Exact | Method::Spss(_) => Ok(()),
    }
}

fn ratio(query: &MatchQuery, ratio: Ratio) -> Result<(), MatchingError> {
    match ratio {
        Ratio::Fixed(0) => Err(MatchOption::Ratio.refused("the ratio must be 1 at least")),
        Ratio::Fixed(_) => Ok(()),
        Ratio::Variable { min: 0, .. } => {
            Err(MatchOption::MinRatio.refused("the smallest ratio must be 1 at least"))
        }
        Ratio::Variable { min, max, .. } if max <= min => {
            Err(MatchOption::MaxRatio.refused("the largest ratio must be above the smallest"))
        }
        Ratio::Variable { mean, min, max } if !(min as f64 <= mean && mean < max as f64) => {
            let why = "the mean ratio must be below the largest and not below the smallest";
            Err(MatchOption::MeanRatio.refused(why))
        }
        Ratio::Variable { .. } if query.score.is_none() => {
            Err(MatchOption::Score.refused("a variable ratio goes by a score: name its column"))
        }
        Ratio::Variable { .. } => Ok(()),
    }
}

fn full(options: &FullOptions) -> Result<(), MatchingError> {
    let FullOptions { min_ratio, max_ratio, omitted_share, .. } = *options;
    let is_ratio = |ratio: f64| ratio > 0.0 && ratio.is_finite() && members(ratio).is_some();
    let terms = "must be a whole number or one over a whole number";
    if min_ratio != 0.0 && !is_ratio(min_ratio) {
        return Err(MatchOption::MinSetRatio.refused(format!("the smallest ratio {terms}, or 0")));
    }
    if max_ratio.is_some_and(|max| !is_ratio(max)) {
        return Err(MatchOption::MaxSetRatio.refused(format!("the largest ratio {terms}")));
    }
    if max_ratio.is_some_and(|max| max < min_ratio) {
        return Err(
            MatchOption::MaxSetRatio.refused("the largest ratio must not be below the smallest")
        );
    }
    if !(0.0..1.0).contains(&omitted_share) {
        let why = "the share of partners who may be left out must be from 0 to below 1";
        return Err(MatchOption::OmittedShare.refused(why));
    }
    if omitted_share > 0.0 && max_ratio.is_some_and(|max| max < 1.0) {
        let why = "partners cannot be left out where each of them must have several focal subjects";
        return Err(MatchOption::OmittedShare.refused(why));
    }
    Ok(())
}

fn coarsening(query: &MatchQuery, rules: &[Coarsening]) -> Result<(), MatchingError> {
    if rules.len() != query.covariates.len() {
        return Err(MatchOption::Covariates.refused("each covariate needs one coarsening rule"));
    }
    for (index, rule) in rules.iter().enumerate() {
        let option = MatchOption::Coarsening(index);
        match rule {
            Coarsening::Bins(0) => return Err(option.refused("there must be one bin at least")),
            Coarsening::Quantiles(0) => {
                return Err(option.refused("there must be one quantile bin at least"));
            }
            Coarsening::Bins(n) | Coarsening::Quantiles(n) if *n > MOST_CLASSES => {
                return Err(option.refused(too_many("bins")));
            }
            Coarsening::Cuts(cuts) if !cuts.iter().all(|cut| cut.is_finite()) => {
                return Err(option.refused("cut points must be finite"));
            }
            _ => {}
        }
    }
    Ok(())
}
