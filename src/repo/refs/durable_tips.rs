//! Which tips are known to be durable, with all that they reach.
//!
//! A tip that we moved is. One that an outside writer moved may hang on objects that nobody flushed, so they are flushed before
//! anything is built or answered on it. `ROOT/wasmstore/durable/` says so across processes: one file a branch, named by the hash
//! of the branch's name, with the id of the tip and the inode of `objects/` in it. It is written after the tip is durable and
//! never flushed: a file that is lost or damaged only means that the flushing is done again.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::names::BranchName;
use crate::repo::error::{Error, Result};
use crate::repo::history::commit::read_linked;
use crate::repo::ids::{commit_id, object_id};
use crate::repo::lifecycle::open::Repository;
use crate::repo::objects::fsync::{create_dir, sync_dirs_up_to, sync_file};
use crate::repo::publish::write_txn::Writing;
use crate::repo::refs::lock::PACKED_REFS;
use crate::repo::refs::read::read_tip;

/// What one process knows.
#[derive(Default)]
pub(crate) struct Known {
    /// The tip of a branch, and the state of the file that names it.
    tips: HashMap<BranchName, (gix::ObjectId, Stamp)>,
    /// Names of files in `objects/pack`.
    pub(crate) packs: HashSet<OsString>,
    /// Names of files that this process deleted from there because all of it is in another pack, and that pack's name.
    pub(crate) replaced: HashMap<OsString, OsString>,
}

/// Tells a file from one that was put in its place: device, inode, and time of the last change in nanoseconds.
type Stamp = Option<(u64, u64, i64, i64)>;

impl Writing<'_> {
    /// The tip of a branch, durable with all that it reaches; `None`, durably so, if there is no such branch. Under `refs.lock`.
    pub(crate) fn durable_tip(&mut self, branch: &BranchName) -> Result<Option<gix::ObjectId>> {
        let plain = self.repository.plain_tip(Some(branch));
        let plain = plain.and_then(|tip| object_id(self.objects.handles.local(), tip.as_bytes()));
        let tip = plain.map_or_else(
            || read_tip(self.objects.handles.local(), branch),
            |tip| Ok(Some(tip)),
        );
        let Some(tip) = tip? else {
            self.repository.flush_ref(&branch.full_ref())?;
            return Ok(None);
        };
        let stamp = self.repository.stamp(branch);
        let is_known = self.repository.durable().tips.get(branch) == Some(&(tip, stamp));
        if !is_known {
            if !self.repository.is_noted(branch, tip) {
                self.adopt_history([tip])?;
                self.objects.loose.flush()?;
            }
            self.repository.flush_ref(&branch.full_ref())?;
            self.repository.flush_head()?;
            self.repository.remember_tip(branch, tip);
        }
        Ok(Some(tip))
    }
}

impl Repository {
    /// What this process knows to be durable.
    pub(crate) fn durable(&self) -> std::sync::MutexGuard<'_, Known> {
        self.durable
            .lock()
            .expect("BUG: nothing panics while it holds the lock")
    }

    /// Notes that a tip, and all that it reaches, is durable.
    pub(crate) fn remember_tip(&self, branch: &BranchName, tip: gix::ObjectId) {
        let stamp = self.stamp(branch);
        self.durable().tips.insert(branch.clone(), (tip, stamp));
        let folder = self.durable_dir();
        let note = format!("{tip} {}", self.objects_inode());
        let file = self.tip_file(branch);
        let written = write_over(&file, &note).is_ok()
            || create_dir(&folder).is_ok() && fs::write(&file, &note).is_ok();
        if !written {
            tracing::debug!(%branch, "could not note the durable tip");
        }
    }

    /// Whether some process noted that the tip, and all that it reaches, is durable.
    fn is_noted(&self, branch: &BranchName, tip: gix::ObjectId) -> bool {
        let note = fs::read_to_string(self.tip_file(branch)).unwrap_or_default();
        note == format!("{tip} {}", self.objects_inode())
    }

    /// Forgets the tip of a branch that is deleted.
    pub(crate) fn forget_tip(&self, branch: &BranchName) {
        self.durable().tips.remove(branch);
        let _ = fs::remove_file(self.tip_file(branch));
    }

    /// Forgets every tip that is none any more: what it reached may be deleted now, and come back, unflushed, by a fetch.
    pub(crate) fn forget_old_tips(&self) -> Result<()> {
        let refs = self.refs_below("refs/heads/")?;
        let current: HashSet<_> = refs.into_iter().map(|(_, id)| id).collect();
        for (file, tip) in self.tip_files() {
            if tip.is_none_or(|tip| !current.contains(&tip)) {
                crate::repo::fs::remove_if_there(&file)?;
            }
        }
        Ok(())
    }

    /// Every tip that some process made durable.
    pub(crate) fn remembered_tips(&self) -> HashSet<gix::ObjectId> {
        self.tip_files()
            .into_iter()
            .filter_map(|(_, tip)| tip)
            .collect()
    }

    fn tip_files(&self) -> Vec<(PathBuf, Option<gix::ObjectId>)> {
        let files = fs::read_dir(self.durable_dir())
            .into_iter()
            .flatten()
            .flatten();
        let inode = self.objects_inode();
        let read = |file: fs::DirEntry| {
            let note = fs::read_to_string(file.path()).unwrap_or_default();
            let tip = note.split_once(' ').filter(|(_, at)| *at == inode);
            let tip = tip.and_then(|(id, _)| gix::ObjectId::from_hex(id.as_bytes()).ok());
            (file.path(), tip)
        };
        files.map(read).collect()
    }

    /// Tells this store from a copy of it, whose objects nobody flushed: device and inode of `objects/`.
    fn objects_inode(&self) -> String {
        let folder = fs::metadata(self.root().join("objects"));
        folder.map_or_else(
            |_| "unknown".to_owned(),
            |folder| format!("{}:{}", folder.dev(), folder.ino()),
        )
    }

    /// Flushes what says where a ref is, or that it is not: its file, the packed refs, and the folders that lead there.
    pub(crate) fn flush_ref(&self, name: &str) -> Result<()> {
        let path = self.root().join(name);
        for file in [&path, &self.root().join(PACKED_REFS)] {
            if file.is_file() {
                sync_file(file)?;
            }
        }
        let folder = path.ancestors().skip(1).find(|folder| folder.is_dir());
        sync_dirs_up_to(folder.expect("BUG: the root is a folder"), self.root())
    }

    fn stamp(&self, branch: &BranchName) -> Stamp {
        let loose = fs::metadata(self.root().join(branch.full_ref()))
            .ok()
            .filter(fs::Metadata::is_file);
        let file = loose.or_else(|| fs::metadata(self.root().join(PACKED_REFS)).ok())?;
        Some((file.dev(), file.ino(), file.mtime(), file.mtime_nsec()))
    }

    fn durable_dir(&self) -> PathBuf {
        self.own_dir().join("durable")
    }

    /// A branch's name may be too long for a file's, and holds slashes.
    fn tip_file(&self, branch: &BranchName) -> PathBuf {
        let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
        hasher.update(branch.as_str().as_bytes());
        let name = hasher
            .try_finalize()
            .map_or_else(|_| "unknown".to_owned(), |id| id.to_string());
        self.durable_dir().join(name)
    }
}

impl Writing<'_> {
    /// Flushes what commits reach and no durable tip is known to: commits, trees and blobs, whoever wrote them.
    pub(crate) fn adopt_history(
        &mut self,
        tips: impl IntoIterator<Item = gix::ObjectId>,
    ) -> Result<()> {
        let durable = self.repository.remembered_tips();
        let tips = tips.into_iter().filter(|tip| !durable.contains(tip));
        let tips: Vec<_> = tips.collect();
        if tips.is_empty() {
            return Ok(());
        }
        self.repository.forget_deleted_packs()?;
        let fresh = self.repository.local_for("HEAD")?;
        // There may be notes of tips that are gone.
        let there = |tip: &gix::ObjectId| gix::objs::Exists::exists(&*fresh.objects, tip);
        let new =
            crate::repo::history::walk::beyond(&fresh, tips, durable.into_iter().filter(there))?;
        for new in new {
            let (id, _) = new?;
            let commit = read_linked(&fresh, commit_id(&id))?;
            self.adopt_or_fail(&fresh, id)?;
            let base = commit.parents.first();
            let base = base.map(|parent| read_linked(&fresh, *parent));
            let base = base.transpose()?.map(|parent| parent.tree.0);
            self.adopt_tree(&fresh, commit.tree.0, base)?;
        }
        self.repository.flush_packs()
    }

    /// Flushes a tree and what is below it, but for what stands in `base` at the same place.
    fn adopt_tree(
        &mut self,
        fresh: &gix::Repository,
        tree: gix::ObjectId,
        base: Option<gix::ObjectId>,
    ) -> Result<()> {
        let mut todo = vec![(tree, base)];
        while let Some((id, base)) = todo.pop() {
            if id.is_empty_tree() || Some(id) == base {
                continue;
            }
            self.adopt_or_fail(fresh, id)?;
            let base = base
                .map(|base| crate::repo::tree::reader::load(fresh, base))
                .transpose()?;
            let there: HashMap<_, _> = base
                .iter()
                .flat_map(|tree| &tree.entries)
                .map(|e| (&e.filename, e))
                .collect();
            for entry in crate::repo::tree::reader::load(fresh, id)?.entries {
                let before = there
                    .get(&entry.filename)
                    .filter(|before| before.mode.is_tree() == entry.mode.is_tree());
                if entry.mode.is_tree() {
                    todo.push((entry.oid, before.map(|before| before.oid)));
                } else if !entry.mode.is_commit()
                    && before.map(|before| before.oid) != Some(entry.oid)
                {
                    self.adopt_or_fail(fresh, entry.oid)?;
                }
            }
        }
        Ok(())
    }

    fn adopt_or_fail(&mut self, fresh: &gix::Repository, id: gix::ObjectId) -> Result<()> {
        if self.adopt_from(fresh, id)? {
            Ok(())
        } else {
            Err(Error::Missing { id: id.to_string() })
        }
    }
}

/// Writes over a file that is there. Notes are of one length: nothing is freed and allocated anew, as it would be if it were made
/// empty first.
fn write_over(file: &Path, note: &str) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(file)?;
    file.write_all_at(note.as_bytes(), 0)?;
    file.set_len(note.len() as u64)
}
