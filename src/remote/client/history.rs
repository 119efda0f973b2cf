//! What reads the history.

use super::request::Client;
use crate::names::{CommitId, ModuleHash, ModulePath};
use crate::remote::error::Result;
use crate::store::{At, LogOrder, Version};
use crate::wire::{Commit, PathCommit, escaped_path};

/// How many commits are asked for at first, and at most at once: each may have a message of 64 KiB.
const PAGE_FIRST: usize = 100;
const PAGE_MAX: usize = 1_000;

impl Client {
    /// The versions of a path, the oldest first.
    pub fn versions(&self, at: &At, path: &ModulePath) -> Result<Vec<Version>> {
        let path = format!("/versions/{}", escaped_path(path.as_str()));
        let pairs = self.json::<Vec<(String, String)>>(self.reading(&path, at))?;
        let version = |(hash, commit): &(String, String)| {
            Ok(Version {
                hash: self.parse(hash, ModuleHash::parse)?,
                commit: self.parse(commit, CommitId::parse)?,
            })
        };
        pairs.value.iter().map(version).collect()
    }

    /// One version of a path, counted from the oldest, which is 0.
    pub fn version(&self, at: &At, path: &ModulePath, index: usize) -> Result<Version> {
        Ok(Version::nth(&self.versions(at, path)?, path, index)?)
    }

    /// Every commit that changed a path, the newest first, and what it put there.
    pub fn audit(&self, at: &At, path: &ModulePath) -> Result<Vec<(Commit, Option<ModuleHash>)>> {
        let mut entries = Vec::new();
        let path = format!("/commits/{}", escaped_path(path.as_str()));
        let each = |entry: PathCommit| {
            let module = entry.module.flatten();
            let module = module.map(|hash| self.parse(&hash, ModuleHash::parse));
            entries.push((self.known(entry.commit)?, module.transpose()?));
            Ok(true)
        };
        let last = |entry: &PathCommit| entry.commit.hash.clone();
        self.pages(at, &path, "&modules=true", usize::MAX, last, each)?;
        Ok(entries)
    }

    /// Calls `visit` for commits, as the store's own `log` does.
    pub fn log(
        &self,
        at: &At,
        skip: usize,
        count: usize,
        order: LogOrder,
        mut visit: impl FnMut(Commit) -> bool,
    ) -> Result<()> {
        let also = match order {
            LogOrder::NewestFirst | LogOrder::OldestFirst => "",
            LogOrder::ChildrenFirst => "&order=children-first",
        };
        let wanted = skip.saturating_add(count);
        let (mut seen, mut kept) = (0, Vec::new());
        if count == 0 {
            // What is asked for has to be there all the same.
            return self.snapshot(at).map(drop);
        }
        let each = |commit| {
            let commit = self.known(commit)?;
            seen += 1;
            let goes_on = match order {
                _ if seen <= skip => true,
                LogOrder::NewestFirst | LogOrder::ChildrenFirst => visit(commit),
                LogOrder::OldestFirst => {
                    kept.push(commit);
                    true
                }
            };
            Ok(goes_on && seen < wanted)
        };
        let last = |commit: &Commit| commit.hash.clone();
        self.pages(at, "/commits", also, wanted, last, each)?;
        for commit in kept.into_iter().rev() {
            if !visit(commit) {
                break;
            }
        }
        Ok(())
    }

    /// Calls `each` for the items of a list, page by page, all of one commit, until it returns `false`.
    fn pages<T: serde::de::DeserializeOwned>(
        &self,
        at: &At,
        path: &str,
        also: &str,
        wanted: usize,
        last: impl Fn(&T) -> String,
        mut each: impl FnMut(T) -> Result<bool>,
    ) -> Result<()> {
        let (mut at, mut after) = (at.clone(), String::new());
        let mut limit = wanted.min(PAGE_FIRST);
        loop {
            let path = format!("{path}?limit={limit}{after}{also}");
            let page = self.json::<Vec<T>>(self.reading(&path, &at))?;
            let next = page.value.last().map(&last);
            for item in page.value {
                if !each(item)? {
                    return Ok(());
                }
            }
            let next = next.map(|next| format!("&after={}", escaped_path(&next)));
            match next.filter(|_| page.has_more) {
                Some(next) if next == after => {
                    return Err(self.strange("a page does not go on where one ended".to_owned()));
                }
                Some(next) => after = next,
                None => return Ok(()),
            }
            at = page.commit.map_or(at, At::Commit);
            limit = (2 * limit).min(PAGE_MAX);
        }
    }

    /// The commit that `at` names now.
    pub fn snapshot(&self, at: &At) -> Result<CommitId> {
        self.name(self.reading("/snapshot", at), CommitId::parse)
    }

    /// One commit.
    pub fn commit(&self, id: CommitId) -> Result<Commit> {
        let request = self.reading(&format!("/commit/{id}"), &At::default());
        self.known(self.json(request)?.value)
    }

    /// A commit whose ids are some: they are printed as they are.
    fn known(&self, commit: Commit) -> Result<Commit> {
        let ids = commit.parents.iter().chain([&commit.hash]);
        for id in ids {
            self.parse(id, CommitId::parse)?;
        }
        Ok(commit)
    }
}
