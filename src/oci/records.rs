//! The records of the registry: the tree of `refs/oci/records`.
//!
//! | path | content |
//! |---|---|
//! | `<repository>/_manifests/<algorithm>/<2 digits>/<other digits>` | the bytes of a manifest, as they were pushed |
//! | `<repository>/_types/<algorithm>/<2 digits>/<other digits>` | the media type of a manifest that does not contain it |
//! | `<repository>/_blobs/<algorithm>/<2 digits>/<other digits>` | a blob; that of a module is the same git blob as the module |
//! | `<repository>/_tags/<tag>` | the manifest with which the tag was pushed last |
//! | `<repository>/_referrers/<algorithm>/<2 digits>/<other digits>/<algorithm>/<digits>` | a manifest whose subject has the first digest |
//! | `<repository>/_untagged/<day>/<blob id>` | a manifest that lost a tag, or was pushed without one, on this day since 1970-01-01 |
//!
//! No component of a repository name begins with `_`, so records never clash with the names of repositories. The first two digits are a
//! directory of their own, because a change rewrites each directory on the path of an entry, so directories must be small.

use crate::names::{ModuleHash, ModulePath, OciDigest, OciTag, RepositoryName, TreePath};

/// The name of the directory of manifests.
pub(super) const MANIFESTS: &str = "_manifests";
/// The name of the directory that has the media types of manifests.
const TYPES: &str = "_types";
/// The name of the directory of blobs.
pub(super) const BLOBS: &str = "_blobs";
/// The name of the directory of tags.
pub(super) const TAGS: &str = "_tags";
/// The name of the directory of referrers: the manifests that have a `subject`, by the digest of the subject.
pub(super) const REFERRERS: &str = "_referrers";
/// The name of the directory that records on which day a manifest lost a tag, or was pushed without one.
pub(super) const UNTAGGED: &str = "_untagged";

/// The paths of the records of one repository.
pub(super) struct Records<'r>(pub &'r RepositoryName);

impl Records<'_> {
    /// Returns the path of the record of a manifest.
    pub fn manifest(&self, digest: &OciDigest) -> ModulePath {
        self.path(&format!("{MANIFESTS}/{}", fanned_out(digest)))
    }

    /// Returns the path of the record that contains the media type of a manifest.
    pub fn media_type(&self, digest: &OciDigest) -> ModulePath {
        self.path(&format!("{TYPES}/{}", fanned_out(digest)))
    }

    /// Returns the path of the record of a blob.
    pub fn blob(&self, digest: &OciDigest) -> ModulePath {
        self.path(&format!("{BLOBS}/{}", fanned_out(digest)))
    }

    /// Returns the path of the record of a tag.
    pub fn tag(&self, tag: &OciTag) -> ModulePath {
        self.path(&format!("{TAGS}/{tag}"))
    }

    /// Returns the path of the record which states that the manifest `digest` has this subject.
    pub fn referrer(&self, subject: &OciDigest, digest: &OciDigest) -> ModulePath {
        let (subject, algorithm) = (fanned_out(subject), digest.algorithm());
        self.path(&format!(
            "{REFERRERS}/{subject}/{algorithm}/{}",
            digest.to_hex()
        ))
    }

    /// Returns the path of the record of the day from which the retention time of a manifest is counted, such as the day on which it lost a
    /// tag. `day` is the number of days since 1970-01-01.
    pub fn untagged(&self, day: u64, manifest: ModuleHash) -> ModulePath {
        self.path(&format!("{UNTAGGED}/{day}/{manifest}"))
    }

    /// Returns the directory of all records of the repository.
    pub fn root(&self) -> TreePath {
        self.directory("")
    }

    /// Returns the path of one of the directories with the repository's records. `name` is the name of the directory, such as [`TAGS`].
    pub fn directory(&self, name: &str) -> TreePath {
        TreePath::parse(&format!("{}/{name}", self.0)).expect("BUG: the path is legal")
    }

    /// Returns the directory of the records of the manifests with this subject.
    pub fn referrers(&self, subject: &OciDigest) -> TreePath {
        self.directory(&format!("{REFERRERS}/{}", fanned_out(subject)))
    }

    fn path(&self, rest: &str) -> ModulePath {
        ModulePath::parse(&format!("{}/{rest}", self.0)).expect("BUG: the path is legal")
    }
}

fn fanned_out(digest: &OciDigest) -> String {
    let digits = digest.to_hex();
    format!("{}/{}/{}", digest.algorithm(), &digits[..2], &digits[2..])
}

/// Parses a digest from the segments of a record's path that follow a directory such as [`BLOBS`]. Returns `None` if they are not a digest.
pub(super) fn digest_of<'s>(segments: impl Iterator<Item = &'s str>) -> Option<OciDigest> {
    let mut segments = segments;
    let algorithm = segments.next()?;
    let digits: String = segments.collect();
    OciDigest::parse(&format!("{algorithm}:{digits}")).ok()
}

/// Returns the number of days between 1970-01-01 UTC and a time in seconds since then.
pub(super) fn day_of(time_s: u64) -> u64 {
    time_s / (24 * 3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_names_have_legal_paths() {
        let name = format!("{}a", "a/".repeat(47));
        let long = "a".repeat(255);
        for name in [name.as_str(), &long] {
            let repository = RepositoryName::parse(name).unwrap();
            let records = Records(&repository);
            let digest = OciDigest::Sha512([0xab; 64]);
            let tag = OciTag::parse(&"v".repeat(128)).unwrap();
            for path in [
                records.manifest(&digest),
                records.tag(&tag),
                records.referrer(&digest, &digest),
                records.untagged(20_000, ModuleHash::from_bytes(&[0xab; 32]).unwrap()),
            ] {
                assert!(path.as_str().starts_with(name), "{path}");
            }
            let path = records.blob(&digest);
            let rest = path.as_str().strip_prefix(name).unwrap();
            let segments = rest.split('/').skip(2);
            assert_eq!(digest_of(segments), Some(digest));
        }
    }
}
