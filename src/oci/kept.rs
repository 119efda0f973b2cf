//! Decides which records a `gc` keeps: see `prune.rs` for the rules.

use std::collections::{BTreeMap, HashSet};

use super::error::Result;
use super::referrers;
use super::registry::{Registry, RepositoryKey, modules};
use super::repository_records::{RepositoryRecords, read};
use super::tag_path::{file_name, repository_of};
use crate::names::{OciDigest, OciTag, RepositoryName};
use crate::store::RegistryView;

/// The number of modules whose digests are looked up at a time.
const STEP: usize = 1024;

/// How long manifests without a tag are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retention {
    /// The current day, counted from 1970-01-01.
    pub today: u64,
    pub keep_days: u64,
}

/// A tag of a signature, whose name contains the digest of its subject. The subject may be in another repository.
struct Signature {
    repository: usize,
    tag: OciTag,
    manifests: Vec<OciDigest>,
}

/// The search for everything that kept manifests name, and that refers to them.
struct Search<'v> {
    view: &'v RegistryView<'v>,
    repositories: Vec<RepositoryRecords>,
    /// The signatures that are not kept yet, by the digest of their subject.
    signatures: BTreeMap<OciDigest, Vec<Signature>>,
    /// Kept digests whose references are not followed yet, each with the index of its repository.
    todo: Vec<(usize, OciDigest)>,
}

impl Registry {
    /// Returns the records of all repositories, and what is kept of them. The views are those of all branches, with the same records.
    pub(super) fn kept(
        &self,
        views: &[RegistryView<'_>],
        retention: Retention,
    ) -> Result<Vec<RepositoryRecords>> {
        let Some(view) = views.first() else {
            return Ok(Vec::new());
        };
        let mut search = Search {
            view,
            repositories: Vec::new(),
            signatures: BTreeMap::new(),
            todo: Vec::new(),
        };
        for name in self.recorded(view)? {
            let mut repository = read(view, name, retention)?;
            let mut seen = HashSet::new();
            let mut of_branches = Vec::new();
            for view in views {
                // Most branches have the same modules of a repository.
                if seen.insert(RepositoryKey::of(view, &repository.name)?) {
                    of_branches.push(view);
                }
            }
            let signatures = repository.keep_tagged(&of_branches, retention)?;
            let index = search.repositories.len();
            let manifests = repository.kept_manifests.iter();
            search.todo.extend(manifests.map(|digest| (index, *digest)));
            // Signatures also refer to the manifests of modules that no client has pushed.
            for view in of_branches {
                let digests = self.synthesized_digests(view, &repository.name)?;
                let digests = digests.into_iter().map(|digest| (index, digest));
                search.todo.extend(digests);
            }
            search.repositories.push(repository);
            search.add_signatures(index, signatures);
        }
        search.follow()?;
        if !search.signatures.is_empty() {
            self.keep_signatures_of_modules(views, &mut search)?;
        }
        Ok(search.repositories)
    }

    /// Returns the digests of the synthesised manifests of a repository.
    fn synthesized_digests(
        &self,
        view: &RegistryView<'_>,
        name: &RepositoryName,
    ) -> Result<Vec<OciDigest>> {
        let modules = modules(view, name)?;
        let named: Vec<_> = modules
            .iter()
            .map(|module| (module.hash, module.file_name.as_str()))
            .collect();
        let entries = self.manifest_digests(view, &named)?;
        Ok(entries
            .into_iter()
            .map(|entry| entry.digest.into())
            .collect())
    }

    /// Keeps signatures whose subject is the synthesised manifest of a module in a repository without records.
    fn keep_signatures_of_modules(
        &self,
        views: &[RegistryView<'_>],
        search: &mut Search<'_>,
    ) -> Result<()> {
        for view in views {
            let mut modules = Vec::new();
            view.walk_modules(|path, hash| {
                if repository_of(&path).is_some() {
                    modules.push((hash, file_name(&path).to_owned()));
                }
            })?;
            modules.sort();
            modules.dedup();
            for step in modules.chunks(STEP) {
                let named: Vec<_> = step
                    .iter()
                    .map(|(hash, name)| (*hash, name.as_str()))
                    .collect();
                for entry in self.manifest_digests(view, &named)? {
                    search.keep_signatures(&entry.digest.into());
                }
            }
        }
        search.follow()
    }
}

impl Search<'_> {
    fn add_signatures(&mut self, repository: usize, tags: Vec<(OciDigest, OciTag)>) {
        for (subject, tag) in tags {
            let manifests = self.repositories[repository].manifests_of(&tag);
            let signature = Signature {
                repository,
                tag,
                manifests,
            };
            self.signatures.entry(subject).or_default().push(signature);
        }
    }

    /// Keeps everything that kept manifests name, and what refers to them.
    fn follow(&mut self) -> Result<()> {
        while let Some((index, digest)) = self.todo.pop() {
            self.keep_signatures(&digest);
            let repository = &mut self.repositories[index];
            let manifest = repository.manifests.get(&digest);
            let children = manifest
                .iter()
                .flat_map(|(_, manifest)| &manifest.manifests);
            let mut found: Vec<_> = children.map(|child| child.digest).collect();
            found.extend(referrers::digests(self.view, &repository.name, &digest)?);
            let kept = &mut repository.kept_manifests;
            let new = found.into_iter().filter(|found| kept.insert(*found));
            self.todo.extend(new.map(|digest| (index, digest)));
        }
        Ok(())
    }

    /// Keeps the signatures whose subject has this digest.
    fn keep_signatures(&mut self, subject: &OciDigest) {
        for signature in self.signatures.remove(subject).into_iter().flatten() {
            let repository = &mut self.repositories[signature.repository];
            repository.kept_tags.insert(signature.tag);
            for digest in signature.manifests {
                if repository.kept_manifests.insert(digest) {
                    self.todo.push((signature.repository, digest));
                }
            }
        }
    }
}

/// Returns the digest that the name of a tag contains: `sha256-<digits>`, with a suffix such as `.sig`, `.att` or `.sbom` (cosign's tag scheme,
/// and the referrers tag schema of the OCI distribution specification).
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
