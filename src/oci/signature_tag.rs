//! The tags of signatures, as `cosign` names them.

use crate::names::{OciDigest, OciTag};

/// Returns the digest of the subject that the name of a signature's tag contains: `sha256-<digits>`, with a suffix such as `.sig`, `.att`
/// or `.sbom` (cosign's tag scheme), or without one (the referrers tag schema of the OCI distribution specification).
pub(super) fn subject_of_tag(tag: &OciTag) -> Option<OciDigest> {
    let (algorithm, rest) = tag.as_str().split_once('-')?;
    let digits = rest.split('.').next()?;
    OciDigest::parse(&format!("{algorithm}:{digits}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_signature_tag_contains_its_subject() {
        let digits = "a".repeat(64);
        for (tag, is_signature) in [
            (format!("sha256-{digits}.sig"), true),
            (format!("sha256-{digits}"), true),
            (format!("sha256-{digits}.att"), true),
            (format!("sha256-{}", "a".repeat(63)), false),
            ("latest".to_owned(), false),
            ("v1-rc".to_owned(), false),
        ] {
            let subject = subject_of_tag(&OciTag::parse(&tag).unwrap());
            assert_eq!(subject.is_some(), is_signature, "{tag}");
        }
    }
}
