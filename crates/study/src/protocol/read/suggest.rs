//! "Did you mean": the known name that a mistyped one is nearest to.

use strsim::damerau_levenshtein;

/// The known name nearest to `word`, when at most a third of its letters differ.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (damerau_levenshtein(&word, &name.to_lowercase()), name))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, _)| distance <= limit)
        .map(|(_, name)| name)
}

/// The names in code quotes, and the nearest to `word`: "`a`, `b`; did you mean `a`?"
pub(super) fn known_names(word: &str, known: &[&str]) -> String {
    let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match nearest(word, known.iter().copied()) {
        Some(name) => format!("{list}; did you mean `{name}`?"),
        None => list,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_suggested_only_when_it_is_near() {
        let known = ["caliper", "order", "exact"];
        assert_eq!(nearest("calipr", known), Some("caliper"));
        assert_eq!(nearest("Order", known), Some("order"));
        assert_eq!(nearest("ratio", known), None);
    }
}
