//! The store's operations, each as one or several requests.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use ureq::http::Method;
use ureq::http::header::RANGE;

use super::request::{Client, below, in_path};
use crate::names::{BranchName, CommitId, HashRef, ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::remote::error::{Error, Result};
use crate::remote::operations::{ModuleReader, StoreOperations};
use crate::store::{
    self, At, Change, Collected, Comparison, Folders, History, Kind, LogOrder, PathChange, Version,
    write_modules,
};
use crate::wire::{self, Commit, Info, PathCommit, escaped, escaped_path};

impl StoreOperations for Client {
    fn find(&self, revision: &At, name: &ModuleRef) -> Result<ModuleReader<'_>> {
        let download = self.download(revision, name)?;
        Ok(ModuleReader {
            hash: download.hash,
            size_bytes: download.size_bytes,
            source: Box::new(download),
        })
    }

    fn hash(&self, revision: &At, name: &ModuleRef) -> Result<ModuleHash> {
        // The response to HEAD has no body, which would say what is missing.
        let request = self.get(&format!("/module/{}", in_path(name)), revision);
        let response = self.send(request.header(RANGE, "bytes=0-0"))?;
        let hash = response.headers().get("wasmstore-hash");
        let hash = hash.and_then(|hash| hash.to_str().ok());
        self.parse(hash.unwrap_or_default(), ModuleHash::parse)
    }

    fn contains(&self, revision: &At, name: &ModuleRef) -> Result<bool> {
        Ok(self.hash_if_any(revision, name)?.is_some())
    }

    fn info(&self, revision: &At, name: &ModuleRef) -> Result<Info> {
        let request = self.get(&format!("/info/{}", in_path(name)), revision);
        Ok(self.json(request)?.value)
    }

    fn list(&self, revision: &At, prefix: &TreePath) -> Result<Vec<(ModulePath, ModuleHash)>> {
        Ok(self.module_pages(revision, prefix, usize::MAX)?.value)
    }

    fn list_first(
        &self,
        revision: &At,
        prefix: &TreePath,
        count: usize,
    ) -> Result<(Vec<(ModulePath, ModuleHash)>, bool)> {
        let modules = self.module_pages(revision, prefix, count)?;
        Ok((modules.value, modules.has_more))
    }

    fn export(
        &self,
        revision: &At,
        dir: &Path,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<usize> {
        // One commit for all requests, so that the files are one tree.
        let revision = self.pin(revision)?;
        let modules = self.list(&revision, &TreePath::root())?;
        let bytes = |path: &ModulePath, hash| self.download_bytes(&revision, path, hash);
        write_modules(&modules, dir, bytes, progress)
    }

    fn default_branch(&self) -> Result<BranchName> {
        self.name(self.get("/branch", &At::default()), BranchName::parse)
    }

    fn branches(&self) -> Result<Vec<BranchName>> {
        let names = self.json::<Vec<String>>(self.get("/branches", &At::default()))?;
        let parse = |name: &String| self.parse(name, BranchName::parse);
        names.value.iter().map(parse).collect()
    }

    fn pin(&self, revision: &At) -> Result<At> {
        Ok(At::Commit(self.snapshot(revision)?))
    }

    fn snapshot(&self, revision: &At) -> Result<CommitId> {
        self.name(self.get("/snapshot", revision), CommitId::parse)
    }

    fn commit(&self, id: CommitId) -> Result<Commit> {
        let request = self.get(&format!("/commit/{id}"), &At::default());
        self.checked_commit(self.json(request)?.value)
    }

    fn log(
        &self,
        revision: &At,
        skip: usize,
        count: usize,
        order: LogOrder,
        visit: &mut dyn FnMut(Commit) -> ControlFlow<()>,
    ) -> Result<()> {
        if count == 0 {
            // An unknown revision is an error even if no commit is requested.
            return self.snapshot(revision).map(drop);
        }
        let query = match order {
            LogOrder::NewestFirst | LogOrder::OldestFirst => "",
            LogOrder::ChildrenFirst => "&order=children-first",
        };
        let end = skip.saturating_add(count);
        let (mut seen, mut selected) = (0, Vec::new());
        let each = |commit| {
            let commit = self.checked_commit(commit)?;
            seen += 1;
            let flow = match order {
                _ if seen <= skip => ControlFlow::Continue(()),
                LogOrder::NewestFirst | LogOrder::ChildrenFirst => visit(commit),
                LogOrder::OldestFirst => {
                    selected.push(commit);
                    ControlFlow::Continue(())
                }
            };
            Ok(flow.is_continue() && seen < end)
        };
        let last = |commit: &Commit| commit.hash.clone();
        self.commit_pages(revision, "/commits", query, end, last, each)?;
        visit_all(selected.into_iter().rev(), visit);
        Ok(())
    }

    fn versions(&self, revision: &At, path: &ModulePath) -> Result<Vec<Version>> {
        let path = format!("/versions/{}", escaped_path(path.as_str()));
        let pairs = self.json::<Vec<(String, String)>>(self.get(&path, revision))?;
        let version = |(hash, commit): &(String, String)| {
            Ok(Version {
                hash: self.parse(hash, ModuleHash::parse)?,
                commit: self.parse(commit, CommitId::parse)?,
            })
        };
        pairs.value.iter().map(version).collect()
    }

    fn version(&self, revision: &At, path: &ModulePath, index: usize) -> Result<Version> {
        Ok(Version::nth(&self.versions(revision, path)?, path, index)?)
    }

    fn audit(&self, revision: &At, path: &ModulePath) -> Result<Vec<(Commit, Option<ModuleHash>)>> {
        let mut entries = Vec::new();
        let path = format!("/commits/{}", escaped_path(path.as_str()));
        let each = |entry: PathCommit| {
            let hash = entry.module.flatten();
            let hash = hash.map(|hash| self.parse(&hash, ModuleHash::parse));
            entries.push((self.checked_commit(entry.commit)?, hash.transpose()?));
            Ok(true)
        };
        let last = |entry: &PathCommit| entry.commit.hash.clone();
        self.commit_pages(revision, &path, "&modules=true", usize::MAX, last, each)?;
        Ok(entries)
    }

    fn changes(
        &self,
        commit: &Commit,
        visit: &mut dyn FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()> {
        visit_all(self.commit_changes(commit)?.into_iter(), visit);
        Ok(())
    }

    fn diff(
        &self,
        old: &At,
        new: &At,
        path: &TreePath,
        visit: &mut dyn FnMut(PathChange) -> ControlFlow<()>,
    ) -> Result<()> {
        visit_all(self.diff_lists(old, new, path)?.into_iter(), visit);
        Ok(())
    }

    fn compare_modules(
        &self,
        path: &ModulePath,
        (old_revision, old): (&At, ModuleHash),
        (new_revision, new): (&At, ModuleHash),
    ) -> Result<Comparison> {
        store::compare(old, new, |hash| {
            let revision = if hash == old {
                old_revision
            } else {
                new_revision
            };
            self.download_bytes(revision, path, hash)
        })
    }

    fn watch(
        &self,
        branch: Option<&BranchName>,
        since: Option<CommitId>,
        notify: &mut dyn FnMut(&[PathChange]) -> ControlFlow<()>,
    ) -> Result<()> {
        self.watch_branch(branch, since, notify)
    }

    fn put(
        &self,
        change: &Change,
        path: &ModulePath,
        source: &mut dyn Read,
        size_bytes: Option<u64>,
    ) -> Result<ModuleHash> {
        self.upload(change, path, source, size_bytes)
    }

    fn set(&self, change: &Change, hash: &HashRef, path: &ModulePath) -> Result<ModuleHash> {
        let path = format!("/hash/{hash}/{}", escaped_path(path.as_str()));
        let request = self.write(Method::POST, &path, change);
        self.name(request, ModuleHash::parse)
    }

    fn remove(&self, change: &Change, name: &ModuleRef, folders: Folders) -> Result<()> {
        let query = match folders {
            Folders::Refuse => "",
            Folders::Remove => "?recursive=true",
        };
        let path = format!("/module/{}{query}", in_path(name));
        match self.new_tip(self.write(Method::DELETE, &path, change)) {
            // The only conflict of a removal that names the removed path itself is that the path is a directory.
            Err(Error::Refused(response))
                if response.kind() == Kind::Conflict && response.paths == [name.to_string()] =>
            {
                Err(store::Error::FolderNotRemoved(name.to_string()).into())
            }
            removed => removed.map(drop),
        }
    }

    fn restore(&self, change: &Change, commit: CommitId, scope: &TreePath) -> Result<()> {
        let path = format!("/restore/{commit}{}", below(scope));
        self.new_tip(self.write(Method::POST, &path, change))?;
        Ok(())
    }

    fn rollback(&self, change: &Change, scope: &TreePath) -> Result<()> {
        let path = format!("/rollback{}", below(scope));
        self.new_tip(self.write(Method::POST, &path, change))?;
        Ok(())
    }

    fn merge(&self, change: &Change, theirs: &BranchName) -> Result<Option<CommitId>> {
        let path = format!("/merge/{}", escaped_path(theirs.as_str()));
        self.new_tip(self.write(Method::POST, &path, change))
    }

    fn create_branch(&self, branch: &BranchName, from: &At) -> Result<()> {
        let query = match from {
            At::Branch(Some(from)) => format!("?from={}", escaped(from.as_str())),
            At::Commit(from) => format!("?from={from}"),
            At::Branch(None) | At::Known(_) => String::new(),
        };
        self.write_branch(Method::POST, branch, &query)
    }

    fn set_default_branch(&self, branch: &BranchName) -> Result<()> {
        self.write_branch(Method::PUT, branch, "")
    }

    fn delete_branch(&self, branch: &BranchName) -> Result<()> {
        self.write_branch(Method::DELETE, branch, "")
    }

    fn gc(&self, change: &Change, history: History) -> Result<Collected> {
        let query = match history {
            History::Squash => "",
            History::Keep => "?keep_history=true",
        };
        let request = self.write(Method::POST, &format!("/gc{query}"), change);
        let collected: wire::Collected = self.with_gc_timeout().json(request)?.value;
        let commit = collected.commit.as_deref();
        Ok(Collected {
            removed: collected.removed,
            freed_bytes: collected.freed_bytes,
            commit: commit
                .map(|commit| self.parse(commit, CommitId::parse))
                .transpose()?,
        })
    }
}

impl Client {
    fn write_branch(&self, method: Method, branch: &BranchName, query: &str) -> Result<()> {
        let path = format!("/branch/{}{query}", escaped_path(branch.as_str()));
        self.new_tip(self.request(method, &path))?;
        Ok(())
    }
}

fn visit_all<T>(items: impl Iterator<Item = T>, visit: &mut dyn FnMut(T) -> ControlFlow<()>) {
    for item in items {
        if visit(item).is_break() {
            break;
        }
    }
}
