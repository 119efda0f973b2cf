//! Implements the operations of a store for a local directory.

use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use super::error::Result;
use super::module_reader::ModuleReader;
use super::module_source::ModuleSource;
use super::operations::StoreOperations;
use crate::names::{
    BranchName, CommitId, HashRef, ManifestRef, ModuleHash, ModulePath, ModulePattern, ModuleRef,
    OciDigest, OciTag, RepositoryName, TagName, TreePath,
};
use crate::oci::Registry;
use crate::store::{
    self, Change, ChangeFilter, CommitFilter, ComparedModules, DirectoryRemoval, EventFilter,
    ExistingTag, FastForward, GcPreview, GcSummary, History, ListedModule, LogSelection,
    MatchedCommit, MergeOptions, MergeSummary, ModuleComparison, ModuleFiles, PathChange,
    Published, Query, Relocation, Revision, SearchCursor, SearchDetail, SearchMatch, SearchScope,
    Store, Tag, UndoneChange, Version, WorldCheck, WorldScope, WorldSource,
};
use crate::wire::{
    BranchEvent, CommitJson, InfoJson, OciJson, PartSelection, PathCommitJson, SizesJson,
};

/// The maximum time that one call of `Watcher::next` waits for an event. `watch` repeats the call forever.
const EVENT_WAIT_MAX: Duration = Duration::from_secs(3600);

/// The maximum number of matches that one call of [`Store::search`] returns.
const SEARCH_PAGE: usize = 1_000;

/// In each method of this block, a call such as `self.find` calls the inherent method of [`Store`], not the method of the trait, because
/// Rust prefers inherent methods.
impl StoreOperations for Store {
    fn find(&self, revision: &Revision, name: &ModuleRef) -> Result<ModuleReader<'_>> {
        let module = self.find(revision, name)?;
        Ok(ModuleReader {
            hash: module.hash,
            size_bytes: module.bytes.len() as u64,
            source: Box::new(Cursor::new(module.bytes)),
        })
    }

    fn hash(&self, revision: &Revision, name: &ModuleRef) -> Result<ModuleHash> {
        let name = Registry::default().resolve(self, revision, name)?;
        Ok(self.hash(revision, &name)?)
    }

    fn contains(&self, revision: &Revision, name: &ModuleRef) -> Result<bool> {
        Ok(self.contains(revision, name)?)
    }

    fn info(&self, revision: &Revision, name: &ModuleRef) -> Result<InfoJson> {
        let registry = Registry::default();
        let name = &registry.resolve(self, revision, name)?;
        let mut details = self.info(revision, name, 0)?;
        while let Some(next) = details.module.next {
            let more = self.info(revision, name, next)?.module;
            details.module.imports.extend(more.imports);
            details.module.exports.extend(more.exports);
            details.module.next = more.next;
        }
        let mut info = InfoJson::from(&details);
        if let ModuleRef::Path(path) = name {
            let module = registry.module_name(self, path, details.hash)?;
            info.oci = module.as_ref().map(OciJson::from);
        }
        Ok(info)
    }

    fn wit(&self, revision: &Revision, name: &ModuleRef) -> Result<String> {
        Ok(self.wit(revision, name)?.text)
    }

    fn oci_tags(&self, repository: &RepositoryName) -> Result<Vec<OciTag>> {
        Ok(Registry::default()
            .tags(self, repository, None, usize::MAX)?
            .tags)
    }

    fn oci_manifest(
        &self,
        repository: &RepositoryName,
        reference: &ManifestRef,
    ) -> Result<(OciDigest, String)> {
        let found = Registry::default().manifest(self, repository, reference)?;
        let text = String::from_utf8_lossy(&found.bytes).into_owned();
        Ok((found.digest, text))
    }

    fn sizes(
        &self,
        revision: &Revision,
        name: &ModuleRef,
        selection: PartSelection,
    ) -> Result<SizesJson> {
        let (hash, module) = self.facts(revision, name)?;
        Ok(SizesJson::of(hash, &module.facts, selection))
    }

    fn search(
        &self,
        revision: &Revision,
        query: &Query,
        scope: SearchScope,
        detail: SearchDetail,
        visit: &mut dyn FnMut(SearchMatch) -> ControlFlow<()>,
    ) -> Result<u64> {
        let revision = self.pin(revision)?;
        self.complete_facts(&revision)?;
        let mut cursor = SearchCursor::default();
        loop {
            let page = self.search(&revision, query, scope, detail, &cursor, SEARCH_PAGE)?;
            let mut matches = page.matches.into_iter();
            let stopped = matches.any(|found| visit(found).is_break());
            match page.next {
                Some(next) if !stopped => cursor = next,
                _ => return Ok(page.pending),
            }
        }
    }

    fn world(
        &self,
        revision: &Revision,
        world: &WorldSource,
        scope: &TreePath,
        visit: &mut dyn FnMut(WorldCheck) -> ControlFlow<()>,
    ) -> Result<()> {
        // `as_of` resolves the revision again if a `gc` removed its commit. The walk is outside of `as_of`: it cannot be repeated, because
        // `visit` may have received modules.
        let (_, resolved) = self.as_of(revision, |resolved| Ok(resolved.clone()))?;
        let modules = match self.world_scope(&resolved, scope, None, usize::MAX)? {
            WorldScope::Module(path, hash) => {
                let _ = visit(self.check_world(world, path, hash)?);
                return Ok(());
            }
            WorldScope::Directory(modules, _) => modules,
        };
        for (path, hash) in modules {
            let check = self.check_world(world, path, hash)?;
            if check.reasons.is_empty() && visit(check).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn list(
        &self,
        revision: &Revision,
        prefix: &TreePath,
    ) -> Result<Vec<(ModulePath, ModuleHash)>> {
        Ok(self.list(revision, prefix)?)
    }

    fn list_details(
        &self,
        revision: &Revision,
        prefix: &TreePath,
        visit: &mut dyn FnMut(ListedModule) -> ControlFlow<()>,
    ) -> Result<()> {
        // `as_of` resolves the revision again if a `gc` removed its commit. The walk is outside of `as_of`: it cannot be repeated, because
        // `visit` may have received modules.
        let (commit, resolved) = self.as_of(revision, |resolved| Ok(resolved.clone()))?;
        if commit.is_none() {
            return Ok(());
        }
        self.complete_facts(&resolved)?;
        self.list_details_after(&resolved, prefix, None, visit)?;
        Ok(())
    }

    fn list_first(
        &self,
        revision: &Revision,
        prefix: &TreePath,
        count: usize,
    ) -> Result<(Vec<(ModulePath, ModuleHash)>, bool)> {
        Ok(self.list_first(revision, prefix, count)?)
    }

    fn entry_names(
        &self,
        revision: &Revision,
        path: &TreePath,
        beginning: &str,
        count: usize,
    ) -> Result<Vec<String>> {
        Ok(self.entry_names(revision, path, beginning, count)?)
    }

    fn export(
        &self,
        _: &Revision,
        modules: &[(ModulePath, ModuleHash)],
        dir: &Path,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<usize> {
        let bytes = |_: &_, hash| self.bytes(hash);
        Ok(store::write_modules(modules, dir, bytes, progress)?)
    }

    fn default_branch(&self) -> Result<BranchName> {
        Ok(self.default_branch()?)
    }

    fn branches(&self) -> Result<Vec<BranchName>> {
        Ok(self.branches()?)
    }

    fn pin(&self, revision: &Revision) -> Result<Revision> {
        Ok(revision.clone())
    }

    fn snapshot(&self, revision: &Revision) -> Result<CommitId> {
        Ok(self.snapshot(revision)?)
    }

    fn commit(&self, id: CommitId) -> Result<CommitJson> {
        Ok(CommitJson::from(&self.commit(id)?))
    }

    fn log(
        &self,
        revision: &Revision,
        selection: &LogSelection,
        visit: &mut dyn FnMut(CommitJson) -> ControlFlow<()>,
    ) -> Result<()> {
        Ok(self.log_selected(revision, selection, |commit| {
            visit(CommitJson::from(&commit)).is_continue()
        })?)
    }

    fn log_path(
        &self,
        revision: &Revision,
        path: &ModulePath,
        (filter, commits): (&ChangeFilter, &CommitFilter),
        visit: &mut dyn FnMut(PathCommitJson) -> ControlFlow<()>,
    ) -> Result<()> {
        // `as_of` resolves the revision again if a `gc` removed its commit. The walk is outside of `as_of`: it cannot be repeated, because
        // `visit` may have received commits.
        let (_, resolved) = self.as_of(revision, |resolved| Ok(resolved.clone()))?;
        if filter.is_empty() && self.has_directory_log(&resolved, path)? {
            return Ok(self.log_directory_after(
                &resolved,
                path,
                None,
                |_, commit| match commit {
                    Some(commit) if commits.selects(&commit) => {
                        visit(PathCommitJson::from(&commit)).is_continue()
                    }
                    Some(_) | None => true,
                },
            )?);
        }
        if filter.is_empty() {
            return Ok(self.audit_after(&resolved, path, None, |entry| {
                !commits.selects(&entry.commit)
                    || visit(PathCommitJson::new(&entry, true)).is_continue()
            })?);
        }
        let visit = |_, matched: Option<MatchedCommit>| match matched {
            Some(matched) if commits.selects(&matched.commit) => visit(matched.into()),
            Some(_) | None => ControlFlow::Continue(()),
        };
        Ok(self.log_path_after(&resolved, path, filter, None, visit)?)
    }

    fn versions(&self, revision: &Revision, path: &ModulePath) -> Result<Vec<Version>> {
        Ok(self.versions(revision, path)?)
    }

    fn version(&self, revision: &Revision, path: &ModulePath, index: usize) -> Result<Version> {
        Ok(self.version(revision, path, index)?)
    }

    fn audit(
        &self,
        revision: &Revision,
        path: &ModulePath,
    ) -> Result<Vec<(CommitJson, Option<ModuleHash>)>> {
        let entries = self.audit(revision, path)?;
        Ok(entries
            .iter()
            .map(|entry| (CommitJson::from(&entry.commit), entry.hash))
            .collect())
    }

    fn changes(
        &self,
        commit: &CommitJson,
        visit: &mut dyn FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()> {
        let id = CommitId::parse(&commit.commit).map_err(store::Error::from)?;
        Ok(self.changes(&self.commit(id)?, visit)?)
    }

    fn diff(
        &self,
        old: &Revision,
        new: &Revision,
        path: &TreePath,
        visit: &mut dyn FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()> {
        Ok(self.diff(old, new, path, visit)?)
    }

    fn compare(
        &self,
        _: &Revision,
        _: &Revision,
        change: &PathChange,
    ) -> Result<Option<ModuleComparison>> {
        Ok(self.compare(change)?)
    }

    fn compare_modules(
        &self,
        revision: &Revision,
        old: &ModuleRef,
        new: &ModuleRef,
    ) -> Result<ComparedModules> {
        let (_, (old, new)) = self.as_of(revision, |revision| {
            let hash = |name| self.hash_in_history(revision, name);
            Ok((hash(old)?, hash(new)?))
        })?;
        Ok(self.compare_hashes(old, new)?)
    }

    fn watch(
        &self,
        branch: Option<&BranchName>,
        since: Option<CommitId>,
        filter: &EventFilter,
        notify: &mut dyn FnMut(BranchEvent) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut watcher = self.watch(branch, since)?;
        let branch = watcher.branch().clone();
        loop {
            let events = watcher.next(EVENT_WAIT_MAX)?;
            let count = events.len();
            for (number, event) in (1..).zip(events) {
                let event = if filter.is_empty() {
                    event
                } else {
                    filter.apply(&event)
                };
                if !filter.is_empty() && event.changes.is_empty() && number < count {
                    continue;
                }
                if notify(BranchEvent::new(event, branch.clone())).is_break() {
                    return Ok(());
                }
            }
        }
    }

    fn put(
        &self,
        change: &Change,
        path: &ModulePath,
        source: ModuleSource<'_>,
    ) -> Result<Published<ModuleHash>> {
        let digest = source.digest();
        Ok(self.put_with_digest(change, path, digest, source)?)
    }

    fn put_files(
        &self,
        change: &Change,
        files: &ModuleFiles,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Published<Vec<(ModulePath, ModuleHash)>>> {
        Ok(self.put_files(change, files, progress)?)
    }

    fn set(
        &self,
        change: &Change,
        hash: &HashRef,
        path: &ModulePath,
    ) -> Result<Published<ModuleHash>> {
        Ok(self.set(change, hash, path)?)
    }

    fn remove(
        &self,
        change: &Change,
        name: &ModuleRef,
        directories: DirectoryRemoval,
    ) -> Result<Published<()>> {
        Ok(self.remove(change, name, directories)?)
    }

    fn remove_selected(
        &self,
        change: &Change,
        patterns: &[ModulePattern],
        directories: DirectoryRemoval,
    ) -> Result<Published<()>> {
        Ok(self.remove_selected(change, patterns, directories)?)
    }

    fn copy_modules(&self, change: &Change, relocation: &Relocation) -> Result<Published<()>> {
        Ok(self.copy_modules(change, relocation)?)
    }

    fn move_modules(&self, change: &Change, relocation: &Relocation) -> Result<Published<()>> {
        Ok(self.move_modules(change, relocation)?)
    }

    fn restore(
        &self,
        change: &Change,
        commit: CommitId,
        scope: &TreePath,
    ) -> Result<Published<()>> {
        Ok(self.restore(change, commit, scope)?)
    }

    fn rollback(&self, change: &Change, scope: &TreePath) -> Result<Published<Option<CommitId>>> {
        let undone = self.rollback(change, scope)?;
        let commit = undone.value.undone;
        Ok(undone.with_value(Some(commit)))
    }

    fn preview_rollback(
        &self,
        revision: &Revision,
        scope: &TreePath,
    ) -> Result<(CommitId, UndoneChange)> {
        Ok(self.preview_rollback(revision, scope)?)
    }

    fn merge(
        &self,
        change: &Change,
        theirs: &BranchName,
        fast_forward: FastForward,
    ) -> Result<Published<MergeSummary>> {
        let options = MergeOptions {
            fast_forward,
            ..MergeOptions::default()
        };
        Ok(self.merge_with(change, theirs, options)?)
    }

    fn create_branch(&self, branch: &BranchName, from: &Revision) -> Result<Published<()>> {
        Ok(Published {
            branch: Some(branch.clone()),
            commit: Some(self.create_branch(branch, from)?),
            has_moved: true,
            value: (),
        })
    }

    fn set_default_branch(&self, branch: &BranchName) -> Result<()> {
        Ok(self.set_default_branch(branch, None)?)
    }

    fn delete_branch(&self, branch: &BranchName) -> Result<()> {
        Ok(self.delete_branch(branch, None)?)
    }

    fn tags(&self) -> Result<Vec<Tag>> {
        let mut tags = Vec::new();
        self.tags_after(None, |tag| {
            tags.push(tag);
            ControlFlow::Continue(())
        })?;
        Ok(tags)
    }

    fn create_tag(
        &self,
        change: &Change,
        tag: &TagName,
        from: &Revision,
        existing: ExistingTag,
    ) -> Result<Published<Option<CommitId>>> {
        Ok(self.create_tag(change, tag, from, existing)?)
    }

    fn delete_tag(&self, change: &Change, tag: &TagName) -> Result<Published<()>> {
        Ok(self.delete_tag(change, tag)?)
    }

    fn gc(&self, change: &Change, history: History) -> Result<Published<GcSummary>> {
        Ok(self.gc(change, history)?)
    }

    fn preview_gc(&self, branch: Option<&BranchName>, history: &History) -> Result<GcPreview> {
        Ok(self.preview_gc(branch, history)?)
    }
}
