//! Creating a store: a bare repository with one empty root commit (gitrepository-layout(5)).
//!
//! The store is created in place, under `refs.lock`. The marker file `wasmstore/creating` exists until the creation has ended, and `HEAD`
//! is written after all other files. If a creation finds a marker file without `HEAD`, an earlier creation was interrupted, and the new one
//! starts from the beginning. If the marker file says so, it keeps the files that it finds. The marker file of a copy of a store in a bucket
//! names the bucket, and without the bucket such a copy is not created: it would become a store of its own.

use std::fs;
use std::io;
use std::path::Path;

use crate::names::{Author, BranchName};
use crate::repo::error::{Error, Result};
use crate::repo::follow::catch_up::GENERATION;
use crate::repo::fs::remove_if_there;
use crate::repo::fs::{create_dir, sync_dir, sync_dirs_up_to, write_file};
use crate::repo::lifecycle::bucket_mark::BucketMark;
use crate::repo::lifecycle::creation_marker::CreationMarker;
use crate::repo::lifecycle::hooks;
use crate::repo::lifecycle::open::{CREATING, clear, is_absent};
use crate::repo::lifecycle::remains::{Remains, remains, remove_empty_dirs};
use crate::repo::locks::Locks;
use crate::repo::objects::commit::{NewCommit, encode};
use crate::repo::objects::loose::LooseObjects;
use crate::repo::objects::spool::Spool;
use crate::repo::refs::lock::HEAD;

/// The hash function of a repository's ids (gitformat-hash-function-transition).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ObjectFormat {
    /// SHA-1, which every git host accepts. Collisions are detected.
    #[default]
    Sha1,
    /// SHA-256: ids have 64 digits.
    Sha256,
}

impl ObjectFormat {
    /// Returns git's name of the format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }
}

/// The directories that git needs in a repository.
pub(crate) const REPOSITORY_DIRS: [&str; 6] = [
    "objects",
    "objects/info",
    "objects/pack",
    "refs",
    "refs/heads",
    "refs/tags",
];

/// The content of a new store's `config` after the settings of the object format. With these settings, git does not pack, prune or rewrite
/// anything on its own.
const CONFIG: &str = "\
[core]
\tbare = true
\tfilemode = true
\tlogAllRefUpdates = false
\tuseReplaceRefs = false
\tfsync = all
\thooksPath = hooks
\tlooseCompression = 1
[gc]
\tauto = 0
\tpackRefs = false
[maintenance]
\tauto = false
[receive]
\tautogc = false
\tfsckObjects = true
\tunpackLimit = 1
\tprocReceiveRefs = refs
\tshallowUpdate = false
[uploadpack]
\tallowFilter = true
";

/// Creates a store at `root` unless there is one, with `branch` as the default branch. Does nothing if the creation of a copy of a store in a
/// bucket was interrupted there: only [`create_copy_if_absent`] creates the copy. Several processes may call this for the same `root` at the
/// same time.
///
/// # Errors
/// The directory or its parents cannot be written; the directory contains other files.
pub(crate) fn create_if_absent(
    root: &Path,
    format: ObjectFormat,
    branch: &BranchName,
) -> Result<()> {
    create_unless_there(root, format, branch, None)
}

fn create_unless_there(
    root: &Path,
    format: ObjectFormat,
    branch: &BranchName,
    bucket: Option<&BucketMark>,
) -> Result<()> {
    if !is_absent(root)? {
        // A creation that was killed after it wrote `HEAD` leaves its marker file behind. The store is complete, so the marker file is
        // removed.
        let _ = fs::remove_file(root.join("wasmstore").join(CREATING));
        return Ok(());
    }
    create_dirs(root)?;
    let own_dir = root.join("wasmstore");
    create_dir(&own_dir)?;
    let _refs_lock = Locks::new(own_dir).refs()?;
    if is_absent(root)? {
        create(root, format, branch, bucket)?;
    }
    Ok(())
}

/// Does the same as [`create_if_absent`] for an empty copy of the store in the bucket that `bucket` identifies. Also creates it from the
/// remains of a copy that was deleted while it was in use.
///
/// # Errors
/// As for [`create_if_absent`].
pub(crate) fn create_copy_if_absent(
    root: &Path,
    format: ObjectFormat,
    branch: &BranchName,
    bucket: &BucketMark,
) -> Result<()> {
    if remains(root)?.is_some() {
        begin_again(root, bucket)?;
    }
    create_unless_there(root, format, branch, Some(bucket))
}

/// Turns the remains of a copy into an interrupted creation, which [`create_copy_if_absent`] makes again.
fn begin_again(root: &Path, bucket: &BucketMark) -> Result<()> {
    let own_dir = root.join("wasmstore");
    create_dir(&own_dir)?;
    let _refs_lock = Locks::new(own_dir.clone()).refs()?;
    // Another process may have created the copy in the meantime.
    let Some(remains) = remains(root)? else {
        return Ok(());
    };
    tracing::warn!(root = %root.display(), "the copy was deleted while it was in use; copying the store from the bucket again");
    let marker = CreationMarker {
        keeps_files: remains == Remains::Strays,
        bucket: Some(bucket.clone()),
    };
    marker.write(root)?;
    // From here on, the marker file alone says that the creation must be made again.
    remove_if_there(&root.join(HEAD))?;
    sync_dir(root)
}

/// Creates the directory at `root` and its parents, and makes their names durable. The fsync of a parent that this process may not open is
/// skipped: another user created that directory, and is responsible for it.
pub(crate) fn create_dirs(root: &Path) -> Result<()> {
    let root = &std::path::absolute(root).map_err(Error::io("find", root))?;
    fs::create_dir_all(root).map_err(Error::io("create", root))?;
    for dir in root.ancestors() {
        match sync_dir(dir) {
            Err(error) if error.io_kind() == Some(io::ErrorKind::PermissionDenied) => {}
            other => other?,
        }
    }
    Ok(())
}

fn create(
    root: &Path,
    format: ObjectFormat,
    branch: &BranchName,
    bucket: Option<&BucketMark>,
) -> Result<()> {
    let own_dir = root.join("wasmstore");
    let found = CreationMarker::read(root)?;
    let is_of_copy = found.as_ref().is_some_and(|found| found.bucket.is_some());
    if is_of_copy && bucket.is_none() {
        return Ok(());
    }
    let marker = CreationMarker {
        keeps_files: found.as_ref().is_some_and(|found| found.keeps_files),
        bucket: bucket.cloned(),
    };
    if found.as_ref() != Some(&marker) {
        marker.write(root)?;
    }
    match found {
        Some(found) if found.keeps_files => remove_empty_dirs(&root.join("refs")),
        Some(_) => clear(root)?,
        None => {}
    }
    // The generation says how current a copy is, and a new copy is empty. It may be left of a copy that was deleted in part.
    remove_if_there(&own_dir.join(GENERATION))?;
    let tmp = root.join("wasmstore/tmp");
    create_dir(&tmp)?;
    write_store_files(root, &tmp, format)?;
    if let Some(bucket) = bucket {
        bucket.write(root)?;
    }

    let hash_kind = hash_kind(format);
    let empty_tree = gix::ObjectId::empty_tree(hash_kind);
    let author = Author::default();
    let commit = NewCommit {
        tree: empty_tree,
        parents: Vec::new(),
        author: &author,
        message: "Create the store".to_owned(),
    };
    let mut loose = LooseObjects::new(root, hash_kind);
    let tree = &mut Spool::holding(Vec::new());
    loose.write(empty_tree, gix::objs::Kind::Tree, tree)?;
    let commit = &mut Spool::holding(encode(&commit)?);
    let id = loose.id(gix::objs::Kind::Commit, commit)?;
    loose.write(id, gix::objs::Kind::Commit, commit)?;
    loose.sync()?;
    let ref_file = root.join(branch.full_ref());
    let ref_dir = ref_file.parent().expect("BUG: a ref has a directory");
    fs::create_dir_all(ref_dir).map_err(Error::io("create", ref_dir))?;
    write_file(&tmp, &ref_file, format!("{id}\n").as_bytes())?;
    sync_dirs_up_to(ref_dir, root)?;
    write_file(
        &tmp,
        &root.join("HEAD"),
        format!("ref: {}\n", branch.full_ref()).as_bytes(),
    )?;
    sync_dir(root)?;
    tracing::info!(?root, ?format, %branch, "created a store");
    remove_if_there(&own_dir.join(CREATING))
}

/// Writes the files of a store apart from objects, refs and `HEAD` into the directory `dest`: its subdirectories, the hooks, and the
/// configuration, which replaces an existing one. The caller fsyncs `dest`.
pub(crate) fn write_store_files(dest: &Path, tmp: &Path, format: ObjectFormat) -> Result<()> {
    for name in REPOSITORY_DIRS.iter().chain(&["hooks"]) {
        create_dir(&dest.join(name))?;
    }
    hooks::create(&dest.join("hooks"), tmp)?;
    write_file(tmp, &dest.join("config"), config(format).as_bytes())?;
    write_file(
        tmp,
        &dest.join("description"),
        b"A wasmstore: WebAssembly modules, by path and version\n",
    )
}

fn hash_kind(format: ObjectFormat) -> gix::hash::Kind {
    match format {
        ObjectFormat::Sha1 => gix::hash::Kind::Sha1,
        ObjectFormat::Sha256 => gix::hash::Kind::Sha256,
    }
}

fn config(format: ObjectFormat) -> String {
    match format {
        ObjectFormat::Sha1 => format!("[core]\n\trepositoryformatversion = 0\n{CONFIG}"),
        ObjectFormat::Sha256 => {
            format!(
                "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n{CONFIG}"
            )
        }
    }
}
