//! Estimates of several sites: what they say together, and how much they differ.

use cohort::{Estimate, Interval, NotEstimable};
use numerics::sum::sum;
use numerics::tails::{chi_squared_sf, normal_two_sided, two_sided_multiplier};

/// The estimate of one site, such as a log hazard ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SiteEstimate {
    /// The estimate.
    pub value: f64,
    /// Its standard error, above 0.
    pub standard_error: f64,
}

/// A mean of the estimates of sites.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PooledMean {
    /// The mean.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Its limits.
    pub interval: Interval,
    /// Two-sided p-value of a mean of 0.
    pub p_value: f64,
}

/// What several sites say together.
#[derive(Clone, Debug, PartialEq)]
pub struct PooledSites {
    /// The mean by inverse variance, as if all sites had one effect.
    pub common: Estimate<PooledMean>,
    /// The mean of effects that differ between sites by a variance of `tau_squared`.
    pub random: Estimate<PooledMean>,
    /// Share of each site in the common mean.
    pub shares: Vec<f64>,
    /// Cochran's Q; none of a single site.
    pub q: Estimate,
    /// Its degrees of freedom, one less than there are sites.
    pub degrees_of_freedom: usize,
    /// P-value of one common effect.
    pub p_value: Estimate,
    /// Share of the variation that is not chance, from 0 to 1.
    pub i_squared: Estimate,
    /// Variance between sites.
    pub tau_squared: Estimate,
    /// For each site the common mean of the others; none where it is the only one.
    pub left_out: Vec<Estimate<PooledMean>>,
}

/// Pools the estimates of sites.
///
/// ```text
/// w = 1 / se²      mean = Σ w y / Σ w      SE² = 1 / Σ w
/// Q = Σ w (y - mean)²      I² = (Q - df) / Q      tau² = (Q - df) / (Σ w - Σ w² / Σ w)
/// ```
///
/// I² and tau² are 0 where Q is below its degrees of freedom; the random-effects mean has the weights
/// `1 / (se² + tau²)`. Limits are normal with the confidence asked for.
///
/// Cochran (1954), Biometrics 10:101-129; DerSimonian and Laird (1986), Control. Clin. Trials
/// 7:177-188; Higgins and Thompson (2002), Stat. Med. 21:1539-1558. Same as `rma(y, sei = se, method =
/// "FE")` and `method = "DL"` of metafor in R, and `leave1out` of the former.
#[must_use]
pub fn pool_sites(sites: &[SiteEstimate], confidence: f64) -> PooledSites {
    let precision: Vec<f64> = sites.iter().map(|site| 1.0 / squared(site.standard_error)).collect();
    let common = mean(sites, &precision, confidence);
    let total = sum(precision.iter().copied());
    let degrees_of_freedom = sites.len().saturating_sub(1);
    let df = degrees_of_freedom as f64;
    let q = common.and_then(|common| {
        let parts =
            sites.iter().zip(&precision).map(|(site, w)| w * squared(site.value - common.value));
        if sites.len() > 1 { Ok(sum(parts)) } else { Err(NotEstimable::TooFewGroups) }
    });
    let tau_squared = q.map(|q| {
        let spread = total - sum(precision.iter().map(|w| w * w)) / total;
        f64::max((q - df) / spread, 0.0)
    });
    let random = tau_squared.and_then(|tau_squared| {
        let weights: Vec<f64> =
            sites.iter().map(|site| 1.0 / (squared(site.standard_error) + tau_squared)).collect();
        mean(sites, &weights, confidence)
    });
    let without = |left_out: usize| {
        let others = |index: &usize| *index != left_out;
        let kept: Vec<usize> = (0..sites.len()).filter(others).collect();
        let sites: Vec<SiteEstimate> = kept.iter().map(|&index| sites[index]).collect();
        let weights: Vec<f64> = kept.iter().map(|&index| precision[index]).collect();
        mean(&sites, &weights, confidence)
    };
    PooledSites {
        shares: precision.iter().map(|w| w / total).collect(),
        p_value: q.map(|q| chi_squared_sf(q, degrees_of_freedom)),
        i_squared: q.map(|q| if q > df { (q - df) / q } else { 0.0 }),
        left_out: (0..sites.len()).map(without).collect(),
        common,
        random,
        q,
        degrees_of_freedom,
        tau_squared,
    }
}

fn mean(sites: &[SiteEstimate], weights: &[f64], confidence: f64) -> Estimate<PooledMean> {
    if sites.is_empty() {
        return Err(NotEstimable::TooFewGroups);
    }
    let total = sum(weights.iter().copied());
    let value = sum(sites.iter().zip(weights).map(|(site, w)| w * site.value)) / total;
    let standard_error = (1.0 / total).sqrt();
    let half = two_sided_multiplier(confidence) * standard_error;
    Ok(PooledMean {
        value,
        standard_error,
        interval: Interval { lower: Ok(value - half), upper: Ok(value + half) },
        p_value: normal_two_sided(value / standard_error),
    })
}

fn squared(x: f64) -> f64 {
    x * x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(value: f64, standard_error: f64) -> SiteEstimate {
        SiteEstimate { value, standard_error }
    }

    /// Values 1 and 3 with weights 1: mean 2, Q = 2 with one degree of freedom, I² = 1/2, and
    /// tau² = (2 - 1) / (2 - 2/2) = 1.
    #[test]
    fn two_sites_by_hand() {
        let pooled = pool_sites(&[site(1.0, 1.0), site(3.0, 1.0)], 0.95);
        let common = pooled.common.unwrap();
        assert_eq!((common.value, common.standard_error), (2.0, 0.5f64.sqrt()));
        assert_eq!((pooled.q, pooled.degrees_of_freedom), (Ok(2.0), 1));
        assert_eq!((pooled.i_squared, pooled.tau_squared), (Ok(0.5), Ok(1.0)));
        // Weights 1/2 each.
        let random = pooled.random.unwrap();
        assert_eq!((random.value, random.standard_error), (2.0, 1.0));
        assert_eq!(pooled.left_out[0].unwrap().value, 3.0);
        assert_eq!(pooled.shares, [0.5, 0.5]);
    }

    #[test]
    fn one_site_has_no_heterogeneity() {
        let pooled = pool_sites(&[site(1.0, 0.5)], 0.95);
        assert_eq!(pooled.common.unwrap().value, 1.0);
        assert_eq!(pooled.q, Err(NotEstimable::TooFewGroups));
        assert_eq!(pooled.left_out[0], Err(NotEstimable::TooFewGroups));
        assert!(pool_sites(&[], 0.95).common.is_err());
    }

    #[test]
    fn sites_that_agree_differ_by_nothing() {
        let pooled = pool_sites(&[site(1.0, 0.5), site(1.0, 2.0)], 0.95);
        assert_eq!((pooled.i_squared, pooled.tau_squared), (Ok(0.0), Ok(0.0)));
        assert_eq!(pooled.random, pooled.common);
    }
}
