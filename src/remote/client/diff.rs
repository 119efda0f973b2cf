//! Requests the differences between two trees and between two modules. An older server has no endpoint for diffs of trees. The client then
//! computes the diff from the lists of modules in both trees.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use super::request::Client;
use super::response::ApiResponse;
use crate::names::{CommitId, ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::remote::error::{Error, Result};
use crate::remote::operations::StoreOperations;
use crate::store::{self, ComparedModules, ErrorKind, ModuleComparison, PathChange, Revision};
use crate::wire::{CommitJson, ComparedModulesJson, PathDiff, encode_query_value};

use super::pages::visit_all;

/// The number of changed paths in one response of the server.
const CHANGES_PER_PAGE: usize = 10_000;

impl Client {
    /// Calls `visit` for every module at or below `path` that differs between two trees, sorted by path, until `visit` returns `Break`.
    ///
    /// # Errors
    /// Neither tree has a module or directory at `path`.
    pub(super) fn diff_trees(
        &self,
        old: &Revision,
        new: &Revision,
        path: &TreePath,
        visit: &mut dyn FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut query = self.diff_query(old, new, path)?;
        query.push_str(&format!("&limit={CHANGES_PER_PAGE}"));
        let mut last = None::<ModulePath>;
        loop {
            let after = last.as_ref().map(|last| encode_query_value(last.as_str()));
            let after = after.map(|after| format!("&after={after}"));
            let Some(page) = self.diff_page(&format!("{query}{}", after.unwrap_or_default()))?
            else {
                visit_all(self.diff_lists(old, new, path)?.into_iter(), visit);
                return Ok(());
            };
            let previous = last.clone();
            for change in page.value.iter().map(PathDiff::change) {
                last = Some(change.path.clone());
                if visit(change).is_break() {
                    return Ok(());
                }
            }
            if !page.has_more {
                return Ok(());
            }
            if last <= previous {
                return Err(
                    self.invalid_response("a page of a diff does not continue the previous page")
                );
            }
        }
    }

    /// Compares the two modules of an updated path; `None` if the path was added or removed. If the server does not compare the modules, or
    /// its response omits differences, downloads both modules and compares them here.
    pub(super) fn compare_versions(
        &self,
        old: &Revision,
        new: &Revision,
        change: &PathChange,
    ) -> Result<Option<ModuleComparison>> {
        let (Some(old_hash), Some(new_hash)) = (change.old, change.new) else {
            return Ok(None);
        };
        let query = self.diff_query(old, new, change.path.as_tree_path())?;
        let page = self.diff_page(&query)?;
        let diffs = page.into_iter().flat_map(|page| page.value);
        let mut same = diffs.filter(|diff| diff.change() == *change);
        if let Some(comparison) = same.next().and_then(PathDiff::into_comparison) {
            return Ok(Some(comparison));
        }
        let diff = store::compare(old_hash, new_hash, |hash| {
            let revision = if hash == old_hash { old } else { new };
            self.download_bytes(revision, &change.path, hash)
        });
        match diff {
            Err(Error::Store(error)) => Ok(Some(ModuleComparison::of(Err(error))?)),
            Ok(diff) => Ok(Some(ModuleComparison::Compared(diff))),
            Err(error) => Err(error),
        }
    }

    /// Compares two modules. If the server does not compare them, or its response omits differences, downloads both modules and compares
    /// them here. In that case, a module that is named by its hash must be in the tree of `revision`.
    pub(super) fn compare_two(
        &self,
        revision: &Revision,
        old: &ModuleRef,
        new: &ModuleRef,
    ) -> Result<ComparedModules> {
        let name = |name: &ModuleRef| encode_query_value(&name.to_string()).to_string();
        let path = format!("/compare?from={}&to={}", name(old), name(new));
        match self.json::<ComparedModulesJson>(self.get(&path, revision)) {
            // A server without the endpoint returns a 404 that does not name the missing item.
            Err(Error::Refused(response))
                if response.kind() == ErrorKind::NotFound && response.missing.is_none() => {}
            compared => {
                if let Some(compared) = compared?.value.into_compared() {
                    return Ok(compared);
                }
            }
        }
        let (old, new) = (self.read_all(revision, old)?, self.read_all(revision, new)?);
        let diff = store::compare(old.0, new.0, |hash| {
            let bytes = if hash == old.0 { &old.1 } else { &new.1 };
            Ok::<_, store::Error>(bytes)
        });
        Ok(ComparedModules {
            old: old.0,
            new: new.0,
            comparison: ModuleComparison::of(diff)?,
        })
    }

    fn read_all(&self, revision: &Revision, name: &ModuleRef) -> Result<(ModuleHash, Vec<u8>)> {
        let mut module = self.find(revision, name)?;
        let mut bytes = Vec::new();
        match module.read_to_end(&mut bytes) {
            Ok(_) => Ok((module.hash, bytes)),
            Err(error) => Err(match error.downcast::<Error>() {
                Ok(error) => error,
                Err(error) => self.unreachable(&error),
            }),
        }
    }

    /// Returns the URL of a diff below the API. The URL names two commits, not branches, so that all pages compare the same trees.
    fn diff_query(&self, old: &Revision, new: &Revision, path: &TreePath) -> Result<String> {
        let commit = |revision: &Revision| match revision {
            Revision::Commit(commit) => Ok(*commit),
            revision => self.snapshot(revision),
        };
        let (from, to) = (commit(old)?, commit(new)?);
        let path = encode_query_value(path.as_str());
        Ok(format!("/diff?from={from}&to={to}&path={path}"))
    }

    /// Requests a page of a diff; `None` if the server has no endpoint for diffs.
    fn diff_page(&self, query: &str) -> Result<Option<ApiResponse<Vec<PathDiff>>>> {
        if self.lacks_diff.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match self.json(self.get(query, &Revision::default())) {
            // A server without the endpoint returns a 404 that does not name the missing item. A server with the endpoint returns the same
            // for an unknown commit. The requests for the lists of modules then report the unknown commit.
            Err(Error::Refused(response))
                if response.kind() == ErrorKind::NotFound && response.missing.is_none() =>
            {
                self.lacks_diff.store(true, Ordering::Relaxed);
                Ok(None)
            }
            page => page.map(Some),
        }
    }

    /// Returns every module at or below `path` that differs between two trees, sorted by path.
    ///
    /// # Errors
    /// Neither tree has a module or directory at `path`.
    fn diff_lists(
        &self,
        old: &Revision,
        new: &Revision,
        path: &TreePath,
    ) -> Result<Vec<PathChange>> {
        let mut modules = BTreeMap::<ModulePath, (Option<ModuleHash>, Option<ModuleHash>)>::new();
        for (path, hash) in self.at_or_below(old, path)? {
            modules.entry(path).or_default().0 = Some(hash);
        }
        for (path, hash) in self.at_or_below(new, path)? {
            modules.entry(path).or_default().1 = Some(hash);
        }
        if modules.is_empty() && !path.is_root() {
            return Err(store::Error::NoModule(path.to_string()).into());
        }
        let changed = modules.into_iter().filter(|(_, (old, new))| old != new);
        let change = |(path, (old, new))| PathChange { path, old, new };
        Ok(changed.map(change).collect())
    }

    /// Returns every module that differs between a commit and its first parent, sorted by path.
    pub(super) fn commit_changes(&self, commit: &CommitJson) -> Result<Vec<PathChange>> {
        let revision = |text: &String| self.parse(text, CommitId::parse).map(Revision::Commit);
        let new = revision(&commit.commit)?;
        let Some(parent) = commit.parents.first() else {
            let modules = self.list(&new, &TreePath::root())?.into_iter();
            let added = |(path, hash)| PathChange {
                path,
                old: None,
                new: Some(hash),
            };
            return Ok(modules.map(added).collect());
        };
        self.diff_lists(&revision(parent)?, &new, &TreePath::root())
    }

    /// Returns the modules below the directory `path`, or the module at `path`, or nothing if there is neither.
    fn at_or_below(
        &self,
        revision: &Revision,
        path: &TreePath,
    ) -> Result<Vec<(ModulePath, ModuleHash)>> {
        let modules = self.list(revision, path)?;
        match ModulePath::try_from(path.clone()) {
            Ok(path) if modules.is_empty() => {
                let hash = self.hash_if_any(revision, &ModuleRef::Path(path.clone()))?;
                Ok(hash.map(|hash| (path, hash)).into_iter().collect())
            }
            _ => Ok(modules),
        }
    }
}
