//! What a `gc` may delete: the set K of packs and loose objects that are there when it begins.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::repo::error::{Error, Result};
use crate::repo::fs::remove_if_there;
use crate::repo::gc::commit_graph::remove_commit_graph;
use crate::repo::lifecycle::scratch_dirs::clear_tmp;
use crate::repo::packs::pack::{Pack, remove_packs};
use crate::repo::parts::Parts;
use crate::repo::push::quarantine::clear_dead_pushes;

/// How old a half-written pack has to be to be nobody's any more: a git that packs writes on.
const LEFTOVER_AGE_MIN: Duration = Duration::from_secs(3600);

/// The set K.
pub(crate) struct Candidates {
    packs: Vec<Pack>,
    loose: Vec<(gix::ObjectId, PathBuf)>,
    /// What is in them, those that are spared included.
    pub ids: HashSet<gix::ObjectId>,
    /// What they take on disk, those that are spared included.
    pub size_bytes: u64,
}

impl Candidates {
    /// Leaves a pack alone that was just written: packs are named by their content, so it may have been there before.
    pub(crate) fn spare(&mut self, pack: Option<&Pack>) {
        self.packs.retain(|candidate| Some(candidate) != pack);
    }
}

/// What may be deleted, as of now.
pub(crate) fn candidates(parts: &Parts, repo: &gix::Repository) -> Result<Candidates> {
    let packs = parts.packs.list()?;
    let loose = loose(parts.root())?;
    let mut ids: HashSet<_> = loose.iter().map(|(id, _)| *id).collect();
    for pack in &packs {
        if let Some(index) = pack.index(repo.object_hash())? {
            ids.extend(index.iter().map(|entry| entry.oid));
        }
    }
    let size = |path: &PathBuf| fs::metadata(path).map_or(0, |file| file.len());
    let size_bytes = packs
        .iter()
        .map(Pack::size_bytes)
        .chain(loose.iter().map(|(_, path)| size(path)))
        .sum();
    Ok(Candidates {
        packs,
        loose,
        ids,
        size_bytes,
    })
}

/// Deletes the candidates, what would speak of objects that are gone before, and what dead writers left.
pub(crate) fn delete(parts: &Parts, candidates: &Candidates) -> Result<()> {
    remove_if_there(&parts.root().join("objects/pack/multi-pack-index"))?;
    remove_commit_graph(parts.root())?;
    remove_packs(parts.root(), &candidates.packs)?;
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

/// Every loose object.
fn loose(root: &Path) -> Result<Vec<(gix::ObjectId, PathBuf)>> {
    let mut loose = Vec::new();
    for first in 0..=255u8 {
        let folder = root.join(format!("objects/{first:02x}"));
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.map_err(Error::io("read", &folder))?.path();
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
