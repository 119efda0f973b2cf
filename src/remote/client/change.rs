//! What changes the store.

use ureq::http::Method;

use super::read::{below, in_path};
use super::request::Client;
use crate::names::{BranchName, CommitId, HashRef, ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::remote::error::{Error, Result};
use crate::store::{self, At, Change, Collected, Folders, History, Kind};
use crate::wire::{self, escaped, escaped_path};

impl Client {
    /// Puts a stored module at another path.
    pub fn set(&self, change: &Change, hash: &HashRef, path: &ModulePath) -> Result<ModuleHash> {
        let path = format!("/hash/{hash}/{}", escaped_path(path.as_str()));
        let request = self.changing(Method::POST, &path, change);
        self.name(request, ModuleHash::parse)
    }

    /// Removes a module, or with everything in it a folder.
    pub fn remove(&self, change: &Change, name: &ModuleRef, folders: Folders) -> Result<()> {
        let recursive = match folders {
            Folders::Refuse => "",
            Folders::Remove => "?recursive=true",
        };
        let path = format!("/module/{}{recursive}", in_path(name));
        let removed = self.done(self.changing(Method::DELETE, &path, change));
        match removed {
            // Nothing else of a removal is a conflict about its own path.
            Err(Error::Refused(refused))
                if refused.kind() == Kind::Conflict && refused.paths == [name.to_string()] =>
            {
                Err(store::Error::FolderNotRemoved(name.to_string()).into())
            }
            removed => removed.map(drop),
        }
    }

    /// Brings back what a commit had.
    pub fn restore(&self, change: &Change, commit: CommitId, scope: &TreePath) -> Result<()> {
        let path = format!("/restore/{commit}{}", below(scope));
        self.done(self.changing(Method::POST, &path, change))
            .map(drop)
    }

    /// Undoes the newest change.
    pub fn rollback(&self, change: &Change, scope: &TreePath) -> Result<()> {
        let path = format!("/rollback{}", below(scope));
        self.done(self.changing(Method::POST, &path, change))
            .map(drop)
    }

    /// Merges another branch; the commit that the branch is at then.
    pub fn merge(&self, change: &Change, theirs: &BranchName) -> Result<Option<CommitId>> {
        let path = format!("/merge/{}", escaped_path(theirs.as_str()));
        self.done(self.changing(Method::POST, &path, change))
    }

    /// Creates a branch where another one, or a commit, is.
    pub fn create_branch(&self, branch: &BranchName, from: &At) -> Result<()> {
        let from = match from {
            At::Branch(Some(from)) => format!("?from={}", escaped(from.as_str())),
            At::Commit(from) => format!("?from={from}"),
            At::Branch(None) | At::Known(_) => String::new(),
        };
        self.change_branch(Method::POST, branch, &from)
    }

    /// Makes a branch the default one.
    pub fn set_default_branch(&self, branch: &BranchName) -> Result<()> {
        self.change_branch(Method::PUT, branch, "")
    }

    /// Deletes a branch.
    pub fn delete_branch(&self, branch: &BranchName) -> Result<()> {
        self.change_branch(Method::DELETE, branch, "")
    }

    fn change_branch(&self, method: Method, branch: &BranchName, query: &str) -> Result<()> {
        let path = format!("/branch/{}{query}", escaped_path(branch.as_str()));
        self.done(self.request(method, &path)).map(drop)
    }

    /// Collects garbage, which may take its time.
    pub fn gc(&self, change: &Change, history: History) -> Result<Collected> {
        let keep = match history {
            History::Squash => "",
            History::Keep => "?keep_history=true",
        };
        let request = self.changing(Method::POST, &format!("/gc{keep}"), change);
        let collected: wire::Collected = self.patient().json(request)?.value;
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
