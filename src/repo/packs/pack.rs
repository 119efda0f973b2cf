//! One pack and the files that belong to it (gitformat-pack(5)).

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::repo::error::{Error, Result};
use crate::repo::fs::{remove_if_there, sync_dir, sync_file};
use crate::repo::packs::derived::{Deletion, remove_derived};
use crate::sharing::share;

/// The extensions of a pack's files, in the order of their deletion. The files of a new pack are renamed to their final paths in the
/// reverse order. So the pack always exists while its index exists, and git does not see a pack without its index.
const PARTS: [&str; 5] = ["idx", "rev", "bitmap", "mtimes", "pack"];
/// The extensions of the marker files with which git or a user protects a pack from deletion.
const KEEP: [&str; 2] = ["keep", "promisor"];

/// A pack file with its index and the other files that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pack {
    /// `objects/pack/pack-<checksum>`, without an extension.
    stem: PathBuf,
}

impl Pack {
    /// Returns the pack with this checksum in the repository at `root`.
    pub(crate) fn named(root: &Path, checksum: &str) -> Self {
        Self {
            stem: root.join("objects/pack").join(format!("pack-{checksum}")),
        }
    }

    /// Returns the pack to which the file at `path` belongs.
    fn at(path: &Path) -> Self {
        Self {
            stem: path.with_extension(""),
        }
    }

    /// Returns the path of the pack's file with this extension.
    pub(crate) fn part(&self, extension: &str) -> PathBuf {
        self.stem.with_extension(extension)
    }

    /// Returns the file names of the pack and of its index.
    pub(crate) fn names(&self) -> [OsString; 2] {
        self.files()
            .map(|file| file.file_name().unwrap_or_default().to_owned())
    }

    /// Returns the paths of the pack and of its index.
    pub(crate) fn files(&self) -> [PathBuf; 2] {
        ["pack", "idx"].map(|part| self.part(part))
    }

    /// Opens the pack's index; `None` if it has none, for example after an interrupted write.
    pub(crate) fn index(&self, format: gix::hash::Kind) -> Result<Option<gix_pack::index::File>> {
        let path = self.part("idx");
        if !path.exists() {
            return Ok(None);
        }
        match gix_pack::index::File::at(&path, format) {
            // A roll-up deleted the index after the check above.
            Err(_) if !path.exists() => Ok(None),
            index => index
                .map(Some)
                .map_err(Error::database(format!("read {path:?}"))),
        }
    }

    /// Returns the total size of the pack's files in bytes.
    pub(crate) fn size_bytes(&self) -> u64 {
        PARTS
            .iter()
            .filter_map(|part| fs::metadata(self.part(part)).ok())
            .map(|file| file.len())
            .sum()
    }

    /// Returns the checksum in the pack's name.
    pub(crate) fn checksum(&self) -> String {
        let name = self.stem.file_name().unwrap_or_default().to_string_lossy();
        name.trim_start_matches("pack-").to_owned()
    }

    /// Returns whether both the pack and its index exist.
    pub(crate) fn is_complete(&self) -> bool {
        self.files().iter().all(|file| file.exists())
    }

    /// Moves a finished pack, `PREFIX-<checksum>.*`, into the repository at `root` and makes it durable.
    pub(crate) fn install(root: &Path, prefix: &Path, checksum: &str) -> Result<Self> {
        let pack = Self::named(root, checksum);
        let is_required = |part: &str| part == "pack" || part == "idx";
        let from = |part: &str| {
            let mut path = prefix.as_os_str().to_owned();
            path.push(format!("-{checksum}.{part}"));
            PathBuf::from(path)
        };
        // The index comes last: git does not see the pack without it.
        for part in PARTS
            .iter()
            .rev()
            .filter(|part| is_required(part) || from(part).exists())
        {
            sync_file(&from(part))?;
        }
        for part in PARTS.iter().rev().filter(|part| from(part).exists()) {
            let to = pack.part(part);
            share(&from(part));
            fs::rename(from(part), &to).map_err(Error::io("rename to", &to))?;
        }
        sync_dir(&root.join("objects/pack"))?;
        Ok(pack)
    }
}

/// Lists the packs of the repository at `root`, except those that a `.keep` or `.promisor` file protects from deletion.
pub(crate) fn packs_in(root: &Path) -> Result<Vec<Pack>> {
    let paths = pack_file_paths(root)?;
    let is_protected = |path: &Path| {
        let mut markers = KEEP.iter();
        markers.any(|keep| paths.contains(&path.with_extension(keep)))
    };
    let packs = paths.iter().filter(|path| is_pack(path));
    let packs = packs.filter(|path| !is_protected(path));
    Ok(packs.map(|path| Pack::at(path)).collect())
}

/// Lists all packs of the repository at `root`, including the protected ones: git protects a pack with a `.keep` file while a push updates
/// the refs.
pub(crate) fn all_packs_in(root: &Path) -> Result<Vec<Pack>> {
    let paths = pack_file_paths(root)?;
    let packs = paths.iter().filter(|path| is_pack(path));
    Ok(packs.map(|path| Pack::at(path)).collect())
}

fn is_pack(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.extension().is_some_and(|part| part == "pack") && name.starts_with("pack-")
}

/// Returns every index without a pack. A power cut can leave such an index, which lists objects that cannot be read.
pub(crate) fn lone_indices(root: &Path) -> Result<Vec<PathBuf>> {
    let paths = pack_file_paths(root)?;
    let is_lone = |path: &PathBuf| {
        path.extension().is_some_and(|part| part == "idx")
            && !paths.contains(&path.with_extension("pack"))
    };
    Ok(paths.iter().filter(|path| is_lone(path)).cloned().collect())
}

/// Returns the paths of all files in `objects/pack`.
fn pack_file_paths(root: &Path) -> Result<HashSet<PathBuf>> {
    let dir = root.join("objects/pack");
    fs::read_dir(&dir)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(Error::io("read", &dir))
}

/// Removes packs. Each of their objects must be in another pack, or must not be needed any more. The files that list the packs or their
/// objects are removed first, durably: a multi-pack-index or an index without its pack lists objects that cannot be read.
pub(crate) fn remove_packs(root: &Path, packs: &[Pack]) -> Result<()> {
    if packs.is_empty() {
        return Ok(());
    }
    remove_derived(root, Deletion::Packs)?;
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
