//! Packs: which there are (gitformat-pack(5)).

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::repo::error::{Error, Result};
use crate::repo::fs::remove_if_there;
use crate::repo::lifecycle::open::Repository;
use crate::repo::objects::fsync::sync_dir;
use crate::repo::packs::entry::Deflated;
use crate::repo::packs::writer::PackWriter;

/// What a pack consists of; the pack itself comes last, as without its index it is not seen.
const PARTS: [&str; 5] = ["idx", "rev", "bitmap", "mtimes", "pack"];
/// Packs that git or a person says to leave alone.
const KEEP: [&str; 2] = ["keep", "promisor"];

/// One pack file with what goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pack {
    /// `objects/pack/pack-<checksum>`, without an extension.
    stem: PathBuf,
}

impl Pack {
    /// The pack of that checksum.
    pub(crate) fn named(root: &Path, checksum: &str) -> Self {
        Self {
            stem: root.join("objects/pack").join(format!("pack-{checksum}")),
        }
    }

    /// The file with that extension.
    pub(crate) fn part(&self, extension: &str) -> PathBuf {
        self.stem.with_extension(extension)
    }

    /// The names of the pack and of its index.
    pub(crate) fn names(&self) -> [OsString; 2] {
        self.files()
            .map(|file| file.file_name().unwrap_or_default().to_owned())
    }

    /// The pack and its index.
    pub(crate) fn files(&self) -> [PathBuf; 2] {
        ["pack", "idx"].map(|part| self.part(part))
    }

    /// Opens its index; `None` if it has none, as after a write that was cut short.
    pub(crate) fn index(&self, format: gix::hash::Kind) -> Result<Option<gix_pack::index::File>> {
        let path = self.stem.with_extension("idx");
        if !path.exists() {
            return Ok(None);
        }
        match gix_pack::index::File::at(&path, format) {
            // A roll-up deleted it in this moment.
            Err(_) if !path.exists() => Ok(None),
            index => index
                .map(Some)
                .map_err(Error::database(format!("read {path:?}"))),
        }
    }

    /// What it takes on disk, in bytes.
    pub(crate) fn size_bytes(&self) -> u64 {
        PARTS
            .iter()
            .filter_map(|part| fs::metadata(self.stem.with_extension(part)).ok())
            .map(|file| file.len())
            .sum()
    }

    /// The checksum that it is named by.
    pub(crate) fn checksum(&self) -> String {
        let name = self.stem.file_name().unwrap_or_default().to_string_lossy();
        name.trim_start_matches("pack-").to_owned()
    }

    /// Says whether neither the pack nor its index is missing.
    pub(crate) fn is_complete(&self) -> bool {
        self.files().iter().all(|file| file.exists())
    }

    /// Gives a finished pack that stands elsewhere, as `PREFIX-<checksum>.*`, its place and makes it durable.
    pub(crate) fn install(root: &Path, prefix: &Path, checksum: &str) -> Result<Self> {
        let pack = Self::named(root, checksum);
        let must_have = |part: &str| part == "pack" || part == "idx";
        let from = |part: &str| PathBuf::from(format!("{}-{checksum}.{part}", prefix.display()));
        // The index comes last: without it the pack is not seen.
        for part in PARTS
            .iter()
            .rev()
            .filter(|part| must_have(part) || from(part).exists())
        {
            crate::repo::objects::fsync::sync_file(&from(part))?;
        }
        for part in PARTS.iter().rev().filter(|part| from(part).exists()) {
            let to = pack.stem.with_extension(part);
            fs::rename(from(part), &to).map_err(Error::io("rename to", &to))?;
        }
        sync_dir(&root.join("objects/pack"))?;
        Ok(pack)
    }
}

/// Every pack of the repository at `root`, but for those marked to be left alone.
pub(crate) fn packs_in(root: &Path) -> Result<Vec<Pack>> {
    let names = names_in(root)?;
    let is_pack = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.extension().is_some_and(|part| part == "pack")
            && name.starts_with("pack-")
            && !KEEP
                .iter()
                .any(|keep| names.contains(&path.with_extension(keep)))
    };
    let pack = |path: &PathBuf| Pack {
        stem: path.with_extension(""),
    };
    Ok(names.iter().filter(is_pack).map(pack).collect())
}

/// Every file in `objects/pack`.
fn names_in(root: &Path) -> Result<HashSet<PathBuf>> {
    let folder = root.join("objects/pack");
    fs::read_dir(&folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(Error::io("read", &folder))
}

/// Removes packs: first what makes them seen, durably, as an index without its pack would tell of objects that cannot be read.
pub(crate) fn remove_packs(root: &Path, packs: &[Pack]) -> Result<()> {
    if packs.is_empty() {
        return Ok(());
    }
    for pack in packs {
        remove_if_there(&pack.part("idx"))?;
    }
    sync_dir(&root.join("objects/pack"))?;
    for pack in packs {
        for part in PARTS {
            remove_if_there(&pack.part(part))?;
        }
    }
    Ok(())
}

impl Repository {
    /// Every pack, but for those marked to be left alone.
    pub(crate) fn packs(&self) -> Result<Vec<Pack>> {
        packs_in(self.root())
    }

    /// Removes an index whose pack is not there, as a power cut can leave it: it tells of objects that cannot be read. While nobody
    /// writes.
    pub(crate) fn clear_lone_indices(&self) -> Result<()> {
        for index in self.lone_indices()? {
            tracing::warn!(?index, "removing an index without its pack");
            remove_if_there(&index)?;
        }
        Ok(())
    }

    /// Every index whose pack is not there.
    pub(crate) fn lone_indices(&self) -> Result<Vec<PathBuf>> {
        let names = names_in(self.root())?;
        let is_lone = |path: &PathBuf| {
            path.extension().is_some_and(|part| part == "idx")
                && !names.contains(&path.with_extension("pack"))
        };
        Ok(names.iter().filter(|path| is_lone(path)).cloned().collect())
    }

    /// Removes packs that git left half-written, as it does when the disk is full, of which `is_dead` says so by the time of
    /// their last change.
    pub(crate) fn clear_pack_leftovers(&self, is_dead: impl Fn(SystemTime) -> bool) -> Result<()> {
        let folder = self.root().join("objects/pack");
        for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
            let entry = entry.map_err(Error::io("read", &folder))?;
            let is_temporary = entry.file_name().to_string_lossy().starts_with("tmp_");
            let changed = entry.metadata().and_then(|file| file.modified());
            if is_temporary && changed.is_ok_and(&is_dead) {
                remove_if_there(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Writes the objects into a durable pack without deltas, for `gc`; `None` if there are none.
    pub(crate) fn write_pack(
        &self,
        repo: &gix::Repository,
        ids: &[gix::ObjectId],
    ) -> Result<Option<Pack>> {
        if ids.is_empty() {
            return Ok(None);
        }
        let mut pack = PackWriter::new(&self.gc_dir()?, repo.object_hash(), ids.len())?;
        for id in ids {
            let object = repo.find_object(*id);
            let object = object.map_err(Error::database(format!("pack object {id}")))?;
            pack.add(*id, &Deflated::new(object.kind, &object.data)?)?;
        }
        pack.install(self.root()).map(Some)
    }
}
