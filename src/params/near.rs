//! The name that was probably meant.

/// The candidate that differs least from `name`, if it hardly does: a few letters, or the groups before it.
pub fn near<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    let plain = |name: &str| name.replace(['_', '.', '-'], "").to_lowercase();
    let name = plain(name);
    if name.len() < 3 {
        return None;
    }
    let allowed = 1 + name.len() / 5;
    let distance = |candidate: &str| match plain(candidate) {
        whole if whole.starts_with(&name) || whole.ends_with(&name) => 1,
        whole => edits(&name, &whole),
    };
    let nearest = candidates.map(|candidate| (distance(candidate), candidate)).min()?;
    (nearest.0 <= allowed).then(|| nearest.1.to_owned())
}

/// How many letters have to be put in, left out or replaced (Levenshtein 1966).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = row[j] + usize::from(a != *b);
            next.push(replaced.min(row[j + 1] + 1).min(next[j] + 1));
        }
        row = next;
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_understood_and_another_word_is_not() {
        let meant = |name| near(name, ["budget_ms", "iterations.max", "compute_share"].into_iter());
        assert_eq!(meant("budgetms").as_deref(), Some("budget_ms"));
        assert_eq!(meant("budget").as_deref(), Some("budget_ms"));
        assert_eq!(meant("buget_ms").as_deref(), Some("budget_ms"));
        assert_eq!(meant("max").as_deref(), Some("iterations.max"));
        assert_eq!(meant("iteration.max").as_deref(), Some("iterations.max"));
        assert_eq!(meant("colour"), None);
        assert_eq!(meant(""), None);
    }
}
