//! `oci`: prints the tags and manifests that OCI clients see.

use serde_json::json;

use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::{ManifestRef, OciDigest, OciTag, RepositoryName};
use crate::remote::StoreOperations;

/// Show tags and manifests as OCI clients see them
///
/// Every module whose path fits the grammar of OCI is in a repository: `a/b/1.0.0.wasm` is tag `1.0.0` of repository `a/b`, and
/// `a/b.wasm` is its tag `latest`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct OciArgs {
    #[command(subcommand)]
    command: OciCommand,
}

#[derive(Debug, clap::Subcommand)]
enum OciCommand {
    /// List the tags of a repository
    ///
    /// Prints one tag per line, sorted. JSON: {"name":"…","tags":["…",…]}
    Tags {
        /// The repository, or REPOSITORY@DIGEST for the tags with this manifest
        #[arg(value_name = "REPOSITORY", value_parser = parse_repository)]
        repository: (RepositoryName, Option<OciDigest>),
    },
    /// Print a manifest
    ///
    /// Prints its bytes. JSON: {"digest":"sha256:…","manifest":{…}}
    Show {
        /// The manifest, as REPOSITORY:TAG or REPOSITORY@DIGEST; REPOSITORY alone means its tag `latest`
        #[arg(value_name = "REPOSITORY:TAG", value_parser = parse_reference)]
        reference: (RepositoryName, ManifestRef),
    },
}

impl OciArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let store = settings.open()?;
        match self.command {
            OciCommand::Tags {
                repository: (repository, digest),
            } => {
                let mut tags = store.oci_tags(&repository)?;
                if let Some(digest) = digest {
                    // Fails if there is no such manifest.
                    store.oci_manifest(&repository, &ManifestRef::Digest(digest))?;
                    tags = tags_of(&*store, &repository, tags, digest)?;
                }
                let tags: Vec<_> = tags.iter().map(OciTag::as_str).collect();
                if out.is_json() {
                    return out.json_only(&json!({ "name": repository.as_str(), "tags": tags }));
                }
                tags.iter().try_for_each(|tag| out.line(tag))
            }
            OciCommand::Show {
                reference: (repository, reference),
            } => {
                let (digest, manifest) = store.oci_manifest(&repository, &reference)?;
                if out.is_json() {
                    let parsed: serde_json::Value = serde_json::from_str(&manifest)
                        .map_err(|error| Error::Interrupted(error.into()))?;
                    let json = json!({ "digest": digest.to_string(), "manifest": parsed });
                    return out.json_only(&json);
                }
                out.line(manifest)
            }
        }
    }
}

/// Returns the tags whose manifest has this digest.
fn tags_of(
    store: &dyn StoreOperations,
    repository: &RepositoryName,
    tags: Vec<OciTag>,
    digest: OciDigest,
) -> Result<Vec<OciTag>> {
    let mut found = Vec::new();
    for tag in tags {
        let (of_tag, _) = store.oci_manifest(repository, &ManifestRef::Tag(tag.clone()))?;
        if of_tag == digest {
            found.push(tag);
        }
    }
    Ok(found)
}

/// Parses `REPOSITORY` or `REPOSITORY@DIGEST`.
fn parse_repository(
    text: &str,
) -> Result<(RepositoryName, Option<OciDigest>), crate::names::Error> {
    let (repository, digest) = match text.split_once('@') {
        Some((repository, digest)) => (repository, Some(OciDigest::parse(digest)?)),
        None => (text, None),
    };
    Ok((RepositoryName::parse(repository)?, digest))
}

/// Parses `REPOSITORY:TAG`, `REPOSITORY@DIGEST`, or `REPOSITORY`, which means the tag `latest`.
fn parse_reference(text: &str) -> Result<(RepositoryName, ManifestRef), crate::names::Error> {
    let (repository, reference) = match (text.split_once('@'), text.rsplit_once(':')) {
        (Some(parts), _) | (None, Some(parts)) => parts,
        (None, None) => (text, "latest"),
    };
    Ok((
        RepositoryName::parse(repository)?,
        ManifestRef::parse(reference)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_parsed() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, expected) in [
            ("a/b:1.0", "a/b 1.0".to_owned()),
            ("a/b", "a/b latest".to_owned()),
            (&format!("a@{digest}"), format!("a {digest}")),
        ] {
            let (repository, reference) = parse_reference(text).unwrap();
            assert_eq!(format!("{repository} {reference}"), expected);
        }
        for text in ["", ":", "a:", "a@", "A:b", "a@sha256:0"] {
            assert!(parse_reference(text).is_err(), "{text}");
        }
    }
}
