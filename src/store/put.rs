//! Putting a module at a path.

use std::io::Read;

use super::commit_messages as message;
use super::error::Result;
use super::open::{Change, Store};
use super::revision::{Revision, View};
use super::upload::{Received, Upload};
use crate::names::{CommitId, ModuleHash, ModulePath, ModuleRef};
use crate::repo::{Decision, Draft, Published};

impl Store {
    /// Validates the bytes of `source` to their end, stores them, and puts them at `path` in one commit. The same bytes at the
    /// same path: no commit. Returns the module's hash and the branch's tip.
    ///
    /// # Errors
    /// The bytes are no valid module, too many, or cannot be read to their end; `path` would be module and folder at once;
    /// unknown branch. Nothing is stored then.
    pub fn put(
        &self,
        change: &Change,
        path: &ModulePath,
        source: impl Read,
    ) -> Result<Published<ModuleHash>> {
        let received = self.receive(&path.to_string(), source)?;
        self.put_received(change, path, received)
    }

    /// Begins to put a module whose bytes come piece by piece.
    ///
    /// # Errors
    /// As [`put`](Self::put), as far as it can be told without the bytes.
    pub fn begin_put(&self, change: &Change, path: &ModulePath) -> Result<Upload> {
        let name = ModuleRef::Path(path.clone());
        self.refuse_early(change, || self.check_precondition(change, Some(&name)))?;
        self.check_free(change, [path])?;
        Ok(self.upload(&path.to_string()))
    }

    /// Puts the module whose bytes came in `upload` at `path`, as [`put`](Self::put) does.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn finish_put(
        &self,
        change: &Change,
        path: &ModulePath,
        upload: Upload,
    ) -> Result<Published<ModuleHash>> {
        self.put_received(change, path, upload.finish()?)
    }

    fn put_received(
        &self,
        change: &Change,
        path: &ModulePath,
        mut received: Received,
    ) -> Result<Published<ModuleHash>> {
        self.check_free(change, [path])?;
        let mut writing = self.begin()?;
        let hash = writing.add_blob(&mut received.spool)?;
        self.digests.remember(hash, &received.info);
        self.publish(writing, change.branch.as_ref(), |draft| {
            change.check(draft, path.as_tree_path().into())?;
            draft.set(&[(path.clone(), hash)])?;
            let message = || message::import(path.as_tree_path());
            Ok((judged(change, draft, Vec::new(), message), hash))
        })
    }

    /// Refuses what the branch's tip shows to be in vain, before anything is stored for it. Only `publish` decides: the branch
    /// may move until then.
    pub(super) fn check_free<'p>(
        &self,
        change: &Change,
        paths: impl IntoIterator<Item = &'p ModulePath> + Clone,
    ) -> Result<()> {
        let check = |view: View| {
            let Some(tree) = view.tree else { return Ok(()) };
            for path in paths.clone() {
                self.repo.objects().check_free(tree, path)?;
            }
            Ok(())
        };
        self.refuse_early(change, || {
            self.read(&Revision::Branch(change.branch.clone()), check)
        })
    }

    /// Refuses what a look at the branch refuses. What is refused is looked at once more as a change that does nothing else: a
    /// refusal is not to be undone by a power cut either.
    fn refuse_early(&self, change: &Change, look: impl Fn() -> Result<()>) -> Result<()> {
        self.ensure_writable()?;
        match look() {
            Err(_) if !self.repo.is_absent() => {
                let judge = |_: &mut Draft<'_>| look().map(|()| (Decision::Unchanged, ()));
                let looked = self
                    .repo
                    .publish(self.begin()?, change.branch.as_ref(), judge);
                looked.map(drop)
            }
            looked => looked,
        }
    }
}

/// A commit of the draft if it differs from the tip.
pub(super) fn judged(
    change: &Change,
    draft: &Draft<'_>,
    also: Vec<CommitId>,
    message: impl FnOnce() -> String,
) -> Decision {
    if !draft.is_changed() && also.is_empty() {
        return Decision::Unchanged;
    }
    Decision::Commit {
        tree: draft.tree(),
        more_parents: also,
        author: change.author(),
        message: change.message(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;
    use crate::repo::ObjectFormat;

    fn count_files(folder: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap();
        let count = |path: std::path::PathBuf| match path.is_dir() {
            true => count_files(&path),
            false => 1,
        };
        entries.map(|entry| count(entry.unwrap().path())).sum()
    }

    #[test]
    fn a_refused_module_is_not_stored() {
        let dir = tempfile::tempdir().unwrap();
        let store =
            Store::open_or_create(dir.path(), Options::default(), ObjectFormat::Sha1).unwrap();
        let module = |text: &str| wat::parse_str(text).unwrap();
        let put = |branch: Option<&str>, path: &str, text: &str| {
            let change = Change {
                branch: branch.map(|branch| branch.parse().unwrap()),
                ..Change::default()
            };
            store.put(&change, &path.parse().unwrap(), module(text).as_slice())
        };
        put(None, "a/b", "(module)").unwrap();
        let objects = || count_files(&dir.path().join("objects"));
        let before = objects();
        let other = "(module (func))";
        for (branch, path) in [(None, "a"), (None, "a/b/c"), (Some("x"), "d")] {
            put(branch, path, other).unwrap_err();
            assert_eq!(objects(), before, "{branch:?} {path}");
        }
        put(None, "a/c", other).unwrap();
        assert_eq!(objects(), before + 2, "a pack and its index");
    }
}
