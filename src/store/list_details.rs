//! Lists modules with their sizes, kinds and last changes, from the version index.

use std::ops::ControlFlow;

use super::error::Result;
use super::open::Store;
use super::revision::{ResolvedRevision, Revision};
use crate::names::{CommitId, ModuleHash, ModulePath, TreePath};
use crate::wasm::ModuleKind;

/// The number of modules that are looked up in the index at once.
const BATCH: usize = 128;

/// A module in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedModule {
    /// The path of the module.
    pub path: ModulePath,
    /// The hash of the module.
    pub hash: ModuleHash,
    /// The size of the module, in bytes.
    pub size_bytes: u64,
    /// Whether the module is a core module or a component; `None` if the index does not have the kind yet, or the module is not valid.
    pub kind: Option<ModuleKind>,
    /// The newest commit of the first-parent history that changed the path; `None` if the search for it was stopped at its limit.
    pub last_change: Option<LastChange>,
}

/// The newest commit that changed a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastChange {
    /// The commit that changed the path.
    pub commit: CommitId,
    /// The author time of the commit, in seconds since 1970-01-01 UTC.
    pub date_s: i64,
}

impl Store {
    /// Calls `visit` for every module below the directory `prefix` in the tree at `revision`, sorted by path and starting with the first
    /// path after `after`, until `visit` returns `Break`. Returns whether `visit` returned `Break`. Does not read the modules: the details
    /// come from the version index. Pass a revision that [`as_of`](Self::as_of) resolved.
    ///
    /// # Errors
    /// Unknown branch or commit.
    pub fn list_details_after(
        &self,
        revision: &Revision,
        prefix: &TreePath,
        after: Option<&ModulePath>,
        mut visit: impl FnMut(ListedModule) -> ControlFlow<()>,
    ) -> Result<bool> {
        self.read(revision, |resolved| {
            let mut batch = Vec::with_capacity(BATCH);
            let mut failed = None;
            let mut flush = |batch: &mut Vec<_>| match self.details(resolved, batch) {
                Ok(listed) => {
                    batch.clear();
                    listed.into_iter().try_for_each(&mut visit)
                }
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            };
            let stopped = self.visit_modules(resolved, prefix, after, |path, hash| {
                batch.push((path, hash));
                match batch.len() {
                    BATCH => flush(&mut batch),
                    _ => ControlFlow::Continue(()),
                }
            })?;
            let stopped = stopped || flush(&mut batch).is_break();
            match failed {
                Some(error) => Err(error),
                None => Ok(stopped),
            }
        })
    }

    fn details(
        &self,
        resolved: ResolvedRevision,
        modules: &[(ModulePath, ModuleHash)],
    ) -> Result<Vec<ListedModule>> {
        let Some(tip) = resolved.commit else {
            return Ok(Vec::new());
        };
        let paths = modules.iter().map(|(path, _)| path.as_tree_path().clone());
        let paths: Vec<_> = paths.collect();
        let hashes: Vec<_> = modules.iter().map(|(_, hash)| *hash).collect();
        let look_up = || {
            self.query_index(tip, |index| {
                let changes = index.newest_changes(tip, &paths, 1)?.of_paths;
                Ok((changes, index.sizes_and_kinds(&hashes)?))
            })
        };
        let (mut changes, mut known) = look_up()?;
        if known.iter().any(Option::is_none) {
            // The facts about a new upload may be pending: the index worker has not added them yet.
            self.index_pending_facts()?;
            (changes, known) = look_up()?;
        }
        let listed = modules.iter().zip(changes).zip(known);
        let listed = listed.map(|(((path, hash), changes), known)| {
            let last_change = changes
                .first()
                .map(|change| self.last_change(change.commit));
            let kind = known.as_ref().and_then(|known| known.kind.as_deref());
            Ok(ListedModule {
                path: path.clone(),
                hash: *hash,
                kind: kind.and_then(ModuleKind::from_name),
                size_bytes: match known {
                    Some(known) => known.size_bytes,
                    None => self.size_bytes(*hash)?,
                },
                last_change: last_change.transpose()?,
            })
        });
        listed.collect()
    }

    fn last_change(&self, commit: CommitId) -> Result<LastChange> {
        let date_s = self.repo.objects().linked_commit(commit)?.date_s;
        Ok(LastChange { commit, date_s })
    }
}
