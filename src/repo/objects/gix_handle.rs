//! The handle through which gix reads the repository, and the checks made before it is opened.
//!
//! If a pack that gix has open is deleted, gix still finds the objects in it, and a new commit that names such an object would be broken.
//! So [`ObjectDb`](crate::repo::objects::db::ObjectDb) opens the repository again after objects were deleted, before a change checks
//! whether an object exists.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use gix::bstr::ByteSlice;

use crate::repo::error::{Error, Result};
use crate::repo::failpoints::step;
use crate::repo::fs::names_in;
use crate::repo::locks;
use crate::sharing::set_sharing;

/// Repository extensions (git-config(1), `extensions.*`) that do not change what this program reads or writes.
const KNOWN_EXTENSIONS: [&str; 6] = [
    "noop",
    "objectformat",
    "partialclone",
    "preciousobjects",
    "refstorage",
    "worktreeconfig",
];

/// The minimum number of slots. gix needs one slot for each pack that it opens; with more packs than slots, reads fail. Roll-ups keep the
/// number of packs at some hundreds, plus one for each 64 MiB. There are no more slots than needed, because gix initializes all slots when
/// it opens the repository, and each command of wasmstore opens it.
pub(crate) const MIN_SLOTS: u16 = 2048;

/// The repository opened by gix, and its properties at that time.
pub(crate) struct GixHandle {
    pub repo: Arc<gix::ThreadSafeRepository>,
    /// The hash function of the repository's ids.
    pub format: gix::hash::Kind,
    /// The names of the files in `objects/pack` that gix may have open.
    pub packs: HashSet<OsString>,
    /// The number of packs that gix can have open.
    pub slots: u16,
    /// The time of the last `gc` before the repository was opened, in nanoseconds since 1970: see `locks.rs`.
    pub last_gc: u64,
    /// The number of times that the repository was opened again.
    pub reopen_count: u64,
}

/// Identifies one opening of the repository. The value differs after each reopening.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HandleVersion {
    reopen_count: u64,
    last_gc: u64,
}

impl GixHandle {
    pub(crate) fn version(&self) -> HandleVersion {
        HandleVersion {
            reopen_count: self.reopen_count,
            last_gc: self.last_gc,
        }
    }

    /// Opens the repository at `root`.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        // `last_gc` and `packs` are read before the repository is opened. If a `gc` runs or a pack is added in between, they are outdated,
        // and the only effect is that the repository is opened once more.
        let last_gc = locks::last_collected(root);
        let packs: HashSet<_> = pack_file_names(root)?.into_iter().collect();
        let slots = slots_for(packs.len());
        let repo = open_bare(root, slots)?;
        let local = repo.to_thread_local();
        let sharing = local.config_snapshot().string("core.sharedRepository");
        let sharing = sharing.map(|value| value.to_string());
        set_sharing(root, sharing.as_deref());
        Ok(Self {
            format: local.object_hash(),
            repo: Arc::new(repo),
            packs,
            slots,
            last_gc,
            reopen_count: 0,
        })
    }

    /// Returns whether the files in `objects/pack` are the ones that gix may have open. `existing` lists the files in `objects/pack`, each
    /// once.
    pub(crate) fn has_exactly(&self, existing: &[OsString]) -> bool {
        existing.len() == self.packs.len() && existing.iter().all(|name| self.packs.contains(name))
    }

    /// Returns whether so many files are in `objects/pack` that the repository should be opened again with more slots.
    pub(crate) fn needs_more_slots(&self, pack_files: usize) -> bool {
        self.slots < u16::MAX && pack_files / FILES_PER_PACK > usize::from(self.slots) / 2
    }
}

/// A pack has at least two files: the pack and its index.
const FILES_PER_PACK: usize = 2;

/// Returns the number of packs that gix must be able to open in a repository with this many files in `objects/pack`.
fn slots_for(pack_files: usize) -> u16 {
    let slots = usize::from(MIN_SLOTS) + 2 * (pack_files / FILES_PER_PACK);
    u16::try_from(slots).unwrap_or(u16::MAX)
}

/// Returns the names of all files in `objects/pack`.
pub(crate) fn pack_file_names(root: &Path) -> Result<Vec<OsString>> {
    let dir = root.join("objects/pack");
    match step("list packs").and_then(|()| names_in(&dir)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        names => names.map_err(Error::io("read", &dir)),
    }
}

/// Opens a bare repository with this many slots for packs. Rejects a repository that this program cannot use.
pub(crate) fn open_bare(root: &Path, slots: u16) -> Result<gix::ThreadSafeRepository> {
    let refuse = |reason: String| Error::NotAStore {
        root: root.to_owned(),
        reason,
    };
    if root.join(".git").exists() {
        return Err(refuse(
            "it is a git repository with a work tree; a store is a bare repository".to_owned(),
        ));
    }
    let overrides = [
        "core.useReplaceRefs=false",
        "gitoxide.objects.allocLimit=2147483648",
    ];
    let repo = gix::open::Options::isolated()
        .open_path_as_is(true)
        .strict_config(true)
        .config_overrides(overrides)
        .object_store_slots(gix::odb::store::init::Slots::Given(slots))
        .with(gix::sec::Trust::Full)
        .open(root)
        .map_err(|error| refuse(reason(root, &error)))?;
    if root.join("shallow").exists() {
        let reason = "it is a shallow clone; complete it with `git fetch --unshallow`";
        return Err(refuse(reason.to_owned()));
    }
    check_format(&repo.to_thread_local()).map_err(refuse)?;
    Ok(repo)
}

fn reason(root: &Path, error: &gix::Error) -> String {
    if root.join("HEAD").exists() {
        format!(
            "it is not a readable git repository: {}",
            error.probable_cause()
        )
    } else {
        "it is not a git repository".to_owned()
    }
}

/// Rejects repositories whose format this program would misread (gitrepository-layout(5), git's repository-version.txt).
fn check_format(repo: &gix::Repository) -> Result<(), String> {
    let config = repo.config_snapshot();
    if !repo.is_bare() || config.boolean("core.bare") == Some(false) {
        return Err("it is not bare; make one with `git clone --bare`".to_owned());
    }
    let version = config.integer("core.repositoryFormatVersion").unwrap_or(0);
    if !(0..=1).contains(&version) {
        return Err(format!(
            "its format version is {version}; this program supports 0 and 1"
        ));
    }
    if let Some(storage) = config
        .string("extensions.refStorage")
        .filter(|storage| storage.as_bstr() != "files")
    {
        return Err(format!(
            "its ref storage format is {storage:?}; convert it with `git refs migrate --ref-format=files`"
        ));
    }
    if version == 0 {
        return Ok(());
    }
    let sections = config
        .plumbing()
        .sections_by_name("extensions")
        .into_iter()
        .flatten();
    let names = sections.flat_map(|section| {
        section
            .value_names()
            .map(|name| name.to_string())
            .collect::<Vec<_>>()
    });
    for name in names {
        if !KNOWN_EXTENSIONS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(format!(
                "it uses the repository extension {name:?}, which this program does not support"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_twice_as_many_slots_as_packs_and_some_more_up_to_the_maximum_of_gix() {
        assert_eq!(slots_for(0), 2048);
        assert_eq!(slots_for(2000), 4048);
        assert_eq!(slots_for(1_000_000), u16::MAX);
    }

    #[test]
    fn a_handle_needs_more_slots_when_packs_take_half_of_them() {
        let root = tempfile::tempdir().unwrap();
        gix::init_bare(root.path()).unwrap();
        let mut handle = GixHandle::open(root.path()).unwrap();
        assert!(!handle.needs_more_slots(2 * 1024));
        assert!(handle.needs_more_slots(2 * 1025));
        // With more packs than gix can open, opening the repository again does not help.
        handle.slots = u16::MAX;
        assert!(!handle.needs_more_slots(1_000_000));
    }
}
