//! Implements each operation of a store as one or several requests to a server.

use std::ops::ControlFlow;
use std::path::Path;

use ureq::http::Method;

use super::pages::visit_all;
use super::request::{Client, below, in_path};
use super::response::commit_in;
use super::upload_in_chunks::SIZE_BYTES_MIN;
use crate::names::{
    BranchName, CommitId, HashRef, ManifestRef, ModuleHash, ModulePath, ModulePattern, ModuleRef,
    OciDigest, OciTag, RepositoryName, TagName, TreePath,
};
use crate::remote::error::{Error, Result};
use crate::remote::module_reader::ModuleReader;
use crate::remote::module_source::ModuleSource;
use crate::remote::operations::StoreOperations;
use crate::store::{
    self, Change, ChangeFilter, CommitFilter, ComparedModules, DirectoryRemoval, ErrorKind,
    EventFilter, ExistingTag, FastForward, GcPreview, GcSummary, History, ListedModule,
    LogSelection, MergeSummary, ModuleComparison, ModuleFiles, PathChange, Published, Query,
    Relocation, Revision, SearchDetail, SearchMatch, SearchScope, Tag, UndoneChange, Version,
    WorldCheck, WorldSource, write_modules,
};
use crate::wire::{
    self, BranchEvent, CommitJson, InfoJson, PartSelection, PathCommitJson, SizesJson, encode_path,
};

impl StoreOperations for Client {
    fn find(&self, revision: &Revision, name: &ModuleRef) -> Result<ModuleReader<'_>> {
        let download = self.download(revision, name)?;
        Ok(ModuleReader {
            hash: download.hash,
            size_bytes: download.size_bytes,
            source: Box::new(download),
        })
    }

    fn hash(&self, revision: &Revision, name: &ModuleRef) -> Result<ModuleHash> {
        self.hash_of(revision, name)
    }

    fn contains(&self, revision: &Revision, name: &ModuleRef) -> Result<bool> {
        Ok(self.hash_if_any(revision, name)?.is_some())
    }

    fn info(&self, revision: &Revision, name: &ModuleRef) -> Result<InfoJson> {
        self.info_pages(revision, name)
    }

    fn wit(&self, revision: &Revision, name: &ModuleRef) -> Result<String> {
        self.wit_text(revision, name)
    }

    fn oci_tags(&self, repository: &RepositoryName) -> Result<Vec<OciTag>> {
        self.all_oci_tags(repository)
    }

    fn oci_manifest(
        &self,
        repository: &RepositoryName,
        reference: &ManifestRef,
    ) -> Result<(OciDigest, String)> {
        self.oci_manifest_text(repository, reference)
    }

    fn sizes(
        &self,
        revision: &Revision,
        name: &ModuleRef,
        selection: PartSelection,
    ) -> Result<SizesJson> {
        self.selected_sizes(revision, name, selection)
    }

    fn search(
        &self,
        revision: &Revision,
        query: &Query,
        scope: SearchScope,
        detail: SearchDetail,
        visit: &mut dyn FnMut(SearchMatch) -> ControlFlow<()>,
    ) -> Result<u64> {
        self.search_pages(revision, query, (scope, detail), visit)
    }

    fn world(
        &self,
        revision: &Revision,
        world: &WorldSource,
        scope: &TreePath,
        visit: &mut dyn FnMut(WorldCheck) -> ControlFlow<()>,
    ) -> Result<()> {
        self.world_pages(revision, world, scope, visit)
    }

    fn list(
        &self,
        revision: &Revision,
        prefix: &TreePath,
    ) -> Result<Vec<(ModulePath, ModuleHash)>> {
        Ok(self.module_pages(revision, prefix, usize::MAX)?.value)
    }

    fn list_details(
        &self,
        revision: &Revision,
        prefix: &TreePath,
        visit: &mut dyn FnMut(ListedModule) -> ControlFlow<()>,
    ) -> Result<()> {
        self.detail_pages(revision, prefix, visit)
    }

    fn list_first(
        &self,
        revision: &Revision,
        prefix: &TreePath,
        count: usize,
    ) -> Result<(Vec<(ModulePath, ModuleHash)>, bool)> {
        let modules = self.module_pages(revision, prefix, count)?;
        Ok((modules.value, modules.has_more))
    }

    fn entry_names(
        &self,
        revision: &Revision,
        path: &TreePath,
        beginning: &str,
        count: usize,
    ) -> Result<Vec<String>> {
        self.names_in(revision, path, beginning, count)
    }

    fn export(
        &self,
        revision: &Revision,
        modules: &[(ModulePath, ModuleHash)],
        dir: &Path,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<usize> {
        let bytes = |path: &ModulePath, hash| self.download_bytes(revision, path, hash);
        write_modules(modules, dir, bytes, progress)
    }

    fn default_branch(&self) -> Result<BranchName> {
        self.name(self.get("/branch", &Revision::default()), BranchName::parse)
    }

    fn branches(&self) -> Result<Vec<BranchName>> {
        let names = self.json::<Vec<String>>(self.get("/branches", &Revision::default()))?;
        let parse = |name: &String| self.parse(name, BranchName::parse);
        names.value.iter().map(parse).collect()
    }

    fn pin(&self, revision: &Revision) -> Result<Revision> {
        Ok(Revision::Commit(self.snapshot(revision)?))
    }

    fn snapshot(&self, revision: &Revision) -> Result<CommitId> {
        self.name(self.get("/snapshot", revision), CommitId::parse)
    }

    fn commit(&self, id: CommitId) -> Result<CommitJson> {
        let request = self.get(&format!("/commit/{id}"), &Revision::default());
        self.checked_commit(self.json(request)?.value)
    }

    fn log(
        &self,
        revision: &Revision,
        selection: &LogSelection,
        visit: &mut dyn FnMut(CommitJson) -> ControlFlow<()>,
    ) -> Result<()> {
        self.log_pages(revision, selection, visit)
    }

    fn log_path(
        &self,
        revision: &Revision,
        path: &ModulePath,
        filters: (&ChangeFilter, &CommitFilter),
        visit: &mut dyn FnMut(PathCommitJson) -> ControlFlow<()>,
    ) -> Result<()> {
        self.path_log_pages(revision, path, filters, visit)
    }

    fn versions(&self, revision: &Revision, path: &ModulePath) -> Result<Vec<Version>> {
        self.version_list(revision, path)
    }

    fn version(&self, revision: &Revision, path: &ModulePath, index: usize) -> Result<Version> {
        Ok(Version::nth(&self.versions(revision, path)?, path, index)?)
    }

    fn audit(
        &self,
        revision: &Revision,
        path: &ModulePath,
    ) -> Result<Vec<(CommitJson, Option<ModuleHash>)>> {
        self.audit_pages(revision, path)
    }

    fn changes(
        &self,
        commit: &CommitJson,
        visit: &mut dyn FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()> {
        visit_all(self.commit_changes(commit)?.into_iter(), visit);
        Ok(())
    }

    fn diff(
        &self,
        old: &Revision,
        new: &Revision,
        path: &TreePath,
        visit: &mut dyn FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()> {
        self.diff_trees(old, new, path, visit)
    }

    fn compare(
        &self,
        old: &Revision,
        new: &Revision,
        change: &PathChange,
    ) -> Result<Option<ModuleComparison>> {
        self.compare_versions(old, new, change)
    }

    fn compare_modules(
        &self,
        revision: &Revision,
        old: &ModuleRef,
        new: &ModuleRef,
    ) -> Result<ComparedModules> {
        self.compare_two(revision, old, new)
    }

    fn watch(
        &self,
        branch: Option<&BranchName>,
        since: Option<CommitId>,
        filter: &EventFilter,
        notify: &mut dyn FnMut(BranchEvent) -> ControlFlow<()>,
    ) -> Result<()> {
        self.watch_branch((branch, since), filter, notify)
    }

    fn put(
        &self,
        change: &Change,
        path: &ModulePath,
        source: ModuleSource<'_>,
    ) -> Result<Published<ModuleHash>> {
        let (size_bytes, digest) = (source.size_bytes(), source.digest());
        match source {
            ModuleSource::File(file, size_bytes, _) if size_bytes >= SIZE_BYTES_MIN => {
                self.upload_in_chunks(change, path, (file, size_bytes), digest)
            }
            source => self.upload(change, path, (source, size_bytes), digest),
        }
    }

    fn put_files(
        &self,
        change: &Change,
        files: &ModuleFiles,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Published<Vec<(ModulePath, ModuleHash)>>> {
        self.upload_files(change, files, progress)
    }

    fn set(
        &self,
        change: &Change,
        hash: &HashRef,
        path: &ModulePath,
    ) -> Result<Published<ModuleHash>> {
        let path = format!("/hash/{hash}/{}", encode_path(path.as_str()));
        let request = self.write(Method::POST, &path, change);
        self.published_hash(self.text(request)?)
    }

    fn remove(
        &self,
        change: &Change,
        name: &ModuleRef,
        directories: DirectoryRemoval,
    ) -> Result<Published<()>> {
        let query = match directories {
            DirectoryRemoval::Refuse => "",
            DirectoryRemoval::Recursive => "?recursive=true",
        };
        let path = format!("/module/{}{query}", in_path(name));
        match self.publish(self.write(Method::DELETE, &path, change)) {
            // If a removal conflicts, and the conflict names the removed path itself, the path is a directory.
            Err(Error::Refused(response))
                if response.kind() == ErrorKind::Conflict
                    && response.paths == [name.to_string()] =>
            {
                Err(store::Error::DirectoryNotRemoved(name.to_string()).into())
            }
            removed => removed,
        }
    }

    fn remove_selected(
        &self,
        change: &Change,
        patterns: &[ModulePattern],
        directories: DirectoryRemoval,
    ) -> Result<Published<()>> {
        self.delete_selected(change, patterns, directories)
    }

    fn copy_modules(&self, change: &Change, relocation: &Relocation) -> Result<Published<()>> {
        self.relocate("/copy", change, relocation)
    }

    fn move_modules(&self, change: &Change, relocation: &Relocation) -> Result<Published<()>> {
        self.relocate("/move", change, relocation)
    }

    fn restore(
        &self,
        change: &Change,
        commit: CommitId,
        scope: &TreePath,
    ) -> Result<Published<()>> {
        let path = format!("/restore/{commit}{}", below(scope));
        self.publish(self.write(Method::POST, &path, change))
    }

    fn rollback(&self, change: &Change, scope: &TreePath) -> Result<Published<Option<CommitId>>> {
        let path = format!("/rollback{}", below(scope));
        let response = self.send(self.write(Method::POST, &path, change))?;
        let undone = commit_in(response.headers(), wire::UNDONE);
        Ok(self.read_text(response)?.published.with_value(undone))
    }

    fn preview_rollback(
        &self,
        revision: &Revision,
        scope: &TreePath,
    ) -> Result<(CommitId, UndoneChange)> {
        let path = format!("/rollback{}", below(scope));
        let json: wire::UndoneChangeJson = self.json(self.get(&path, revision))?.value;
        let id = |text: &String| self.parse(text, CommitId::parse);
        let change = UndoneChange {
            undone: id(&json.undoes)?,
            restored: id(&json.restores)?,
        };
        Ok((id(&json.commit)?, change))
    }

    fn merge(
        &self,
        change: &Change,
        theirs: &BranchName,
        fast_forward: FastForward,
    ) -> Result<Published<MergeSummary>> {
        let query = match fast_forward {
            FastForward::Allow => "",
            FastForward::Never => "?ff=false",
        };
        let path = format!("/merge/{}{query}", encode_path(theirs.as_str()));
        let response = self.send(self.write(Method::POST, &path, change))?;
        let summary = MergeSummary {
            forwarded_from: commit_in(response.headers(), wire::FORWARDED_FROM),
        };
        Ok(self.read_text(response)?.published.with_value(summary))
    }

    fn create_branch(&self, branch: &BranchName, from: &Revision) -> Result<Published<()>> {
        let query = self.start_query(from)?;
        self.write_branch(Method::POST, branch, &query)
    }

    fn set_default_branch(&self, branch: &BranchName) -> Result<()> {
        self.write_branch(Method::PUT, branch, "").map(drop)
    }

    fn delete_branch(&self, branch: &BranchName) -> Result<()> {
        self.write_branch(Method::DELETE, branch, "").map(drop)
    }

    fn tags(&self) -> Result<Vec<Tag>> {
        self.tag_pages()
    }

    fn create_tag(
        &self,
        change: &Change,
        tag: &TagName,
        from: &Revision,
        existing: ExistingTag,
    ) -> Result<Published<Option<CommitId>>> {
        self.post_tag(change, tag, from, existing)
    }

    fn delete_tag(&self, change: &Change, tag: &TagName) -> Result<Published<()>> {
        self.remove_tag(change, tag)
    }

    fn gc(&self, change: &Change, history: History) -> Result<Published<GcSummary>> {
        self.request_gc(change, &history)
    }

    fn preview_gc(&self, branch: Option<&BranchName>, history: &History) -> Result<GcPreview> {
        self.request_gc_preview(branch, history)
    }
}
