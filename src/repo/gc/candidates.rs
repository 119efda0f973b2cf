//! The candidates of a `gc`: all packs and loose objects that exist when it begins. Only these may be deleted.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::repo::error::{Error, Result};
use crate::repo::fs::remove_if_there;
use crate::repo::lifecycle::scratch_dirs::clear_tmp;
use crate::repo::packs::derived::{Deletion, remove_derived};
use crate::repo::packs::pack::{Pack, remove_packs};
use crate::repo::parts::Parts;
use crate::repo::push::quarantine::clear_dead_pushes;

/// The time since the last change of an incomplete pack after which the pack is regarded as abandoned. A git process that is still writing
/// a pack changes the file more often.
const LEFTOVER_AGE_MIN: Duration = Duration::from_secs(3600);

/// The packs and loose objects to delete.
pub(crate) struct Candidates {
    packs: Vec<Pack>,
    /// The packs that had no index when they were listed. Their objects are not in `ids`. A writer may still complete such a pack, because
    /// it installs the index last.
    without_index: Vec<Pack>,
    loose: Vec<(gix::ObjectId, PathBuf)>,
    /// The ids of the objects in all listed files, including files that are removed from the candidates later.
    pub ids: HashSet<gix::ObjectId>,
    /// The total size of all listed files on disk, in bytes, including files that are removed from the candidates later.
    pub size_bytes: u64,
}

impl Candidates {
    /// Removes `pack` from the candidates, because it was just written and must stay. The name of a pack is the checksum of its content, so
    /// the new pack may have the name of a listed one.
    pub(crate) fn spare(&mut self, pack: Option<&Pack>) {
        self.packs.retain(|candidate| Some(candidate) != pack);
    }
}

impl Candidates {
    /// Removes the packs with these checksums from the files to delete, because the state that several machines share contains them.
    pub(crate) fn spare_named(&mut self, named: &HashSet<String>) {
        self.packs
            .retain(|candidate| !named.contains(&candidate.checksum()));
    }

    /// Adds the object ids of packs that gc removes from the shared state. The packs themselves are not candidates, because a `.keep` file
    /// protects them.
    pub(crate) fn add_objects_of(
        &mut self,
        packs: impl Iterator<Item = Pack>,
        format: gix::hash::Kind,
    ) -> Result<()> {
        for pack in packs {
            if let Some(index) = pack.index(format)? {
                self.ids.extend(index.iter().map(|entry| entry.oid));
            }
        }
        Ok(())
    }

    /// Returns these packs as the candidates for deletion, without loose objects.
    pub(crate) fn of_packs(packs: Vec<Pack>) -> Self {
        Self {
            packs,
            without_index: Vec::new(),
            loose: Vec::new(),
            ids: HashSet::new(),
            size_bytes: 0,
        }
    }
}

/// Lists the packs and loose objects that exist at this moment.
pub(crate) fn candidates(parts: &Parts, repo: &gix::Repository) -> Result<Candidates> {
    let loose = loose(parts.root())?;
    let mut ids: HashSet<_> = loose.iter().map(|(id, _)| *id).collect();
    let (mut packs, mut without_index) = (Vec::new(), Vec::new());
    for pack in parts.packs.list()? {
        match pack.index(repo.object_hash())? {
            Some(index) => {
                ids.extend(index.iter().map(|entry| entry.oid));
                packs.push(pack);
            }
            None => without_index.push(pack),
        }
    }
    let size = |path: &PathBuf| fs::metadata(path).map_or(0, |file| file.len());
    let size_bytes = packs
        .iter()
        .chain(&without_index)
        .map(Pack::size_bytes)
        .chain(loose.iter().map(|(_, path)| size(path)))
        .sum();
    Ok(Candidates {
        packs,
        without_index,
        loose,
        ids,
        size_bytes,
    })
}

/// Deletes the packs and loose objects in `candidates`, and files that killed writers have left behind. First deletes the files that git
/// derives from objects, such as the commit-graph, because they list objects that will be deleted. No other process may be writing.
pub(crate) fn delete(parts: &Parts, candidates: &Candidates) -> Result<()> {
    remove_derived(parts.root(), Deletion::Objects)?;
    remove_packs(parts.root(), &candidates.packs)?;
    // A pack that has an index now was completed after it was listed, and refs may reach its objects by now.
    let mut incomplete = candidates.without_index.clone();
    incomplete.retain(|pack| !pack.part("idx").exists());
    remove_packs(parts.root(), &incomplete)?;
    for (_, path) in &candidates.loose {
        remove_if_there(path)?;
    }
    let long_ago = SystemTime::now() - LEFTOVER_AGE_MIN;
    parts
        .packs
        .clear_pack_leftovers(|changed| changed < long_ago)?;
    clear_dead_pushes(parts.root())?;
    clear_tmp(&parts.objects)
}

/// Lists the loose objects with their files.
fn loose(root: &Path) -> Result<Vec<(gix::ObjectId, PathBuf)>> {
    let mut loose = Vec::new();
    for first in 0..=255u8 {
        let fan_out = root.join(format!("objects/{first:02x}"));
        let Ok(entries) = fs::read_dir(&fan_out) else {
            continue;
        };
        for entry in entries {
            let path = entry.map_err(Error::io("read", &fan_out))?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if let Ok(id) = gix::ObjectId::from_hex(format!("{first:02x}{name}").as_bytes()) {
                loose.push((id, path));
            }
        }
    }
    Ok(loose)
}

/// Returns an error for a repository with work trees or reflogs: these may reach objects that no ref reaches, and `gc` would delete them.
///
/// # Errors
/// `NotAStore`, whose reason says what the user must do.
pub(crate) fn check_collectable(parts: &Parts) -> Result<()> {
    for (name, what) in [
        (
            "worktrees",
            "work trees; remove them with `git worktree remove`",
        ),
        (
            "logs/refs",
            "reflogs; switch them off with `git config core.logAllRefUpdates false` and remove ROOT/logs",
        ),
    ] {
        let dir = parts.root().join(name);
        if fs::read_dir(&dir).is_ok_and(|mut entries| entries.next().is_some()) {
            let reason = format!("gc would break its {what}");
            return Err(Error::NotAStore {
                root: parts.root().to_owned(),
                reason,
            });
        }
    }
    Ok(())
}
