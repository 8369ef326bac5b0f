//! Times of several columns on one scale.

use cohort::Endpoint;

/// The lists with one value for times that differ by rounding noise alone, within and between them,
/// as the times of an endpoint have. All are finite and not negative.
pub(crate) fn settled<const N: usize>(lists: [&[f64]; N]) -> [Vec<f64>; N] {
    let all = lists.concat();
    let nobody = vec![false; all.len()];
    let endpoint = Endpoint::new(all, nobody).expect("the times are finite and not negative");
    let mut rest = endpoint.time();
    lists.map(|list| {
        let (times, others) = rest.split_at(list.len());
        rest = others;
        times.to_vec()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_between_lists_is_settled() {
        let [times, limits] = settled([&[1.0, 12.0 + 1e-12], &[12.0]]);
        assert_eq!((times, limits), (vec![1.0, 12.0], vec![12.0]));
    }
}
