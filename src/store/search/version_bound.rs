//! Bounds on the version of an item in a search query.

use semver::{Version, VersionReq};

/// A condition in a search query on the version of an item, such as an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum VersionBound {
    /// Accepts every version, and also items without a version.
    Any,
    /// Accepts the versions that a requirement in Cargo's syntax accepts: `@0.2` accepts 0.2.0 and 0.2.7, but not 0.3.0.
    Required(VersionReq),
}

impl VersionBound {
    /// Parses a bound: nothing, `@` and a requirement, or an operator and a version.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::Any);
        }
        let requirement = text.strip_prefix('@').unwrap_or(text);
        if requirement.trim().is_empty() {
            return Err("a version is missing after `@`".to_owned());
        }
        let parsed = VersionReq::parse(requirement);
        parsed.map(Self::Required).map_err(|error| {
            format!("`{requirement}` is not a version requirement such as `1.2`, `>=1.2` or `=1.2.3`: {error}")
        })
    }

    /// Returns whether the bound accepts a version. `version` is empty if the item has none.
    pub fn accepts(&self, version: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Required(required) => {
                lenient_version(version).is_some_and(|version| required.matches(&version))
            }
        }
    }
}

/// Parses the version of a tool, which need not be a semantic version: it may have fewer than three numbers, begin with a `v`, or have text
/// after it, as in `1.95.0 (f2d3ce0bd 2026-03-21)` and `v19`.
fn lenient_version(text: &str) -> Option<Version> {
    let text = text.split_whitespace().next()?.trim_start_matches('v');
    if let Ok(version) = Version::parse(text) {
        return Some(version);
    }
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let mut numbers = text[..end]
        .split('.')
        .map_while(|number| number.parse().ok());
    Some(Version::new(
        numbers.next()?,
        numbers.next().unwrap_or(0),
        numbers.next().unwrap_or(0),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_cargo_does() {
        for (bound, version, accepts) in [
            ("", "", true),
            ("@0.2", "0.2.7", true),
            ("@0.2", "0.3.0", false),
            ("@0.2", "", false),
            ("<1.40", "1.39.9", true),
            ("<1.40", "1.40.0", false),
            (">=1.79", "1.95.0 (f2d3ce0bd 2026-03-21)", true),
            ("=19.0.0", "v19", true),
            ("@17", "17.0.6-rust-1.79", false),
            ("@17", "17.0.6git", true),
            ("@0.2", "not a version", false),
        ] {
            let parsed = VersionBound::parse(bound).unwrap();
            assert_eq!(parsed.accepts(version), accepts, "{bound} {version}");
        }
        for text in ["@", "@y", "<", "<1..2", "=>1"] {
            VersionBound::parse(text).unwrap_err();
        }
    }
}
