//! Taking in a push: what it brings is checked while it is in git's quarantine, and published once it is in the store.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use super::error::{Error, Result};
use super::open::Store;
use crate::names::{self, Author, CommitId, ModuleHash, ModulePath, RefName, TreePath};
use crate::repo::{
    Commit, Dropping, Guarded, Incoming, Introduced, Next, RefUpdate, Refusal, Together, chain,
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
    pub fn install_push_hooks(&self) -> Result<Guarded> {
        Ok(self.repo.guard()?)
    }

    /// Says whether pushes go through us.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn push_hooks(&self) -> Result<Guarded> {
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
        if let Err(error) = self.ensure_writable() {
            let subject = "the push".to_owned();
            let reason = error.to_string();
            return Ok(vec![Objection { subject, reason }]);
        }
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
        let incoming = self.repo.incoming(quarantine, self.options.push)?;
        let judged = self
            .repo
            .refs()
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
            modules: HashSet::new(),
            paths: 0,
            objections: Vec::new(),
        };
        let mut tips = incoming.brought_commits()?;
        for id in updates.iter().filter_map(|update| update.new) {
            tips.extend(incoming.peel(id)?);
        }
        check.histories(&tips)?;
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
        let done = self.begin()?.update_refs(updates, dropping, together)?;
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
    /// What was found valid.
    modules: HashSet<ModuleHash>,
    /// How many paths were looked at.
    paths: u64,
    objections: Vec<Objection>,
}

impl Check<'_> {
    /// Checks every commit that one of `tips` reaches and that no branch has had.
    fn histories(&mut self, tips: &[CommitId]) -> Result<()> {
        let incoming = self.incoming;
        let new = self.store.recovering(|reader| {
            incoming.new_commits(tips, |id| Ok::<_, Error>(reader.has(id)?))
        })?;
        // What came first is told first.
        for commit in new.into_iter().rev() {
            self.author(&commit);
            if self.is_enough() || !self.paths(&commit)? {
                break;
            }
        }
        Ok(())
    }

    fn author(&mut self, commit: &Commit) {
        let is_by =
            |author: &&Author| author.name() == commit.author && author.mail() == commit.mail;
        let wanted = self.pusher.author.as_ref();
        if let Some(wanted) = wanted.filter(|author| !is_by(author)) {
            self.objections.push(Objection {
                subject: format!("commit {}", commit.id),
                reason: format!("its author is not {wanted}, as the key wants it"),
            });
        }
    }

    /// Checks what a commit introduces; whether to go on with the next one.
    fn paths(&mut self, commit: &Commit) -> Result<bool> {
        let (incoming, mut failed) = (self.incoming, None);
        incoming.introduced(commit, &mut |path, what| {
            let next = self.path(commit, path, what);
            next.unwrap_or_else(|error| {
                failed = Some(error);
                Next::Stop
            })
        })?;
        match failed {
            Some(error) => Err(error),
            None => Ok(!self.is_enough()),
        }
    }

    fn path(&mut self, commit: &Commit, path: &[u8], what: Introduced) -> Result<Next> {
        self.paths += 1;
        let paths_max = self.store.options.push.paths_max;
        if self.paths > paths_max {
            // What is there twice is named twice: a few small trees can have billions of paths.
            self.objections.clear();
            self.objections.push(Objection {
                subject: "the push".to_owned(),
                reason: format!("it has more than {paths_max} paths: push fewer commits at a time"),
            });
            return Ok(Next::Stop);
        }
        let Some(reason) = self.fault(path, what)? else {
            return Ok(Next::Into);
        };
        let path = String::from_utf8_lossy(path).escape_debug().to_string();
        let subject = format!("/{path} in commit {}", commit.id);
        self.objections.push(Objection { subject, reason });
        Ok(match self.is_enough() {
            true => Next::Stop,
            false => Next::Past,
        })
    }

    fn is_enough(&self) -> bool {
        self.objections.len() >= OBJECTIONS_MAX || self.paths > self.store.options.push.paths_max
    }

    /// What is wrong with what a commit introduces at a path.
    fn fault(&mut self, path: &[u8], what: Introduced) -> Result<Option<String>> {
        let text = match what {
            Introduced::Module(hash) => {
                let fault = name_fault(path, |text| ModulePath::parse(text).map(drop));
                return match fault {
                    None => self.module_fault(hash),
                    fault => Ok(fault),
                };
            }
            Introduced::Folder => {
                return Ok(name_fault(path, |text| TreePath::parse(text).map(drop)));
            }
            Introduced::EmptyFolder => "it is an empty folder",
            Introduced::Executable => {
                "it is executable, as no module is: run `git update-index --chmod=-x` on it"
            }
            Introduced::OddMode => "its mode is not 100644",
            Introduced::SymbolicLink => "it is a symbolic link",
            Introduced::Submodule => "it is a submodule",
            Introduced::Twice => "it is there twice",
            Introduced::Slash => "its name has a slash in it",
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

fn name_fault(path: &[u8], parse: impl FnOnce(&str) -> Result<(), names::Error>) -> Option<String> {
    match std::str::from_utf8(path) {
        Ok(text) => parse(text).err().map(|error| error.to_string()),
        Err(_) => Some("its name is not UTF-8".to_owned()),
    }
}
