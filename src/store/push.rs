//! Taking in a push: what it brings is checked while it is in git's quarantine, and published once it is in the store.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use super::error::{Error, Result};
use super::open::Store;
use crate::names::{Author, CommitId, ModuleHash, ModulePath, ObjectId, RefName};
use crate::repo::{
    Commit, Dropping, Guarded, Incoming, Introduced, RefUpdate, Refusal, Together, chain,
};
use crate::wasm;

/// How many objections a push is told at a time.
const OBJECTIONS_MAX: usize = 20;

/// What who pushes may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pusher {
    /// Whether they may drop history.
    pub dropping: Dropping,
    /// Whose commits they may add; `None` is anybody's.
    pub author: Option<Author>,
}

/// Why a push is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The ref, or the path and the commit. What is not printable is escaped.
    pub subject: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.reason)
    }
}

impl Store {
    /// Has pushes go through us, with hooks and a configuration that call `wasmstore hook`. Hooks of others are left, and told.
    ///
    /// # Errors
    /// The repository cannot be written.
    pub fn guard(&self) -> Result<Guarded> {
        Ok(self.repo.guard()?)
    }

    /// Says whether pushes go through us.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn guarded(&self) -> Result<Guarded> {
        Ok(self.repo.guarded()?)
    }

    /// Says what is wrong with a push whose objects are in `quarantine`: with its refs, or else with what its new commits bring.
    /// Each module is validated once, and every commit that no branch has had is looked at.
    ///
    /// # Errors
    /// An object cannot be read; the version index cannot be brought up.
    pub fn check_push(
        &self,
        quarantine: Option<&Path>,
        updates: &[RefUpdate],
        pusher: &Pusher,
    ) -> Result<Vec<Objection>> {
        match self.objections(quarantine, updates, pusher) {
            Err(error) if error.is_missing_object() => Ok(vec![Objection {
                subject: "the push".to_owned(),
                reason: Refusal::Collected.to_string(),
            }]),
            checked => checked,
        }
    }

    fn objections(
        &self,
        quarantine: Option<&Path>,
        updates: &[RefUpdate],
        pusher: &Pusher,
    ) -> Result<Vec<Objection>> {
        let incoming = self.repo.incoming(quarantine)?;
        let judged = self
            .repo
            .judge_updates(&incoming, updates, pusher.dropping)?;
        let refused = updates.iter().zip(judged).filter_map(|(update, judged)| {
            let subject = update.name.to_string();
            let reason = judged.err()?.to_string();
            Some(Objection { subject, reason })
        });
        let refused: Vec<_> = refused.collect();
        if !refused.is_empty() {
            return Ok(refused);
        }
        self.catch_up_all()?;
        let mut check = Check {
            store: self,
            incoming: &incoming,
            pusher,
            commits: HashSet::new(),
            modules: HashSet::new(),
            objections: Vec::new(),
        };
        for id in updates.iter().filter_map(|update| update.new) {
            check.history(id)?;
        }
        Ok(check.objections)
    }

    /// Makes a push's updates, which [`check_push`](Self::check_push) had no objections to, of refs as they are now.
    ///
    /// # Errors
    /// Nothing could be made durable; others kept the store busy. After "may have been applied" some of it may have happened.
    pub fn publish_push(
        &self,
        updates: &[RefUpdate],
        dropping: Dropping,
        together: Together,
    ) -> Result<Vec<Result<(), Refusal>>> {
        let done = self
            .repo
            .begin()?
            .update_refs(updates, dropping, together)?;
        for (update, done) in updates.iter().zip(&done) {
            let is_branch = matches!(update.name, RefName::Branch(_));
            let tip = update.new.filter(|_| is_branch && done.is_ok());
            if let Some(tip) = tip.and_then(|tip| CommitId::from_bytes(tip.as_bytes())) {
                self.note(tip);
            }
        }
        Ok(done)
    }
}

/// A check under way.
struct Check<'c> {
    store: &'c Store,
    incoming: &'c Incoming,
    pusher: &'c Pusher,
    /// What was looked at.
    commits: HashSet<CommitId>,
    modules: HashSet<ModuleHash>,
    objections: Vec<Objection>,
}

impl Check<'_> {
    /// Checks every commit that `tip` leads to and that no branch has had.
    fn history(&mut self, tip: ObjectId) -> Result<()> {
        let Some(tip) = self.incoming.peel(tip)? else {
            return Ok(());
        };
        let (incoming, checked) = (self.incoming, &self.commits);
        let new = self.store.recovering(|reader| {
            let is_known = |id: CommitId| Ok::<_, Error>(checked.contains(&id) || reader.has(id)?);
            incoming.new_commits(tip, is_known)
        })?;
        // What came first is told first.
        for commit in new.into_iter().rev() {
            self.commit(&commit)?;
            self.commits.insert(commit.id);
            if self.is_enough() {
                break;
            }
        }
        Ok(())
    }

    fn commit(&mut self, commit: &Commit) -> Result<()> {
        let wanted = self.pusher.author.as_ref();
        if let Some(wanted) =
            wanted.filter(|author| author.name() != commit.author || author.mail() != commit.mail)
        {
            self.objections.push(Objection {
                subject: format!("commit {}", commit.id),
                reason: format!("its author is not {wanted}, as the key wants it"),
            });
        }
        let mut found = Vec::new();
        self.incoming.introduced(commit, &mut |path, what| {
            found.push((path.to_owned(), what));
            true
        })?;
        for (path, what) in found {
            if self.is_enough() {
                break;
            }
            if let Some(reason) = self.fault(&path, what)? {
                let path = String::from_utf8_lossy(&path).escape_debug().to_string();
                let subject = format!("/{path} in commit {}", commit.id);
                self.objections.push(Objection { subject, reason });
            }
        }
        Ok(())
    }

    fn is_enough(&self) -> bool {
        self.objections.len() >= OBJECTIONS_MAX
    }

    /// What is wrong with what a commit introduces at a path.
    fn fault(&mut self, path: &[u8], what: Introduced) -> Result<Option<String>> {
        let text = match what {
            Introduced::Module(hash) => {
                let name = std::str::from_utf8(path);
                return match name.map(ModulePath::parse) {
                    Err(_) => Ok(Some("its name is not UTF-8".to_owned())),
                    Ok(Err(error)) => Ok(Some(error.to_string())),
                    Ok(Ok(_)) => self.module_fault(hash),
                };
            }
            Introduced::Executable => {
                "it is executable, as no module is: run `git update-index --chmod=-x` on it"
            }
            Introduced::SymbolicLink => "it is a symbolic link",
            Introduced::Submodule => "it is a submodule",
            Introduced::EmptyFolder => "it is an empty folder",
            Introduced::Twice => "it is there twice",
        };
        Ok(Some(text.to_owned()))
    }

    fn module_fault(&mut self, hash: ModuleHash) -> Result<Option<String>> {
        if self.modules.contains(&hash) {
            return Ok(None);
        }
        let limits = &self.store.options.modules;
        let size_bytes = self.incoming.blob_size_bytes(hash)?;
        let Some(size_bytes) = size_bytes else {
            return Ok(Some("it is no file".to_owned()));
        };
        // Before it is in memory.
        let bytes_max = limits.module_bytes_max;
        if size_bytes > bytes_max {
            let error = wasm::Error::ModuleTooLarge { bytes_max };
            return Ok(Some(error.to_string()));
        }
        let bytes = self.incoming.blob(hash)?;
        match wasm::validate(bytes.as_slice(), limits) {
            Ok(_) => {
                self.modules.insert(hash);
                Ok(None)
            }
            Err(error) => Ok(Some(format!("it is not a valid module: {}", chain(&error)))),
        }
    }
}
