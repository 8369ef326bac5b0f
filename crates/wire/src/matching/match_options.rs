//! How matched sets are formed: methods with their settings.

use crate::common::{count, enum_conversion};
use crate::pb::matching as pb;
use crate::violation::Violations;
use matching::{
    Caliper, CaliperScale, Coarsening, CovariateCaliper, Discard, Distance, Estimand, FullOptions,
    MatchOption, MatchOrder, MatchQuery, Method, NearestOptions, OptimalOptions, Ratio, Site,
    SiteRule, SpssOptions, SubclassOptions,
};

enum_conversion!(
    scale_to,
    scale_from,
    CaliperScale,
    pb::CaliperScale,
    Some(CaliperScale::default()),
    [StandardDeviations, Raw, LogitStandardDeviations]
);
enum_conversion!(
    distance_to,
    distance_from,
    Distance,
    pb::MatchDistance,
    Some(Distance::default()),
    [Score, Mahalanobis, RobustMahalanobis]
);
enum_conversion!(
    estimand_to,
    estimand_from,
    Estimand,
    pb::MatchEstimand,
    Some(Estimand::default()),
    [Att, Atc, Ate]
);
enum_conversion!(
    discard_to,
    discard_from,
    Discard,
    pb::DiscardRule,
    Some(Discard::default()),
    [None, Both, Comparators, Exposed]
);
enum_conversion!(
    site_to,
    site_from,
    SiteRule,
    pb::SiteRule,
    Some(SiteRule::Exact),
    [Exact, Prefer]
);

/// Largest seed; larger whole numbers are no numbers of JavaScript.
const LARGEST_SEED: u64 = (1 << 53) - 1;

/// Where a setting stands in the request.
#[must_use]
pub fn match_option_path(option: MatchOption) -> String {
    match option {
        MatchOption::Score => "distance_column".into(),
        MatchOption::Covariates => "covariate_columns".into(),
        MatchOption::Exact => "exact_columns".into(),
        MatchOption::AntiExact => "anti_exact_columns".into(),
        MatchOption::Caliper => "options.caliper".into(),
        MatchOption::CovariateCaliper(index) => format!("options.covariate_calipers[{index}]"),
        MatchOption::Ratio => "options.ratio".into(),
        MatchOption::MeanRatio => "options.mean_ratio".into(),
        MatchOption::MinRatio => "options.minimum_ratio".into(),
        MatchOption::MaxRatio => "options.maximum_ratio".into(),
        MatchOption::MinSetRatio => "options.minimum_set_ratio".into(),
        MatchOption::MaxSetRatio => "options.maximum_set_ratio".into(),
        MatchOption::OmittedShare => "options.omitted_share".into(),
        MatchOption::Estimand => "options.estimand".into(),
        MatchOption::Site => "options.site_rule".into(),
        MatchOption::Subclasses => "options.subclass_count".into(),
        MatchOption::Coarsening(index) => format!("options.coarsenings[{index}]"),
    }
}

/// The options in force.
pub(super) fn options_to(query: &MatchQuery) -> pb::MatchOptions {
    let caliper = query.caliper;
    let options = pb::MatchOptions {
        caliper: caliper.map(|caliper| caliper.width),
        caliper_scale: scale_to(caliper.map_or_else(Default::default, |caliper| caliper.scale)),
        estimand: estimand_to(query.estimand),
        discard: discard_to(query.discard),
        covariate_calipers: query.covariate_calipers.iter().map(limit_to).collect(),
        site_rule: query.site.as_ref().map_or(0, |site| site_to(site.rule)),
        ..pb::MatchOptions::default()
    };
    with_method(options, &query.method)
}

fn limit_to(limit: &CovariateCaliper) -> pb::CovariateCaliper {
    pb::CovariateCaliper {
        column: limit.column.clone(),
        width: limit.caliper.width,
        scale: scale_to(limit.caliper.scale),
    }
}

fn with_method(options: pb::MatchOptions, method: &Method) -> pb::MatchOptions {
    let seed = |seed: u64| i64::try_from(seed.min(LARGEST_SEED)).unwrap_or_default();
    match method {
        Method::Nearest(nearest) => with_ratio(
            pb::MatchOptions {
                method: pb::MatchMethod::Nearest as i32,
                distance: distance_to(nearest.distance),
                order: order_to(nearest.order),
                // Nothing else draws.
                seed: (nearest.order == Some(MatchOrder::Random)).then(|| seed(nearest.seed)),
                replacement: nearest.replacement,
                ..options
            },
            nearest.ratio,
        ),
        Method::Optimal(optimal) => with_ratio(
            pb::MatchOptions {
                method: pb::MatchMethod::Optimal as i32,
                distance: distance_to(optimal.distance),
                ..options
            },
            Ratio::Fixed(optimal.ratio),
        ),
        Method::Full(full) => pb::MatchOptions {
            method: pb::MatchMethod::Full as i32,
            distance: distance_to(full.distance),
            minimum_set_ratio: Some(full.min_ratio),
            maximum_set_ratio: full.max_ratio,
            omitted_share: Some(full.omitted_share),
            ..options
        },
        Method::Subclass(subclass) => pb::MatchOptions {
            method: pb::MatchMethod::Subclass as i32,
            subclass_count: Some(count(subclass.n_subclasses)),
            minimum_arm_count: Some(count(subclass.min_n)),
            ..options
        },
        Method::Coarsened(rules) => pb::MatchOptions {
            method: pb::MatchMethod::Coarsened as i32,
            coarsenings: rules.iter().map(coarsening_to).collect(),
            ..options
        },
        Method::Exact => pb::MatchOptions { method: pb::MatchMethod::Exact as i32, ..options },
        Method::Spss(spss) => pb::MatchOptions {
            method: pb::MatchMethod::Spss as i32,
            order: order_to(Some(if spss.random_order {
                MatchOrder::Random
            } else {
                MatchOrder::Data
            })),
            seed: Some(seed(spss.seed)),
            replacement: spss.replacement,
            same_score_first: Some(spss.exact_first),
            ..options
        },
    }
}

fn with_ratio(options: pb::MatchOptions, ratio: Ratio) -> pb::MatchOptions {
    match ratio {
        Ratio::Fixed(ratio) => pb::MatchOptions { ratio: Some(count(ratio)), ..options },
        Ratio::Variable { mean, min, max } => pb::MatchOptions {
            mean_ratio: Some(mean),
            minimum_ratio: Some(count(min)),
            maximum_ratio: Some(count(max)),
            ..options
        },
    }
}

fn order_to(order: Option<MatchOrder>) -> i32 {
    (match order {
        None => pb::MatchOrder::Unspecified,
        Some(MatchOrder::Largest) => pb::MatchOrder::Largest,
        Some(MatchOrder::Smallest) => pb::MatchOrder::Smallest,
        Some(MatchOrder::Data) => pb::MatchOrder::Data,
        Some(MatchOrder::Closest) => pb::MatchOrder::Closest,
        Some(MatchOrder::Farthest) => pb::MatchOrder::Farthest,
        Some(MatchOrder::Random) => pb::MatchOrder::Random,
    }) as i32
}

fn order_from(violations: &mut Violations, number: i32) -> Option<Option<MatchOrder>> {
    let order = pb::MatchOrder::try_from(number).ok();
    Some(match violations.require_known("options.order", order)? {
        pb::MatchOrder::Unspecified => None,
        pb::MatchOrder::Largest => Some(MatchOrder::Largest),
        pb::MatchOrder::Smallest => Some(MatchOrder::Smallest),
        pb::MatchOrder::Data => Some(MatchOrder::Data),
        pb::MatchOrder::Closest => Some(MatchOrder::Closest),
        pb::MatchOrder::Farthest => Some(MatchOrder::Farthest),
        pb::MatchOrder::Random => Some(MatchOrder::Random),
    })
}

fn coarsening_to(rule: &Coarsening) -> pb::Coarsening {
    let of = |rule: pb::CoarseningRule, bins: Option<usize>, cuts: &[f64]| pb::Coarsening {
        rule: rule as i32,
        bin_count: bins.map(count),
        cuts: cuts.to_vec(),
    };
    match rule {
        Coarsening::Sturges => of(pb::CoarseningRule::Sturges, None, &[]),
        Coarsening::Bins(bins) => of(pb::CoarseningRule::Bins, Some(*bins), &[]),
        Coarsening::Quantiles(bins) => of(pb::CoarseningRule::Quantiles, Some(*bins), &[]),
        Coarsening::Cuts(cuts) => of(pb::CoarseningRule::Cuts, None, cuts),
        Coarsening::Values => of(pb::CoarseningRule::Values, None, &[]),
    }
}

/// Options that belong to a question about some columns.
pub(super) struct Options {
    pub method: Method,
    pub estimand: Estimand,
    pub caliper: Option<Caliper>,
    pub covariate_calipers: Vec<CovariateCaliper>,
    pub site: Option<Site>,
    pub discard: Discard,
}

/// Reads options; refuses those that the method does not know.
pub(super) fn options_from(
    violations: &mut Violations,
    options: pb::MatchOptions,
    site_column: String,
    n_covariates: usize,
) -> Option<Options> {
    let estimand = violations.require_known("options.estimand", estimand_from(options.estimand));
    let discard = violations.require_known("options.discard", discard_from(options.discard));
    let caliper = caliper_from(violations, &options);
    let site = site_rule_from(violations, &options, site_column);
    let mut covariate_calipers = Vec::new();
    for (index, limit) in options.covariate_calipers.iter().enumerate() {
        let path = format!("options.covariate_calipers[{index}]");
        covariate_calipers.extend(limit_from(violations, &path, limit));
    }
    let method = method_from(violations, options, n_covariates);
    Some(Options {
        method: method?,
        estimand: estimand?,
        caliper: caliper?,
        covariate_calipers,
        site: site?,
        discard: discard?,
    })
}

fn caliper_from(
    violations: &mut Violations,
    options: &pb::MatchOptions,
) -> Option<Option<Caliper>> {
    let scale = scale_from(options.caliper_scale);
    let scale = violations.require_known("options.caliper_scale", scale)?;
    let caliper = |width| Caliper { width, scale };
    Some(match options.caliper {
        // The default of an answer's options may come back.
        None if scale != CaliperScale::default() => {
            violations.add("options.caliper_scale", "measures `caliper`, which is absent");
            return None;
        }
        None => None,
        Some(width) => Some(caliper(width_from(violations, "options.caliper", width)?)),
    })
}

fn width_from(violations: &mut Violations, path: &str, width: f64) -> Option<f64> {
    let is_valid = width.is_finite() && width >= 0.0;
    violations.check(path, is_valid.then_some(width).ok_or("must be finite and not negative"))
}

fn limit_from(
    violations: &mut Violations,
    path: &str,
    limit: &pb::CovariateCaliper,
) -> Option<CovariateCaliper> {
    let column =
        crate::common::required_name(violations, &format!("{path}.column"), limit.column.clone());
    let width = width_from(violations, &format!("{path}.width"), limit.width);
    let scale = violations.require_known(format!("{path}.scale"), scale_from(limit.scale));
    Some(CovariateCaliper { column: column?, caliper: Caliper { width: width?, scale: scale? } })
}

fn site_rule_from(
    violations: &mut Violations,
    options: &pb::MatchOptions,
    column: String,
) -> Option<Option<Site>> {
    let rule = violations.require_known("options.site_rule", site_from(options.site_rule))?;
    if column.is_empty() && options.site_rule != 0 {
        violations.add("site_column", "a rule for sites needs their column");
        return None;
    }
    Some((!column.is_empty()).then_some(Site { column, rule }))
}

fn method_from(
    violations: &mut Violations,
    options: pb::MatchOptions,
    n_covariates: usize,
) -> Option<Method> {
    let method = pb::MatchMethod::try_from(options.method).ok();
    let method = match violations.require_known("options.method", method)? {
        pb::MatchMethod::Unspecified => pb::MatchMethod::Nearest,
        method => method,
    };
    refuse_foreign(violations, &options, method);
    let distance = violations.require_known("options.distance", distance_from(options.distance))?;
    Some(match method {
        pb::MatchMethod::Unspecified | pb::MatchMethod::Nearest => {
            let ratio = ratio_from(violations, &options);
            let order = order_from(violations, options.order);
            let seed = seed_from(violations, options.seed);
            if options.seed.is_some() && order != Some(Some(MatchOrder::Random)) {
                violations.add("options.seed", "seeds nothing: the order is not RANDOM");
            }
            Method::Nearest(NearestOptions {
                distance,
                order: order?,
                seed: seed?,
                ratio: ratio?,
                replacement: options.replacement,
            })
        }
        pb::MatchMethod::Optimal => {
            let ratio = positive(violations, "options.ratio", options.ratio, 1)?;
            Method::Optimal(OptimalOptions { distance, ratio })
        }
        pb::MatchMethod::Full => Method::Full(FullOptions {
            distance,
            min_ratio: options.minimum_set_ratio.unwrap_or(0.0),
            max_ratio: options.maximum_set_ratio,
            omitted_share: options.omitted_share.unwrap_or(0.0),
        }),
        pb::MatchMethod::Subclass => {
            let by_default = SubclassOptions::default();
            let (n, min_n) = (options.subclass_count, options.minimum_arm_count.unwrap_or(1));
            let n = positive(violations, "options.subclass_count", n, by_default.n_subclasses);
            let min_n = usize::try_from(min_n).map_err(|_| "must not be negative");
            let min_n = violations.check("options.minimum_arm_count", min_n);
            Method::Subclass(SubclassOptions { n_subclasses: n?, min_n: min_n? })
        }
        pb::MatchMethod::Coarsened => {
            Method::Coarsened(coarsenings_from(violations, options.coarsenings, n_covariates)?)
        }
        pb::MatchMethod::Exact => Method::Exact,
        pb::MatchMethod::Spss => Method::Spss(spss_from(violations, &options)?),
    })
}

/// Settings that a method does not know would be ignored, which nobody may take for obeyed.
fn refuse_foreign(
    violations: &mut Violations,
    options: &pb::MatchOptions,
    method: pb::MatchMethod,
) {
    use pb::MatchMethod::{Coarsened, Full, Nearest, Optimal, Spss, Subclass};
    let settings: [(&str, bool, &[pb::MatchMethod]); 16] = [
        ("order", options.order != 0, &[Nearest, Spss]),
        ("distance", options.distance > 1, &[Nearest, Optimal, Full]),
        ("ratio", options.ratio.is_some(), &[Nearest, Optimal]),
        ("mean_ratio", options.mean_ratio.is_some(), &[Nearest]),
        ("minimum_ratio", options.minimum_ratio.is_some(), &[Nearest]),
        ("maximum_ratio", options.maximum_ratio.is_some(), &[Nearest]),
        ("minimum_set_ratio", options.minimum_set_ratio.is_some(), &[Full]),
        ("maximum_set_ratio", options.maximum_set_ratio.is_some(), &[Full]),
        ("omitted_share", options.omitted_share.is_some(), &[Full]),
        ("replacement", options.replacement, &[Nearest, Spss]),
        ("seed", options.seed.is_some(), &[Nearest, Spss]),
        ("subclass_count", options.subclass_count.is_some(), &[Subclass]),
        ("minimum_arm_count", options.minimum_arm_count.is_some(), &[Subclass]),
        ("coarsenings", !options.coarsenings.is_empty(), &[Coarsened]),
        ("same_score_first", options.same_score_first.is_some(), &[Spss]),
        (
            "covariate_calipers",
            !options.covariate_calipers.is_empty(),
            &[Nearest, Optimal, Full, Spss],
        ),
    ];
    for (name, is_set, known_to) in settings {
        if is_set && !known_to.contains(&method) {
            violations.add(format!("options.{name}"), "is no setting of this method");
        }
    }
}

fn ratio_from(violations: &mut Violations, options: &pb::MatchOptions) -> Option<Ratio> {
    let Some(mean) = options.mean_ratio else {
        for (name, bound) in
            [("minimum_ratio", options.minimum_ratio), ("maximum_ratio", options.maximum_ratio)]
        {
            if bound.is_some() {
                violations.add(format!("options.{name}"), "bounds `mean_ratio`, which is absent");
            }
        }
        return positive(violations, "options.ratio", options.ratio, 1).map(Ratio::Fixed);
    };
    if options.ratio.is_some() {
        violations.add("options.ratio", "contradicts `mean_ratio`: give one of them");
    }
    let min = positive(violations, "options.minimum_ratio", options.minimum_ratio, 1);
    violations.require("options.maximum_ratio", options.maximum_ratio)?;
    let max = positive(violations, "options.maximum_ratio", options.maximum_ratio, 1);
    Some(Ratio::Variable { mean, min: min?, max: max? })
}

/// A number from 1, or a default when it is absent.
fn positive(
    violations: &mut Violations,
    path: &str,
    number: Option<i32>,
    by_default: usize,
) -> Option<usize> {
    let Some(number) = number else { return Some(by_default) };
    let number = usize::try_from(number).ok().filter(|&number| number > 0);
    violations.check(path, number.ok_or("must be 1 or more"))
}

fn seed_from(violations: &mut Violations, seed: Option<i64>) -> Option<u64> {
    let seed = u64::try_from(seed.unwrap_or(0)).ok().filter(|&seed| seed <= LARGEST_SEED);
    violations.check("options.seed", seed.ok_or("must lie between 0 and 2^53 - 1"))
}

fn spss_from(violations: &mut Violations, options: &pb::MatchOptions) -> Option<SpssOptions> {
    let order = order_from(violations, options.order);
    let seed = seed_from(violations, options.seed);
    let random_order = match order? {
        None | Some(MatchOrder::Random) => true,
        Some(MatchOrder::Data) => false,
        Some(_) => {
            violations.add("options.order", "must be RANDOM or DATA");
            return None;
        }
    };
    Some(SpssOptions {
        seed: seed?,
        exact_first: options.same_score_first.unwrap_or(true),
        random_order,
        replacement: options.replacement,
    })
}

fn coarsenings_from(
    violations: &mut Violations,
    rules: Vec<pb::Coarsening>,
    n_covariates: usize,
) -> Option<Vec<Coarsening>> {
    if rules.is_empty() {
        return Some(vec![Coarsening::Sturges; n_covariates]);
    }
    if rules.len() != n_covariates {
        violations.add("options.coarsenings", "must have one entry for each covariate column");
        return None;
    }
    let mut read = Vec::with_capacity(rules.len());
    for (index, rule) in rules.into_iter().enumerate() {
        read.extend(coarsening_from(violations, &format!("options.coarsenings[{index}]"), rule));
    }
    (read.len() == n_covariates).then_some(read)
}

fn coarsening_from(
    violations: &mut Violations,
    path: &str,
    rule: pb::Coarsening,
) -> Option<Coarsening> {
    let kind = pb::CoarseningRule::try_from(rule.rule).ok();
    let kind = violations.require_known(format!("{path}.rule"), kind)?;
    refuse_foreign_bins(violations, path, &rule, kind);
    let bins_path = format!("{path}.bin_count");
    let bins = |violations: &mut Violations| {
        violations.require(bins_path.as_str(), rule.bin_count)?;
        positive(violations, &bins_path, rule.bin_count, 1)
    };
    Some(match kind {
        pb::CoarseningRule::Unspecified | pb::CoarseningRule::Sturges => Coarsening::Sturges,
        pb::CoarseningRule::Bins => Coarsening::Bins(bins(violations)?),
        pb::CoarseningRule::Quantiles => Coarsening::Quantiles(bins(violations)?),
        pb::CoarseningRule::Cuts => {
            let path = format!("{path}.cuts");
            if rule.cuts.is_empty() {
                violations.add(path, "are required");
                return None;
            }
            violations.check_each(&path, &rule.cuts, f64::is_finite, "must be finite");
            Coarsening::Cuts(rule.cuts)
        }
        pb::CoarseningRule::Values => Coarsening::Values,
    })
}

/// Numbers of bins and cut points that the rule does not know.
fn refuse_foreign_bins(
    violations: &mut Violations,
    path: &str,
    rule: &pb::Coarsening,
    kind: pb::CoarseningRule,
) {
    let has_bins = matches!(kind, pb::CoarseningRule::Bins | pb::CoarseningRule::Quantiles);
    if rule.bin_count.is_some() && !has_bins {
        violations.add(format!("{path}.bin_count"), "is no setting of this rule");
    }
    if !rule.cuts.is_empty() && kind != pb::CoarseningRule::Cuts {
        violations.add(format!("{path}.cuts"), "are no setting of this rule");
    }
}
