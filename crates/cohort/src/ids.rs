//! The order of patients, which decides every tie.

use std::cmp::Ordering;

/// Row indexes in the order of their ids: numerically if all ids are integers, else bytewise.
///
/// Rows with the same id keep their order.
#[must_use]
pub fn id_order(ids: &[String]) -> Vec<usize> {
    let integers: Option<Vec<i128>> = ids.iter().map(|id| id.parse().ok()).collect();
    let compare = |&a: &usize, &b: &usize| -> Ordering {
        match &integers {
            Some(numbers) => numbers[a].cmp(&numbers[b]),
            None => ids[a].cmp(&ids[b]),
        }
    };
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_by(compare);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(ids: &[&str]) -> Vec<usize> {
        id_order(&ids.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn integers_sort_as_numbers() {
        assert_eq!(order(&["10", "9", "-1"]), [2, 1, 0]);
    }

    #[test]
    fn one_word_makes_all_of_them_words() {
        assert_eq!(order(&["10", "9", "b"]), [0, 1, 2]);
    }
}
