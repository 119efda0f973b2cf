//! The versions that a garbage collection would drop if no other branch or tag reached them.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::drop_candidates::{DropCandidates, without_nested};
use super::retention::{Retention, now_s};
use crate::index::{OwnChange, Reader};
use crate::names::{BranchName, CommitId, ModuleHash, ModulePath, RefName, TagName, TreePath};
use crate::repo::{CommitNode, OwnHistory};
use crate::store::error::{Error, Result};
use crate::store::open::Store;

/// The maximum number of refs that a [`KeptForRefs`] names.
const NAMES_MAX: usize = 10;

/// The versions that a garbage collection would drop, but keeps because other refs reach the commits that made them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptForRefs {
    /// The number of versions that would be dropped if none of these refs existed.
    pub versions: usize,
    /// The first branches that reach a commit that made one of the versions, sorted. `branches`, `tags` and `other_refs` together name at
    /// most 10 refs.
    pub branches: Vec<BranchName>,
    /// The first tags that reach a commit that made one of the versions, sorted.
    pub tags: Vec<TagName>,
    /// The full names of the first other refs (such as `refs/notes/commits`, or a detached `HEAD`) that reach a commit that made such a
    /// version.
    pub other_refs: Vec<String>,
    /// The number of further refs that reach such a commit, but are in none of these three lists.
    pub left_out: usize,
}

impl KeptForRefs {
    /// Creates the value from the number of versions and the full names of all refs that reach them. The value names only the first
    /// [`NAMES_MAX`] refs: branches first, then tags, then other refs.
    fn new(versions: usize, names: &[String]) -> Self {
        let mut kept = Self {
            versions,
            left_out: names.len().saturating_sub(NAMES_MAX),
            ..Self::default()
        };
        let mut names: Vec<_> = names
            .iter()
            .map(|name| (RefName::parse(name), name))
            .collect();
        names.sort_by_key(|(parsed, _)| match parsed {
            Ok(RefName::Branch(_)) => 0,
            Ok(RefName::Tag(_)) => 1,
            Ok(RefName::Oci) | Err(_) => 2,
        });
        for (parsed, name) in names.into_iter().take(NAMES_MAX) {
            match parsed {
                Ok(RefName::Branch(branch)) => kept.branches.push(branch),
                Ok(RefName::Tag(tag)) => kept.tags.push(tag),
                Ok(RefName::Oci) | Err(_) => kept.other_refs.push(name.clone()),
            }
        }
        kept
    }
}

/// Writes the names of the refs, such as `branch dev and tags v1, v2`.
impl fmt::Display for KeptForRefs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |noun: &str, plural: &str, names: Vec<&str>| match names.as_slice() {
            [] => None,
            [name] => Some(format!("{noun} {name}")),
            names => Some(format!("{noun}{plural} {}", names.join(", "))),
        };
        let left_out = match self.left_out {
            0 => None,
            1 => Some("1 other ref".to_owned()),
            count => Some(format!("{count} other refs")),
        };
        let parts = [
            list(
                "branch",
                "es",
                self.branches.iter().map(BranchName::as_str).collect(),
            ),
            list("tag", "s", self.tags.iter().map(TagName::as_str).collect()),
            list(
                "ref",
                "s",
                self.other_refs.iter().map(String::as_str).collect(),
            ),
            left_out,
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join(" and "))
    }
}

/// A version of a module that was made by a commit that other refs reach.
struct SharedVersion {
    path: ModulePath,
    module: ModuleHash,
    /// All commits that made this version and that other refs reach.
    commits: Vec<CommitId>,
}

impl Store {
    /// Returns the versions in the history of `branch` that a garbage collection with the rules `retention` would drop if no other ref
    /// reached them; `None` if there are none. `own` has the commits of the branch that no other ref reaches.
    ///
    /// # Errors
    /// The index or the repository cannot be read.
    pub(super) fn kept_for_refs(
        &self,
        branch: &BranchName,
        own: Option<&OwnHistory>,
        retention: &Retention,
    ) -> Result<Option<KeptForRefs>> {
        let tip = match own {
            Some(own) => own.tip().clone(),
            None => match self.tip(Some(branch))? {
                Some(tip) => CommitNode::from(&self.repo.objects().linked_commit(tip)?),
                None => return Ok(None),
            },
        };
        let own = own.map_or(&[][..], |own| &own.commits);
        let own_ids: HashSet<CommitId> = own.iter().map(|commit| commit.id).collect();
        let mut parents = own.iter().flat_map(|commit| &commit.parents);
        // In the usual case, no other ref reaches a commit of the branch, so there is nothing to return.
        if !own.is_empty() && parents.all(|parent| own_ids.contains(parent)) {
            return Ok(None);
        }
        let scopes = without_nested(&retention.paths);
        let last = retention.last.unwrap_or(0) as usize;
        let mut versions = self.query_index(tip.id, |index| {
            shared_versions(index, tip.id, &scopes, &own_ids, last)
        })?;
        self.retain_unprotected(&tip, retention, &mut versions)?;
        let commits = versions.iter().flat_map(|version| &version.commits);
        let commits: HashSet<CommitId> = commits.copied().collect();
        if commits.is_empty() {
            return Ok(None);
        }
        // If `branch` is a symbolic ref, the branch to which it points must not be counted as another ref.
        let branch = self.repo.refs().resolve_branch(Some(branch))?;
        let names = self.repo.refs_reaching(&branch, &commits)?;
        // There are no names if the refs were deleted in the meantime.
        Ok((!names.is_empty()).then(|| KeptForRefs::new(versions.len(), &names)))
    }

    /// Removes from `versions` the versions that the tip has, and the versions that `retention` keeps by their date or because of a tag.
    fn retain_unprotected(
        &self,
        tip: &CommitNode,
        retention: &Retention,
        versions: &mut Vec<SharedVersion>,
    ) -> Result<()> {
        let mut candidates = DropCandidates::new(self, tip.tree, &retention.paths);
        for version in versions.iter() {
            candidates.insert(&version.path, version.module)?;
        }
        if let Some(since) = retention.since
            && !versions.is_empty()
        {
            let objects = self.repo.objects();
            let history = objects.unknown_history(tip.id, usize::MAX, |_| Ok::<_, Error>(false))?;
            candidates.keep_since(&history.unwrap_or_default(), since.at_s(now_s()))?;
        }
        if retention.tags {
            for tree in self.repo.tagged_trees()? {
                candidates.keep_replaced(tree, tip.tree)?;
            }
        }
        versions.retain(|version| candidates.is_dropped(&version.path, version.module));
        Ok(())
    }
}

/// Returns the versions of the paths at and below `scopes` in the history of `tip`, except the `last` newest versions of each path, and
/// except versions that were made only by commits in `own`, the commits that no other ref reaches.
fn shared_versions(
    index: &Reader,
    tip: CommitId,
    scopes: &[TreePath],
    own: &HashSet<CommitId>,
    last: usize,
) -> Result<Vec<SharedVersion>> {
    let mut shared = Vec::new();
    for scope in scopes {
        index.visit_own_changes(tip, scope, |path, changes| {
            if changes.iter().any(|change| !own.contains(&change.commit)) {
                shared.extend(old_shared_versions(&path, &changes, own, last));
            }
        })?;
    }
    Ok(shared)
}

/// Returns the versions of `path` that were made by a commit that is not in `own`, the commits that only the branch reaches. Leaves out the
/// `last` newest versions of the path.
fn old_shared_versions(
    path: &ModulePath,
    changes: &[OwnChange],
    own: &HashSet<CommitId>,
    last: usize,
) -> Vec<SharedVersion> {
    let mut numbers: HashMap<ModuleHash, usize> = HashMap::new();
    let mut versions: Vec<SharedVersion> = Vec::new();
    for OwnChange { commit, module } in changes {
        let Some(module) = *module else {
            continue;
        };
        let number = *numbers.entry(module).or_insert(versions.len());
        if number == versions.len() {
            versions.push(SharedVersion {
                path: path.clone(),
                module,
                commits: Vec::new(),
            });
        }
        if !own.contains(commit) {
            versions[number].commits.push(*commit);
        }
    }
    versions.truncate(versions.len().saturating_sub(last));
    versions.retain(|version| !version.commits.is_empty());
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_ten_refs_are_named_branches_first() {
        let text = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            KeptForRefs::new(1, &names).to_string()
        };
        assert_eq!(text(&["refs/tags/v1"]), "tag v1");
        assert_eq!(
            text(&[
                "refs/heads/b",
                "refs/heads/c",
                "refs/notes/n",
                "refs/tags/v1",
                "HEAD"
            ]),
            "branches b, c and tag v1 and refs refs/notes/n, HEAD"
        );
        let tags: Vec<String> = (1..=200).map(|n| format!("refs/tags/v{n:03}")).collect();
        let kept = KeptForRefs::new(50, &tags);
        assert_eq!((kept.tags.len(), kept.left_out), (10, 190));
        let tags = "tags v001, v002, v003, v004, v005, v006, v007, v008, v009, v010";
        assert_eq!(kept.to_string(), format!("{tags} and 190 other refs"));
    }
}
