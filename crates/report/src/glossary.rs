//! What each kind of number is, for readers who ask behind one.

/// What the number of an id is, in a sentence.
///
/// The kind is read from the last part of the id without its time; where the name alone leaves it
/// open, from the analysis before it.
pub(crate) fn definition(id: &str) -> &'static str {
    let mut parts = id.split('/').skip(2);
    let analysis = parts.next().unwrap_or_default();
    let name = id.rsplit('/').next().unwrap_or_default();
    let name = name.split('@').next().unwrap_or_default();
    of_analysis(analysis, name)
        .or_else(|| by_name(name))
        .or_else(|| of_pattern(name))
        .unwrap_or("A number of the study.")
}

/// Names that mean something else in some analysis.
fn of_analysis(analysis: &str, name: &str) -> Option<&'static str> {
    Some(match (analysis, name) {
        ("flow", "n") => "Patients left after this step.",
        ("followup", name) if name.starts_with("median_") => {
            "Median follow-up: the time by which half of the patients would have been censored had \
             nobody had the event, with its confidence limits."
        }
        ("followup", name) => return of_follow_up(name),
        ("sites", name) => return of_sites(name),
        ("differences", name) => return of_differences(name),
        ("without_site", "n") => "Patients of the other sites.",
        ("without_site", "n_events") => "Patients of the other sites who had the event.",
        ("without_site", "hazard_ratio") => {
            "Hazard ratio of the exposure in the primary model, fitted on the other sites, with its \
             limits."
        }
        ("flow", "n_unknown") => "Patients left whose arm or site is not known.",
        (analysis, name) if analysis.ends_with("_piecewise") => return of_intervals(name),
        ("propensity", "coefficient") => "Log odds ratio of exposure in the propensity model.",
        ("balance", "share") => "Share of the arm with this level.",
        ("balance" | "balance_within", "largest_smd") => {
            "Largest absolute standardised mean difference over the variables."
        }
        ("quality", _) => "Analysed patients whose data break this rule.",
        ("weighting", "weighted_n") => "Sum of the weights of the arm.",
        (analysis, name) if analysis.starts_with("bootstrap") => return of_replicates(name),
        _ => return None,
    })
}

/// Numbers of follow-up.
fn of_follow_up(name: &str) -> Option<&'static str> {
    Some(match name {
        "q1" => {
            "Time by which a quarter of the patients would have been censored had nobody had the event."
        }
        "q3" => {
            "Time by which three quarters of the patients would have been censored had nobody had the \
             event."
        }
        "person_years" => "Sum of the times for which the patients were observed, in years.",
        "event_rate" => "Events over person-time, with its confidence limits.",
        "weighted_event_rate" => {
            "Weighted events over weighted person-time, with its confidence limits."
        }
        "weighted_person_years" => {
            "Sum of the times for which the patients were observed, each times the weight of the \
             patient, in years."
        }
        "weighted_completeness" => {
            "Share of the weighted person-time up to the data lock, or to the event, that was observed."
        }
        "rate_ratio" | "weighted_rate_ratio" => {
            "Event rate of the exposed over that of the comparators, with its limits."
        }
        "completeness" => {
            "Share of the person-time up to the data lock, or to the event, that was observed."
        }
        "n_beyond_lock" => "Patients followed beyond the lock of the data.",
        "n_censored" => "Patients whose observation ended without the event.",
        "n_censored_at_lock" => "Censored patients who were observed up to the lock of the data.",
        "n_censored_before_lock" => "Censored patients whose observation ended before the lock.",
        "n_censored_unknown" => "Censored patients without a reason.",
        _ => return None,
    })
}

/// Differences and ratios of the arms.
fn of_differences(name: &str) -> Option<&'static str> {
    let is_p_value = name.contains("p_value");
    Some(match name {
        _ if is_p_value => {
            "P-value: probability of data at least as far from no difference if there is none."
        }
        name if name.starts_with("median_ratio") => {
            "Median of the exposed over that of the comparators, with its confidence limits."
        }
        "survival_ratio" => {
            "Survival of the exposed over that of the comparators at this time, with its confidence \
             limits."
        }
        "restricted_mean_ratio" => {
            "Restricted mean of the exposed over that of the comparators, with its confidence limits."
        }
        _ => return None,
    })
}

/// Numbers of the sites and of all of them together.
fn of_sites(name: &str) -> Option<&'static str> {
    Some(match name {
        "n_sites" => "Sites whose hazard ratio is estimable.",
        "coefficient" => "Log hazard ratio of the exposure at the site.",
        "share" => "Share of the site in the pooled hazard ratio.",
        "left_out_hazard_ratio" => "Pooled hazard ratio of the other sites, with its limits.",
        "pooled_hazard_ratio" => "Mean of the sites weighted by inverse variance, with its limits.",
        "random_hazard_ratio" => {
            "Mean of the sites when effects differ between them, with its limits."
        }
        "q" => "Cochran's Q: how far the sites lie from their mean, in standard errors.",
        "q_df" => "Degrees of freedom of Cochran's Q.",
        "i_squared" => "Share of the variation between sites that is not chance.",
        "tau_squared" => "Variance of the log hazard ratio between sites.",
        _ => return None,
    })
}

/// Numbers of models whose hazard ratios change.
fn of_intervals(name: &str) -> Option<&'static str> {
    Some(match name {
        "n" => "Patients at risk in the interval.",
        "n_events" => "Events in the interval.",
        "hazard_ratio" => "Hazard ratio in the interval, with its confidence limits.",
        _ => return None,
    })
}

/// Numbers that come from replicates.
fn of_replicates(name: &str) -> Option<&'static str> {
    Some(match name {
        name if name.ends_with("_lower_error") || name.ends_with("_upper_error") => {
            "Monte-Carlo standard error of a limit: how far it moves with another seed."
        }
        name if name.ends_with("_n_failed") => "Replicates without an answer.",
        name if name.ends_with("_n_infinite") => "Replicates in which the time is not reached.",
        name if name.ends_with("_bias") => "Mean of the replicates minus the estimate.",
        name if name.ends_with("_standard_error") => "Standard deviation of the replicates.",
        name if name.starts_with("n_sets") => "Number of matched sets over the replicates.",
        name if name.starts_with("hazard_ratio") => {
            "Hazard ratio of the exposed against the comparators, limits from resampled patients."
        }
        _ => return None,
    })
}

/// Names that mean the same everywhere.
const NAMES: &[(&str, &str)] = &[
    ("n", "Number of patients."),
    ("n_events", "Number of patients who had the event."),
    ("n_excluded", "Patients left out by this step."),
    ("n_missing", "Patients without a value."),
    ("share_missing", "Share of the patients without a value, of those who can have one."),
    ("weighted_n", "Sum of the weights."),
    ("weighted_n_events", "Sum of the weights of the patients who had the event."),
    (
        "effective_n",
        "Effective sample size: patients of equal weight that would tell as much, the squared sum \
             of the weights over the sum of their squares.",
    ),
    ("mean", "Arithmetic mean."),
    ("sd", "Standard deviation, denominator n - 1."),
    ("median", "Median, half of the values below it."),
    ("q1", "First quartile."),
    ("q3", "Third quartile."),
    (
        "smd",
        "Standardised mean difference: exposed minus comparator, divided by a pooled standard \
             deviation; for categories a distance of the shares.",
    ),
    ("n_unbalanced", "Variables whose standardised mean difference exceeds the threshold."),
    (
        "n_unlike",
        "Variables whose distributions are far apart at some value or have very different variances.",
    ),
    ("variance_ratio", "Variance in the exposed over variance in the comparators."),
    ("ecdf_mean", "Mean distance of the distribution functions of the arms."),
    ("ecdf_max", "Largest distance of the distribution functions of the arms."),
    ("pair_distance", "Mean absolute difference within pairs, in standard deviations."),
    (
        "c_statistic",
        "Probability that of an exposed patient and a comparator the exposed has the higher score.",
    ),
    ("linear_predictor_sd", "Standard deviation of the logit of the propensity score."),
    ("odds_ratio", "Odds ratio of exposure with its confidence limits."),
    ("standard_error", "Standard error of the estimate."),
    (
        "smd_exposed_sd",
        "Standardised mean difference, divided by the standard deviation of the exposed.",
    ),
    ("share", "Share of the patients."),
    ("n_exposed", "Exposed patients."),
    ("n_comparators", "Comparators."),
    ("n_matched", "Exposed patients with a partner."),
    ("n_matched_exposed", "Exposed patients with a partner."),
    ("n_matched_comparators", "Comparators with a partner."),
    ("n_discarded", "Patients set aside before matching."),
    ("largest_over_caliper", "Largest distance within a pair as a share of the caliper."),
    ("common_support_lower", "Lowest score that both arms have."),
    ("common_support_upper", "Highest score that both arms have."),
    ("n_in_common_support", "Patients whose score lies in the range that both arms have."),
    ("n_in_equipoise", "Patients with a preference score from 0.3 to 0.7."),
    ("share_in_equipoise", "Share of patients with a preference score from 0.3 to 0.7."),
    ("weight_minimum", "Smallest weight."),
    ("weight_maximum", "Largest weight."),
    ("weight_variation", "Standard deviation of the weights over their mean."),
    ("truncation_lower", "Weight below which weights were cut."),
    ("truncation_upper", "Weight above which weights were cut."),
    ("n_truncated", "Patients whose weight was cut."),
    ("largest_gamma", "Largest factor of hidden bias that leaves the finding significant."),
    ("n_exposed_first", "Pairs of which the exposed patient has the event first."),
    ("n_comparator_first", "Pairs of which the comparator has the event first."),
    ("events_per_coefficient", "Events for each coefficient of the model; below 10 are few."),
    ("level_n", "Patients of this level or arm."),
    ("level_n_events", "Patients of this level or arm who had the event."),
    ("n_pairs", "Matched pairs."),
    ("n_sets", "Matched sets."),
    ("caliper", "Largest distance allowed within a pair."),
    ("share_matched", "Share of the exposed who found a partner."),
    ("n_unmatched_exposed", "Exposed patients without a partner."),
    ("n_unmatched", "Exposed patients without a partner."),
    ("largest_distance", "Largest distance within a pair."),
    ("total_distance", "Sum of the distances within pairs."),
    ("n_ties", "Choices between equally near comparators."),
    (
        "hazard_ratio",
        "Hazard ratio: by how much the rate of events is multiplied, with its confidence limits.",
    ),
    ("p_value", "P-value: probability of data at least as far from no effect if there is none."),
    ("chi_squared", "Statistic of the test."),
    ("df", "Degrees of freedom of the test."),
    ("observed", "Events observed in the group."),
    ("expected", "Events expected in the group if all groups had the same hazard."),
    (
        "concordance",
        "Concordance: share of the comparable pairs of patients in which the one with the higher \
             predicted hazard has the event first.",
    ),
    (
        "restricted_mean",
        "Restricted mean: the average time without the event up to the horizon, the area under the \
             curve, with its confidence limits.",
    ),
    ("n_at_risk", "Patients still observed and without the event just before this time."),
    ("weighted_n_at_risk", "Sum of the weights of the patients at risk just before this time."),
];

fn by_name(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, definition)| *definition)
}

/// Families of names.
fn of_pattern(name: &str) -> Option<&'static str> {
    let starts = |prefix: &str| name.starts_with(prefix);
    let ends = |suffix: &str| name.ends_with(suffix);
    Some(if starts("step_") {
        "Part of a likelihood-ratio test on the way to the model."
    } else if starts("proportional_hazards_") {
        "Part of the test of proportional hazards."
    } else if starts("median_difference") {
        "Difference of the medians, exposed minus comparator, with its confidence limits."
    } else if starts("survival_difference") {
        "Difference of survival at this time, exposed minus comparator, with its confidence limits."
    } else if starts("restricted_mean_difference") {
        "Difference of the restricted means, exposed minus comparator, with its confidence limits."
    } else if starts("restricted_mean") {
        "Average time without the event up to the horizon, with its confidence limits."
    } else if starts("median_") {
        "Median: the time at which the curve falls to one half, with its confidence limits."
    } else if starts("survival_") {
        "Probability of being without the event at this time, with its confidence limits."
    } else if starts("e_value") {
        "E-value: the risk ratio that an unmeasured confounder would need with exposure and outcome \
         to explain the hazard ratio away."
    } else if starts("p_upper_") || starts("p_lower_") {
        "Bound of the one-sided p-value under hidden bias of this factor."
    } else if starts("score_quantile_") {
        "Quantile of the propensity scores of the arm."
    } else if starts("hazard_ratio") || starts("firth_hazard_ratio") {
        "Hazard ratio with its confidence limits."
    } else if ends("_p_value") || starts("p_value") {
        "P-value: probability of data at least as far from no effect if there is none."
    } else if ends("_chi_squared") || ends("_statistic") {
        "Statistic of the test."
    } else if ends("_df") {
        "Degrees of freedom of the test."
    } else {
        return None;
    })
}
