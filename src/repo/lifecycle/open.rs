//! Opening a store, and refusing what is none.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use gix::bstr::ByteSlice;

use crate::config::CacheLimits;
use crate::repo::error::{Error, Result};
use crate::repo::fs::names_in;
use crate::repo::lifecycle::create::ObjectFormat;
use crate::repo::lifecycle::gix_handle::Opened;
use crate::repo::lifecycle::locks::Locks;
use crate::repo::objects::cache::{CacheUse, Caches};
use crate::repo::packs::roll_up::RollUp;
use crate::repo::publish::group_commit::Group;
use crate::repo::refs::durable_tips::Known;

/// Repository extensions (git-config(1), `extensions.*`) that change nothing of what is read or written here.
const KNOWN_EXTENSIONS: [&str; 6] = [
    "noop",
    "objectformat",
    "partialclone",
    "preciousobjects",
    "refstorage",
    "worktreeconfig",
];

/// How many packs gix is ready for: with one more, reads fail. Roll-ups keep them to some hundreds and one for each 64 MiB.
const SLOTS: u16 = 16_384;

/// The file in `ROOT/wasmstore` that is there while a store is created.
pub(crate) const CREATING: &str = "creating";

/// A bare git repository that is a store; or the place of one that nobody created yet, which reads as empty.
pub struct Repository {
    /// `None` while there is no repository at `root`. Replaced when packs were deleted: see `opened.rs`.
    pub(crate) shared: Option<RwLock<Opened>>,
    root: PathBuf,
    pub(crate) locks: Locks,
    /// What this process knows to be durable, so that it is not flushed again.
    pub(crate) durable: Arc<Mutex<Known>>,
    pub(crate) caches: Caches,
    pub(crate) group: Group,
    pub(crate) roll_up: RollUp,
}

impl Repository {
    /// Opens the store at `root`. A missing or empty folder, or one whose creation was cut short, opens as an empty store;
    /// nothing is created.
    ///
    /// # Errors
    /// The folder cannot be read, or is something other than a bare repository in a format that is understood.
    pub fn open(root: &Path, cache: &CacheLimits) -> Result<Self> {
        let locks = Locks::new(root.join("wasmstore"));
        let shared = if is_absent(root)? {
            None
        } else {
            Some(RwLock::new(Opened::new(root)?))
        };
        Ok(Self {
            shared,
            root: root.to_owned(),
            locks,
            durable: Arc::default(),
            caches: Caches::new(cache),
            group: Group::default(),
            roll_up: RollUp::default(),
        })
    }

    /// The folder of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Says whether nobody created the store yet.
    pub fn is_absent(&self) -> bool {
        self.shared.is_none()
    }

    /// How the cache of modules and that of trees are used.
    pub fn cache_uses(&self) -> [CacheUse; 2] {
        self.caches.uses()
    }

    /// The hash function of the repository's ids; `None` while there is no repository.
    pub fn object_format(&self) -> Option<ObjectFormat> {
        let is_sha256 = self.format()? == gix::hash::Kind::Sha256;
        Some(if is_sha256 {
            ObjectFormat::Sha256
        } else {
            ObjectFormat::Sha1
        })
    }

    /// A handle for this thread; `None` while there is no repository.
    pub(crate) fn local(&self) -> Option<gix::Repository> {
        let opened = self.shared.as_ref()?;
        let opened = opened.read().unwrap_or_else(PoisonError::into_inner);
        Some(opened.repo.to_thread_local())
    }

    /// A handle for this thread.
    ///
    /// # Errors
    /// `Missing`, naming `id`, while there is no repository.
    pub(crate) fn local_for(&self, id: impl std::fmt::Display) -> Result<gix::Repository> {
        self.local()
            .ok_or_else(|| Error::Missing { id: id.to_string() })
    }

    /// The folder of our own files, `ROOT/wasmstore`.
    pub fn own_dir(&self) -> PathBuf {
        self.root.join("wasmstore")
    }

    /// The folder for temporary files, `ROOT/wasmstore/tmp`.
    pub(crate) fn tmp_dir(&self) -> PathBuf {
        self.own_dir().join("tmp")
    }
}

/// Says whether there is no store at `root` yet: nothing, an empty folder, or a creation that did not get to its end. Whatever
/// else is there without a `HEAD` is somebody's, and not to be written over.
pub(crate) fn is_absent(root: &Path) -> Result<bool> {
    let names = match names_in(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        names => names.map_err(Error::io("open", root))?,
    };
    if names.iter().any(|name| name == "HEAD") || root.join("HEAD").exists() {
        return Ok(false);
    }
    // One look at our folder: a creation may go on meanwhile, and whoever sees it half sees its mark.
    let own = names_in(&root.join("wasmstore")).unwrap_or_default();
    let is_marked = own.iter().any(|name| name == CREATING);
    let is_lock = |name: &OsString| name == "refs.gate" || name == "refs.lock";
    let has_just_begun = names == ["wasmstore"] && own.iter().all(is_lock);
    Ok(names.is_empty() || is_marked || has_just_begun)
}

pub(crate) fn open_bare(root: &Path) -> Result<gix::ThreadSafeRepository> {
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
        .object_store_slots(gix::odb::store::init::Slots::Given(SLOTS))
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
            "it is not a git repository that can be read: {}",
            error.probable_cause()
        )
    } else {
        "it is not a git repository".to_owned()
    }
}

/// Refuses repositories whose format would be misread (gitrepository-layout(5), git's repository-version.txt).
fn check_format(repo: &gix::Repository) -> Result<(), String> {
    let config = repo.config_snapshot();
    if !repo.is_bare() || config.boolean("core.bare") == Some(false) {
        return Err("it is not bare; make one with `git clone --bare`".to_owned());
    }
    let version = config.integer("core.repositoryFormatVersion").unwrap_or(0);
    if !(0..=1).contains(&version) {
        return Err(format!(
            "its format version is {version}; this program knows 0 and 1"
        ));
    }
    if let Some(storage) = config
        .string("extensions.refStorage")
        .filter(|storage| storage.as_bstr() != "files")
    {
        return Err(format!(
            "its refs are kept as {storage:?}; convert it with `git refs migrate --ref-format=files`"
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
                "it uses the extension {name:?}, which this program does not know"
            ));
        }
    }
    Ok(())
}
