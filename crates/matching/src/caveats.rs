//! What a reader of a matched sample must know besides the sets.

use crate::Certificate;
use crate::points::Points;
use crate::query::{Estimand, MatchQuery, Method, Ratio, SubclassOptions};
use crate::subjects::Subjects;
use cohort::{Caveat, CaveatCode};

/// That exposed subjects are left out, and for whom the result still speaks.
pub(crate) fn unmatched(certificate: &Certificate, estimand: Estimand) -> Option<Caveat> {
    let n_exposed = certificate.n_exposed;
    let n_unmatched = n_exposed - certificate.n_matched_exposed;
    let kept = 100.0 * certificate.share_of_exposed();
    (n_unmatched > 0 && estimand != Estimand::Atc).then(|| {
        Caveat::new(
            CaveatCode::UnmatchedExposed,
            format!(
                "{n_unmatched} of {n_exposed} exposed patients have no comparator and are left \
                 out ({kept:.1} % kept): the matched result speaks for the exposed who have \
                 comparable patients, not for all exposed"
            ),
        )
    })
}

/// That there are fewer partners than a ratio above 1 asks for, whoever is near whom.
pub(crate) fn ratio_above_supply(query: &MatchQuery, subjects: &Subjects) -> Option<Caveat> {
    let ratio = match &query.method {
        Method::Nearest(options) if !options.replacement => options.ratio,
        Method::Optimal(options) => Ratio::Fixed(options.ratio),
        _ => return None,
    };
    let asked = match ratio {
        Ratio::Fixed(ratio) => ratio as f64,
        Ratio::Variable { mean, .. } => mean,
    };
    let stay = subjects.staying();
    let n_focal = stay.iter().filter(|&&subject| subjects.roles[subject].is_focal()).count();
    let n_partners = stay.len() - n_focal;
    (asked > 1.0 && (n_partners as f64) < asked * n_focal as f64).then(|| {
        let message = format!(
            "{asked} partners were asked for each of {n_focal} patients, and there are {n_partners}: \
             some have fewer"
        );
        Caveat::new(CaveatCode::UnmetSetting, message)
    })
}

/// That covariates have no part in a distance because nobody differs in them.
pub(crate) fn constant_covariates(points: &Points) -> Vec<Caveat> {
    let message = |column: &String| {
        format!("{column} is the same in all patients and has no part in the distance")
    };
    let caveat = |column| Caveat::new(CaveatCode::UnmetSetting, message(column));
    points.constant.iter().map(caveat).collect()
}

/// That an arm has too few subjects for the least number of them in each of the classes.
pub(crate) fn thin_classes(
    options: SubclassOptions,
    n_classes: usize,
    subjects: &Subjects,
) -> Vec<Caveat> {
    let stay = subjects.staying();
    let caveat = |(is_exposed, name): (bool, &str)| {
        let is_of_arm = |subject: &&usize| subjects.roles[**subject].is_exposed() == is_exposed;
        let n = stay.iter().filter(is_of_arm).count();
        (n < options.min_n.saturating_mul(n_classes)).then(|| {
            let message = format!(
                "{n} {name} are too few for {} in each of {n_classes} subclasses: subclasses have \
                 fewer, and those without any are left out",
                options.min_n
            );
            Caveat::new(CaveatCode::UnmetSetting, message)
        })
    };
    [(true, "exposed patients"), (false, "comparators")].into_iter().filter_map(caveat).collect()
}
