//! The operations of a module store, wherever the store is.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;

use super::error::Result;
use crate::names::{
    BranchName, CommitId, HashRef, ManifestRef, ModuleHash, ModulePath, ModulePattern, ModuleRef,
    OciDigest, OciTag, RepositoryName, TagName, TreePath,
};
use crate::store::{
    Change, ChangeFilter, ComparedModules, DirectoryRemoval, ExistingTag, FastForward, GcPreview,
    GcSummary, History, ListedModule, LogOrder, MergeSummary, ModuleComparison, ModuleFiles,
    PathChange, Published, Query, Relocation, Revision, SearchMatch, SearchScope, Tag, Version,
    WorldCheck, WorldSource,
};
use crate::wire::{BranchEvent, CommitJson, InfoJson, PartSelection, PathCommitJson, SizesJson};

/// A module store: a local directory, or a store behind a server.
///
/// Every implementation returns the same values and the same kinds of errors. A write returns the branch's tip after it. Support for another kind of location is one file
/// that implements this trait. The trait is object-safe, so that the command line needs no type parameters.
pub trait StoreOperations {
    /// Opens the module with this path, hash or digest in the tree of `revision`.
    fn find(&self, revision: &Revision, name: &ModuleRef) -> Result<ModuleReader<'_>>;

    /// Returns the module's hash.
    fn hash(&self, revision: &Revision, name: &ModuleRef) -> Result<ModuleHash>;

    /// Returns whether the tree of `revision` contains the module.
    fn contains(&self, revision: &Revision, name: &ModuleRef) -> Result<bool>;

    /// Returns the description of a module: its kind, size, imports and exports, and more.
    fn info(&self, revision: &Revision, name: &ModuleRef) -> Result<InfoJson>;

    /// Returns the WIT of a module, as text.
    fn wit(&self, revision: &Revision, name: &ModuleRef) -> Result<String>;

    /// Returns the sizes of the parts of a module.
    fn sizes(
        &self,
        revision: &Revision,
        name: &ModuleRef,
        selection: PartSelection,
    ) -> Result<SizesJson>;

    /// Calls `visit` for every module for which the query holds, sorted by path, until `visit` returns `Break`. Returns the number of
    /// modules that the store has not analysed yet. A search does not find them.
    fn search(
        &self,
        revision: &Revision,
        query: &Query,
        scope: SearchScope,
        visit: &mut dyn FnMut(SearchMatch) -> ControlFlow<()>,
    ) -> Result<u64>;

    /// Calls `visit` for every component below the directory `scope` that fits a world, sorted by path, until `visit` returns `Break`; or for
    /// the module at `scope`, whether it fits or not.
    fn world(
        &self,
        revision: &Revision,
        world: &WorldSource,
        scope: &TreePath,
        visit: &mut dyn FnMut(WorldCheck) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Lists the tags of a repository of the OCI registry, sorted.
    ///
    /// # Errors
    /// There is no such repository.
    fn oci_tags(&self, repository: &RepositoryName) -> Result<Vec<OciTag>>;

    /// Returns the manifest that a tag or digest names, as text, and its digest.
    ///
    /// # Errors
    /// There is no such manifest.
    fn oci_manifest(
        &self,
        repository: &RepositoryName,
        reference: &ManifestRef,
    ) -> Result<(OciDigest, String)>;

    /// Lists every module below the directory `prefix`, sorted by path.
    fn list(&self, revision: &Revision, prefix: &TreePath)
    -> Result<Vec<(ModulePath, ModuleHash)>>;

    /// Calls `visit` for every module below the directory `prefix`, sorted by path, with its size, kind and last change, until `visit`
    /// returns `Break`.
    fn list_details(
        &self,
        revision: &Revision,
        prefix: &TreePath,
        visit: &mut dyn FnMut(ListedModule) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Lists the first modules below `prefix`, and returns whether there are more. Lists at least `count` modules, if there are so many.
    fn list_first(
        &self,
        revision: &Revision,
        prefix: &TreePath,
        count: usize,
    ) -> Result<(Vec<(ModulePath, ModuleHash)>, bool)>;

    /// Writes every module of the tree of `revision` to a file, as [`Store::export`](crate::store::Store::export) does.
    fn export(
        &self,
        revision: &Revision,
        dir: &Path,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<usize>;

    /// Returns the default branch.
    fn default_branch(&self) -> Result<BranchName>;

    /// Returns all branches, sorted.
    fn branches(&self) -> Result<Vec<BranchName>>;

    /// Returns a revision for several requests that must read the same tree. If the store is behind a server, the result is the commit that
    /// `revision` names now. A local store returns `revision` unchanged.
    ///
    /// # Errors
    /// Unknown branch or commit.
    fn pin(&self, revision: &Revision) -> Result<Revision>;

    /// Returns the commit that `revision` names.
    fn snapshot(&self, revision: &Revision) -> Result<CommitId>;

    /// Returns the id of a commit. An id that `revision` has already is returned unchanged, whether or not there is such a commit.
    ///
    /// # Errors
    /// As for [`snapshot`](Self::snapshot).
    fn commit_id(&self, revision: &Revision) -> Result<CommitId> {
        match revision {
            Revision::Commit(commit) => Ok(*commit),
            revision => self.snapshot(revision),
        }
    }

    /// Returns a commit.
    fn commit(&self, id: CommitId) -> Result<CommitJson>;

    /// Calls `visit` for the commits of the history, as [`Store::log`](crate::store::Store::log) does, until `visit` returns
    /// `Break`.
    fn log(
        &self,
        revision: &Revision,
        skip: usize,
        count: usize,
        order: LogOrder,
        visit: &mut dyn FnMut(CommitJson) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Calls `visit` for the commits that changed a path, newest first, until `visit` returns `Break`: the commits that make a change that
    /// the filter asks for, or all commits if the filter is empty. Each commit has the module's new hash unless it removed the module.
    fn log_path(
        &self,
        revision: &Revision,
        path: &ModulePath,
        filter: &ChangeFilter,
        visit: &mut dyn FnMut(PathCommitJson) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Returns the versions of a path, oldest first.
    fn versions(&self, revision: &Revision, path: &ModulePath) -> Result<Vec<Version>>;

    /// Returns the version of a path at `index`; the oldest version has the index 0.
    fn version(&self, revision: &Revision, path: &ModulePath, index: usize) -> Result<Version>;

    /// Returns every commit that changed a path, newest first, each commit with the module's new hash unless it removed the module.
    fn audit(
        &self,
        revision: &Revision,
        path: &ModulePath,
    ) -> Result<Vec<(CommitJson, Option<ModuleHash>)>>;

    /// Calls `visit` for every module that differs between a commit and its first parent, sorted by path, until `visit` returns
    /// `Break`.
    fn changes(
        &self,
        commit: &CommitJson,
        visit: &mut dyn FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Calls `visit` for every module at or below `path` that differs between two trees, sorted by path, until `visit` returns
    /// `Break`.
    fn diff(
        &self,
        old: &Revision,
        new: &Revision,
        path: &TreePath,
        visit: &mut dyn FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Compares the two modules of an updated path in two trees; `None` if the path was added or removed. `change` is one of the changes that
    /// [`diff`](Self::diff) finds between `old` and `new`.
    fn compare(
        &self,
        old: &Revision,
        new: &Revision,
        change: &PathChange,
    ) -> Result<Option<ModuleComparison>>;

    /// Compares two modules: a path is looked up in the tree of `revision`, and a hash or digest in the history of all branches.
    fn compare_modules(
        &self,
        revision: &Revision,
        old: &ModuleRef,
        new: &ModuleRef,
    ) -> Result<ComparedModules>;

    /// Calls `notify` with each new commit of a branch and its changes, or with each commit after `since`, until `notify` returns
    /// `Break`.
    fn watch(
        &self,
        branch: Option<&BranchName>,
        since: Option<CommitId>,
        notify: &mut dyn FnMut(BranchEvent) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Stores a module at a path. `size_bytes` is the length of `source`, if it is known.
    fn put(
        &self,
        change: &Change,
        path: &ModulePath,
        source: &mut dyn Read,
        size_bytes: Option<u64>,
    ) -> Result<Published<ModuleHash>>;

    /// Puts files at their paths in one commit. Calls `progress` after each file with the number of files that are read and the number of all
    /// files. Returns the modules, sorted by path.
    fn put_files(
        &self,
        change: &Change,
        files: &ModuleFiles,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Published<Vec<(ModulePath, ModuleHash)>>>;

    /// Sets `path` to a module that the store contains already.
    fn set(
        &self,
        change: &Change,
        hash: &HashRef,
        path: &ModulePath,
    ) -> Result<Published<ModuleHash>>;

    /// Removes a module, or a directory with everything in it.
    fn remove(
        &self,
        change: &Change,
        name: &ModuleRef,
        directories: DirectoryRemoval,
    ) -> Result<Published<()>>;

    /// Removes the modules that names and globs select.
    fn remove_selected(
        &self,
        change: &Change,
        patterns: &[ModulePattern],
        directories: DirectoryRemoval,
    ) -> Result<Published<()>>;

    /// Copies modules and directories.
    fn copy_modules(&self, change: &Change, relocation: &Relocation) -> Result<Published<()>>;

    /// Moves modules and directories.
    fn move_modules(&self, change: &Change, relocation: &Relocation) -> Result<Published<()>>;

    /// Restores the module or directory at `scope` as it was in a commit.
    fn restore(&self, change: &Change, commit: CommitId, scope: &TreePath)
    -> Result<Published<()>>;

    /// Undoes the newest change at or below `scope`.
    fn rollback(&self, change: &Change, scope: &TreePath) -> Result<Published<()>>;

    /// Merges the branch `theirs` into the branch that `change` names.
    fn merge(
        &self,
        change: &Change,
        theirs: &BranchName,
        fast_forward: FastForward,
    ) -> Result<Published<MergeSummary>>;

    /// Creates a branch that points to the commit that `from` names.
    fn create_branch(&self, branch: &BranchName, from: &Revision) -> Result<Published<()>>;

    /// Makes a branch the default branch.
    fn set_default_branch(&self, branch: &BranchName) -> Result<()>;

    /// Deletes a branch.
    fn delete_branch(&self, branch: &BranchName) -> Result<()>;

    /// Returns all tags that lead to a commit, sorted by name.
    fn tags(&self) -> Result<Vec<Tag>>;

    /// Creates a tag at the commit that `from` names; an annotated one if `change` has a message.
    fn create_tag(
        &self,
        change: &Change,
        tag: &TagName,
        from: &Revision,
        existing: ExistingTag,
    ) -> Result<Published<()>>;

    /// Deletes a tag.
    fn delete_tag(&self, change: &Change, tag: &TagName) -> Result<()>;

    /// Collects garbage.
    fn gc(&self, change: &Change, history: History) -> Result<GcSummary>;

    /// Returns what a garbage collection would drop from the history of a branch. Changes nothing.
    fn preview_gc(&self, branch: Option<&BranchName>, history: &History) -> Result<GcPreview>;
}

/// A module that is being read.
pub struct ModuleReader<'s> {
    /// The module's hash.
    pub hash: ModuleHash,
    /// The module's length, in bytes.
    pub size_bytes: u64,
    pub(super) source: Box<dyn Read + 's>,
}

/// A failed download is reported as an [`io::Error`] that contains this subsystem's [`Error`](super::Error); see [`io::Error::downcast`].
impl Read for ModuleReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.source.read(buffer)
    }
}
