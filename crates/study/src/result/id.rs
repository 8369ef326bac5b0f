//! How ids are spelt: `endpoint/population/analysis/term/quantity[@time]`, from names of the
//! protocol alone.
//!
//! What belongs to no endpoint stands under `study`. Within a term, `column=level` names a level.
//!
//! | id | number |
//! |---|---|
//! | `study/{population}/flow/{step}/n` `n_excluded` `n_missing` | patients left after a step, left out by it, of these for want of a value; the arms are steps too |
//! | `study/{population}/flow/{step}/{column}={level}/n` `n_excluded` | the same by arm and by site; of arms by site |
//! | `study/{design}/flow/{arm}/n_excluded` | patients of the arm who are not among the matched or weighted |
//! | `study/all/flow/{step}/{column}/n_unknown` | patients left without a value of arm or site |
//! | `study/all/missing/{column}/n_missing` `share_missing`, `{column}/{arm}/n_missing` `share_missing` | eligible patients without a value |
//! | `study/all/quality/all/n_...`, `{endpoint}/all/quality/all/n_...` | analysed patients who break a rule of plausible data |
//! | `study/{population}/balance/{arm}/n` | patients of an arm |
//! | `study/{population}/balance/{variable}/{arm}/mean` `sd` `median` `q1` `q3` | summary of a number |
//! | `study/{population}/balance/{variable}={level}/{arm}/n` `share` | summary of a level |
//! | `study/{population}/balance/{variable}/{test}_p_value` `{test}_statistic` `{test}_df` | tests |
//! | `study/{population}/balance/{variable}/auto_p_value` ... | the test chosen by rule; its method names it |
//! | `study/{population}/balance/{variable}/{arm}/n_missing` | patients without a value |
//! | `study/{population}/balance/{variable}/smd` `smd_own_sample` `smd_exposed_sd` `smd_comparator_sd` | standardised differences by each SD |
//! | `study/{population}/balance/{variable}/variance_ratio` `ecdf_mean` `ecdf_max` `pair_distance` | other differences |
//! | `study/{population}/balance/{variable}={level}/smd` | of one level |
//! | `study/{population}/balance/all/largest_smd` `n_unbalanced` `n_unlike` | summary of the table |
//! | `study/{population}/balance_within/{variable}={level}/n_exposed` `n_comparators` `largest_smd` `n_unbalanced` | balance within a level |
//! | `study/matched/balance_unmatched/all/n_matched` `n_unmatched` `largest_smd` | matched against unmatched exposed patients |
//! | `study/matched/balance_unmatched/{variable}/smd` | matched minus unmatched |
//! | `study/matched/balance_unmatched/{variable}/{group}/mean` `sd` `median` `q1` `q3`, `{variable}={level}/{group}/n` `share` | summary in a group, `matched` or `unmatched` |
//! | `study/all/propensity/{column}/coefficient` `standard_error` `odds_ratio` `p_value` | model of exposure |
//! | `study/all/propensity/all/c_statistic` `linear_predictor_sd` | its summary |
//! | `study/all/overlap/{arm}/n` `score_quantile_{percent}` `score_share_{lower}` `n_in_common_support` `n_in_equipoise` `share_in_equipoise` | scores of an arm |
//! | `study/all/overlap/all/common_support_lower` `common_support_upper` `share_in_equipoise` | scores of both arms |
//! | `study/{design}/overlap/{arm}/n` `score_share_{lower}` | scores of the matched or weighted of an arm |
//! | `study/matched/matching/all/n_pairs` `caliper` `largest_distance` `total_distance` `n_ties` `share_matched` `n_unmatched_exposed` | matching |
//! | `{endpoint}/{population}/survival/{group}/n` `n_events` | numbers of a group, `{group}` an arm, a level or `all` |
//! | `{endpoint}/{population}/survival/{group}/median_{rule}` | median with limits by a rule; `median_spss_standard_error` too |
//! | `{endpoint}/{population}/survival/{group}/survival_{rule}@{time}` `survival_standard_error@{time}` `n_at_risk@{time}` | survival at a time |
//! | `{endpoint}/{population}/survival/{group}/restricted_mean@{tau}` `restricted_mean_standard_error@{tau}` | restricted mean |
//! | `{endpoint}/{population}/differences/{exposure}/median_difference_{rule}` `survival_difference@{time}` `restricted_mean_difference@{tau}`, `..._ratio...` | exposed minus, or over, comparator; `difference_p_value` and `ratio_p_value` where the method has one, and `survival_difference_log_log_p_value@{time}` |
//! | `{endpoint}/{population}/followup/{group}/median_{rule}` | reverse Kaplan-Meier |
//! | `{endpoint}/{population}/followup/{group}/q1` `q3` | its quartiles |
//! | `{endpoint}/{population}/followup/{group}/n` `n_events` `person_years` `event_rate` `completeness` `n_beyond_lock` | events over person-time, how complete follow-up is; of patients with weights `weighted_n_events` `weighted_person_years` `weighted_event_rate` `weighted_completeness` in the place of person-years, rate and completeness |
//! | `{endpoint}/{population}/followup/{exposure}={level}/rate_ratio` `rate_ratio_p_value` | rate of the exposed over that of the comparators; `weighted_rate_ratio` likewise |
//! | `{endpoint}/{population}/followup/{group}/n_censored` `n_censored_at_lock` `n_censored_before_lock` `n_censored_unknown` | censored patients; at the lock of the data, before it, without a reason |
//! | `{endpoint}/{population}/followup/{group}/{column}={level}/n_censored` | censored for a reason |
//! | `{endpoint}/{population}/log_rank/{column}/chi_squared` `df` `p_value` `ln_p_value` | comparison of groups; `log_rank_stratified_by_pair` likewise |
//! | `{endpoint}/{population}/log_rank/{group}/observed` `expected` | its parts |
//! | `{endpoint}/{population}/cox_univariable/{column}/hazard_ratio` `p_value` | by the variance of the protocol |
//! | `{endpoint}/{population}/cox_univariable/{column}/coefficient` `standard_error` `z` | by the model-based variance |
//! | `{endpoint}/{population}/cox_univariable/{column}/hazard_ratio_model` `p_value_model` `hazard_ratio_robust` `p_value_robust` `robust_standard_error` | by each variance there is |
//! | `{endpoint}/{population}/cox_univariable/{variable}/n` `n_events` `log_likelihood` `log_likelihood_null` `aic` `bic` | model of one variable as a whole |
//! | `{endpoint}/{population}/cox_univariable/{variable}/{test}_chi_squared` `{test}_df` `{test}_p_value` | its tests: `likelihood_ratio`, `wald`, `score` |
//! | `{endpoint}/{population}/cox_univariable/{variable}/concordance` `concordance_standard_error` `concordance_robust_standard_error` | its concordance |
//! | `{endpoint}/{population}/cox_{model}/{column}/hazard_ratio` ... | the same of a multivariable model |
//! | `{endpoint}/{population}/cox_{model}/all/n` `log_likelihood` `likelihood_ratio_p_value` `concordance` ... | the same of the model as a whole |
//! | `{endpoint}/{population}/cox_{model}/all/events_per_coefficient` | events over coefficients |
//! | `{endpoint}/{population}/cox_univariable/{variable}={level}/level_n` `level_n_events` | patients and events of a level or arm, for the variables of all models |
//! | `{endpoint}/{population}/cox_{model}/{variable}/proportional_hazards_chi_squared` `..._df` `..._p_value` | proportional hazards; `all` is the global test |
//! | `{endpoint}/{population}/cox_{model}_piecewise/{column}/hazard_ratio@{after}` `p_value@{after}`; `all/n@{after}` `n_events@{after}` | hazard ratios by intervals, where proportional hazards are in doubt |
//! | `{endpoint}/{population}/cox_{model}_piecewise/{variable}/equality_chi_squared` ...; `all/likelihood_ratio_chi_squared` ... | tests that they do not change |
//! | `{endpoint}/{population}/cox_residual_imbalance/all/n_unbalanced` | covariates that the design has left unbalanced; the model has the ids of any other |
//! | `{endpoint}/{population}/sites/{site}={level}/n` `n_events` `hazard_ratio` `p_value` `coefficient` `standard_error` `share` `left_out_hazard_ratio` `left_out_p_value` | the exposure at a site, and the mean of all other sites |
//! | `{endpoint}/{population}/without_site/{site}={level}/n` `n_events` `hazard_ratio` `p_value` `coefficient` `standard_error` | the primary model on all other sites |
//! | `{endpoint}/{population}/sites/all/n_sites` `pooled_hazard_ratio` `pooled_p_value` `random_hazard_ratio` `random_p_value` `q` `q_df` `q_p_value` `i_squared` `tau_squared` | the sites together |
//! | `{endpoint}/{population}[{column}={level}]/...` | the same within a level |
//! | `{endpoint}/{population}/interaction/{variable}/{test}_chi_squared` `{test}_df` `{test}_p_value` | exposure by variable, by `likelihood_ratio` and `wald` |
//! | `{endpoint}/{population}/bootstrap_{scope}/{exposure}={level}/hazard_ratio_{method}` | hazard ratio of the exposure with limits from replicates; `bootstrap_{scope}_{model}` of a multivariable model |
//! | `{endpoint}/{population}/bootstrap_{scope}/{arm}/median_{method}` `survival_{method}@{time}` `restricted_mean_{method}@{tau}` | the same of an arm; `{exposure}/median_difference_{method}` ... of both |
//! | `.../{number}_{method}_lower_error` `{number}_{method}_upper_error` | Monte-Carlo error of each limit |
//! | `.../{number}_bias` `{number}_standard_error` `{number}_n_failed` `{number}_n_infinite` | what the replicates say of a number |
//! | `{endpoint}/{population}/bootstrap_pipeline/all/n_sets_mean` `n_sets_sd` `n_sets_min` `n_sets_q1` `n_sets_median` `n_sets_q3` `n_sets_max` `n_sets_n_failed` | pairs or sets of the replicates |
//! | `{endpoint}/{population}/bootstrap_pipeline/{arm}/effective_n` `effective_n_mean` ... `effective_n_n_failed` | likewise what weights leave of each arm |
//! | `{endpoint}/{population}/sensitivity/{exposure}/e_value_common` `e_value_common_limit` `e_value_rare` ... | E-values of the exposure; `_model` by the model-based variance |

/// The part of an id that names a level: `column=level`.
///
/// Characters that separate the parts of an id are written as percent codes.
#[must_use]
pub fn level(column: &str, level: &str) -> String {
    format!("{}={}", part(column), part(level))
}

/// The population of a subgroup: `all[bone=1]`.
#[must_use]
pub fn within(population: &str, column: &str, value: &str) -> String {
    format!("{population}[{}]", level(column, value))
}

/// An id without time.
#[must_use]
pub fn quantity(
    endpoint: &str,
    population: &str,
    analysis: &str,
    term: &str,
    name: &str,
) -> String {
    format!("{endpoint}/{population}/{analysis}/{term}/{name}")
}

/// An id with a time, in the unit of the study.
#[must_use]
pub fn quantity_at(
    endpoint: &str,
    population: &str,
    analysis: &str,
    term: &str,
    name: &str,
    time: f64,
) -> String {
    format!("{}@{time}", quantity(endpoint, population, analysis, term, name))
}

/// The id of a curve.
#[must_use]
pub fn curve(endpoint: &str, population: &str, group: &str) -> String {
    format!("{endpoint}/{population}/survival/{group}")
}

/// One part of an id, with the separators of ids written as percent codes.
#[must_use]
pub fn part(name: &str) -> String {
    name.replace('%', "%25").replace('/', "%2F").replace('@', "%40")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_spelt_from_their_parts() {
        let population = within("all", "bone", "1");
        let id = quantity_at("os", &population, "survival", "rt=1", "survival_log", 12.0);
        assert_eq!(id, "os/all[bone=1]/survival/rt=1/survival_log@12");
        assert_eq!(level("stage", "T1/T2"), "stage=T1%2FT2");
    }
}
