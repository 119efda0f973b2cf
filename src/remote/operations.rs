//! The trait with the operations of a module store. The store may be a local directory or behind a server.

use std::ops::ControlFlow;
use std::path::Path;

use super::error::Result;
use super::module_reader::ModuleReader;
use super::module_source::ModuleSource;
use crate::names::{
    BranchName, CommitId, HashRef, ManifestRef, ModuleHash, ModulePath, ModulePattern, ModuleRef,
    OciDigest, OciTag, RepositoryName, TagName, TreePath,
};
use crate::store::{
    Change, ChangeFilter, CommitFilter, ComparedModules, DirectoryRemoval, EventFilter,
    ExistingTag, FastForward, GcPreview, GcSummary, History, ListedModule, LogSelection,
    MergeSummary, ModuleComparison, ModuleFiles, PathChange, Published, Query, Relocation,
    Revision, SearchDetail, SearchMatch, SearchScope, Tag, UndoneChange, Version, WorldCheck,
    WorldSource,
};
use crate::wire::{BranchEvent, CommitJson, InfoJson, PartSelection, PathCommitJson, SizesJson};

/// The operations of a module store. The store is in a local directory or behind a server.
///
/// All implementations return the same values and the same kinds of errors. Each write returns the tip of the branch after the write. The
/// trait is object-safe, so that the command line needs no type parameters.
pub trait StoreOperations {
    /// Opens the module that `name` (a path, hash or digest) selects in the tree of `revision`.
    fn find(&self, revision: &Revision, name: &ModuleRef) -> Result<ModuleReader<'_>>;

    /// Returns the hash of a module in the tree of `revision`.
    fn hash(&self, revision: &Revision, name: &ModuleRef) -> Result<ModuleHash>;

    /// Returns whether the tree of `revision` contains the module.
    fn contains(&self, revision: &Revision, name: &ModuleRef) -> Result<bool>;

    /// Returns the description of a module: its kind, size, imports and exports, and more.
    fn info(&self, revision: &Revision, name: &ModuleRef) -> Result<InfoJson>;

    /// Returns the WIT (interfaces and world) of a module, as text.
    fn wit(&self, revision: &Revision, name: &ModuleRef) -> Result<String>;

    /// Returns the sizes of the parts of a module, such as its sections and functions.
    fn sizes(
        &self,
        revision: &Revision,
        name: &ModuleRef,
        selection: PartSelection,
    ) -> Result<SizesJson>;

    /// Calls `visit` for every module that matches the query, sorted by path, until `visit` returns `Break`. Returns the number of modules
    /// that the store has not analysed yet. A search does not find these modules.
    fn search(
        &self,
        revision: &Revision,
        query: &Query,
        scope: SearchScope,
        detail: SearchDetail,
        visit: &mut dyn FnMut(SearchMatch) -> ControlFlow<()>,
    ) -> Result<u64>;

    /// Calls `visit` for every component below the directory `scope` that fits a world, sorted by path, until `visit` returns `Break`. If
    /// `scope` is a module, calls `visit` for that module, whether it fits or not.
    fn world(
        &self,
        revision: &Revision,
        world: &WorldSource,
        scope: &TreePath,
        visit: &mut dyn FnMut(WorldCheck) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Returns the tags of a repository in the OCI registry, sorted.
    ///
    /// # Errors
    /// The OCI registry has no such repository.
    fn oci_tags(&self, repository: &RepositoryName) -> Result<Vec<OciTag>>;

    /// Returns the digest and the text of the manifest that a tag or digest names in an OCI repository.
    ///
    /// # Errors
    /// The OCI repository has no such manifest.
    fn oci_manifest(
        &self,
        repository: &RepositoryName,
        reference: &ManifestRef,
    ) -> Result<(OciDigest, String)>;

    /// Returns the path and the hash of every module below the directory `prefix`, sorted by path.
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

    /// Returns the first modules below the directory `prefix`, and whether there are more. Returns at least `count` modules, unless there
    /// are fewer.
    fn list_first(
        &self,
        revision: &Revision,
        prefix: &TreePath,
        count: usize,
    ) -> Result<(Vec<(ModulePath, ModuleHash)>, bool)>;

    /// Returns at most `count` names of modules and directories in the directory at `path` that start with `beginning`. The name of a
    /// directory ends with a slash.
    fn entry_names(
        &self,
        revision: &Revision,
        path: &TreePath,
        beginning: &str,
        count: usize,
    ) -> Result<Vec<String>>;

    /// Writes modules of the tree of `revision` to files, as [`Store::export`](crate::store::Store::export) does.
    fn export(
        &self,
        revision: &Revision,
        modules: &[(ModulePath, ModuleHash)],
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
    /// `revision` names a branch or commit that does not exist.
    fn pin(&self, revision: &Revision) -> Result<Revision>;

    /// Returns the commit that `revision` names.
    fn snapshot(&self, revision: &Revision) -> Result<CommitId>;

    /// Returns the id of the commit that `revision` names. If `revision` is a commit id, returns it unchanged, without checking that the
    /// commit exists.
    ///
    /// # Errors
    /// As for [`snapshot`](Self::snapshot).
    fn commit_id(&self, revision: &Revision) -> Result<CommitId> {
        match revision {
            Revision::Commit(commit) => Ok(*commit),
            revision => self.snapshot(revision),
        }
    }

    /// Returns the commit with the id `id`: its message, author, parents and so on.
    fn commit(&self, id: CommitId) -> Result<CommitJson>;

    /// Calls `visit` for the selected commits of the history, as [`Store::log_selected`](crate::store::Store::log_selected) does, until
    /// `visit` returns `Break`.
    fn log(
        &self,
        revision: &Revision,
        selection: &LogSelection,
        visit: &mut dyn FnMut(CommitJson) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Calls `visit` for the commits that changed a path, newest first, until `visit` returns `Break`. `filters` are a filter for the
    /// change of the path and a filter for the author and date. Visits only commits that match both; an empty filter matches everything.
    /// Each commit has the module's new hash, unless it removed the module. If the path is a directory, visits the commits that changed a
    /// module in it, without a hash.
    fn log_path(
        &self,
        revision: &Revision,
        path: &ModulePath,
        filters: (&ChangeFilter, &CommitFilter),
        visit: &mut dyn FnMut(PathCommitJson) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Returns the versions of a path, oldest first.
    fn versions(&self, revision: &Revision, path: &ModulePath) -> Result<Vec<Version>>;

    /// Returns the version of a path at `index`; the oldest version has the index 0.
    fn version(&self, revision: &Revision, path: &ModulePath, index: usize) -> Result<Version>;

    /// Returns every commit that changed the module at a path, newest first, each with the module's new hash. The hash is `None` if the
    /// commit removed the module.
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

    /// Compares the old and the new module of a path that was updated between two trees; returns `None` if the path was added or removed.
    /// `change` is one of the changes that [`diff`](Self::diff) finds between `old` and `new`.
    fn compare(
        &self,
        old: &Revision,
        new: &Revision,
        change: &PathChange,
    ) -> Result<Option<ModuleComparison>>;

    /// Compares two modules. Looks up a path in the tree of `revision`, and a hash or digest in the history of all branches.
    fn compare_modules(
        &self,
        revision: &Revision,
        old: &ModuleRef,
        new: &ModuleRef,
    ) -> Result<ComparedModules>;

    /// Calls `notify` for each new commit of a branch, until `notify` returns `Break`. If `since` is given, begins with the commits after
    /// `since`. Each event has the commit and its changes. With a filter, an event has the selected changes only. Commits without selected
    /// changes are left out, except that the last of them is reported at intervals, without changes, so that the caller can resume after
    /// this commit.
    fn watch(
        &self,
        branch: Option<&BranchName>,
        since: Option<CommitId>,
        filter: &EventFilter,
        notify: &mut dyn FnMut(BranchEvent) -> ControlFlow<()>,
    ) -> Result<()>;

    /// Stores a module at a path.
    fn put(
        &self,
        change: &Change,
        path: &ModulePath,
        source: ModuleSource<'_>,
    ) -> Result<Published<ModuleHash>>;

    /// Puts files at their paths in one commit. After each file, calls `progress` with the number of files read so far and the number of
    /// all files. Returns the path and the hash of each module, sorted by path.
    fn put_files(
        &self,
        change: &Change,
        files: &ModuleFiles,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Published<Vec<(ModulePath, ModuleHash)>>>;

    /// Puts the module with the hash or digest `hash`, which the store must contain already, at `path`.
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

    /// Makes a commit in which the module or directory at `scope` is as it was in the commit `commit`.
    fn restore(&self, change: &Change, commit: CommitId, scope: &TreePath)
    -> Result<Published<()>>;

    /// Makes a commit that undoes the newest change at or below `scope`. The value of the result is the commit that was undone; `None` if
    /// the server does not say which.
    fn rollback(&self, change: &Change, scope: &TreePath) -> Result<Published<Option<CommitId>>>;

    /// Returns the commit of `revision`, and the change that a rollback of `scope` would undo if this commit is the branch's tip.
    fn preview_rollback(
        &self,
        revision: &Revision,
        scope: &TreePath,
    ) -> Result<(CommitId, UndoneChange)>;

    /// Merges the branch `theirs` into the branch that `change` names.
    fn merge(
        &self,
        change: &Change,
        theirs: &BranchName,
        fast_forward: FastForward,
    ) -> Result<Published<MergeSummary>>;

    /// Creates a branch that points to the commit that `from` names.
    fn create_branch(&self, branch: &BranchName, from: &Revision) -> Result<Published<()>>;

    /// Makes `branch` the default branch of the store.
    fn set_default_branch(&self, branch: &BranchName) -> Result<()>;

    /// Deletes a branch.
    fn delete_branch(&self, branch: &BranchName) -> Result<()>;

    /// Returns all tags that point to a commit, directly or through other tags, sorted by name.
    fn tags(&self) -> Result<Vec<Tag>>;

    /// Creates a tag at the commit that `from` names. The tag is annotated if `change` has a message. The value of the result is the commit
    /// to which the replaced tag pointed; `None` if no tag was replaced.
    fn create_tag(
        &self,
        change: &Change,
        tag: &TagName,
        from: &Revision,
        existing: ExistingTag,
    ) -> Result<Published<Option<CommitId>>>;

    /// Deletes a tag. The result contains the commit to which the tag pointed.
    fn delete_tag(&self, change: &Change, tag: &TagName) -> Result<Published<()>>;

    /// Deletes unreachable objects. Before that, squashes the branch that `change` names or drops old versions from it, as `history`
    /// requires.
    fn gc(&self, change: &Change, history: History) -> Result<Published<GcSummary>>;

    /// Returns what a garbage collection would drop from the history of a branch. Changes nothing.
    fn preview_gc(&self, branch: Option<&BranchName>, history: &History) -> Result<GcPreview>;
}
