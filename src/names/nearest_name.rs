//! Finds the existing name that a user probably meant with a mistyped name.

/// The maximum length of the names that are compared, in characters. The cost of a comparison grows with the square of the length.
const CHARS_MAX: usize = 200;

/// Returns the name with the smallest edit distance to `mistyped`, if that distance is at most a quarter of the length of
/// `mistyped`, or at most one.
pub fn nearest<'n>(mistyped: &str, names: &[&'n str]) -> Option<&'n str> {
    let length = mistyped.chars().count();
    let distance_max = (length / 4).max(1);
    let candidates = names.iter().filter(|name| {
        let other = name.chars().count();
        other <= CHARS_MAX && other.abs_diff(length) <= distance_max
    });
    let measured = candidates.map(|name| (strsim::osa_distance(mistyped, name), *name));
    let (distance, name) = measured.min()?;
    (distance <= distance_max).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_similar_name_is_suggested() {
        let names = ["math/add.wasm", "math/sub.wasm", "dev", "a"];
        for (mistyped, expected) in [
            ("math/ad.wasm", Some("math/add.wasm")),
            ("math/sbu.wasm", Some("math/sub.wasm")),
            ("dve", Some("dev")),
            ("b", Some("a")),
            ("main", None),
            ("something/else.wasm", None),
        ] {
            assert_eq!(nearest(mistyped, &names), expected, "{mistyped}");
        }
        let long = "x".repeat(CHARS_MAX + 1);
        assert_eq!(nearest(&long, &[&long]), None);
        assert_eq!(nearest("x", &[]), None);
    }
}
