//! Creating a store: a bare repository with one empty root commit (gitrepository-layout(5)).
//!
//! It is made in place, under `refs.lock`, with the file `wasmstore/creating` as its mark, and `HEAD` comes last. A creation that
//! was cut short is known by the mark, and done again by the next one.

use std::fs;
use std::io;
use std::path::Path;

use crate::names::{Author, BranchName};
use crate::repo::error::{Error, Result};
use crate::repo::fs::remove_if_there;
use crate::repo::fs::{create_dir, sync_dir, sync_dirs_up_to, write_file};
use crate::repo::lifecycle::hooks;
use crate::repo::lifecycle::open::{CREATING, clear, is_absent};
use crate::repo::locks::Locks;
use crate::repo::objects::commit::{NewCommit, encode};
use crate::repo::objects::loose::LooseObjects;
use crate::repo::objects::spool::Spool;

/// The hash function of a repository's ids (gitformat-hash-function-transition).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ObjectFormat {
    /// What every git host takes; collisions are detected.
    #[default]
    Sha1,
    /// 64-digit ids.
    Sha256,
}

impl ObjectFormat {
    /// Its name, as git spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }
}

/// The folders without which git sees no repository.
pub(crate) const FOLDERS: [&str; 6] = [
    "objects",
    "objects/info",
    "objects/pack",
    "refs",
    "refs/heads",
    "refs/tags",
];

/// What a new store's `config` says beyond the format; DESIGN: nothing packs, prunes or rewrites behind our back.
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

/// Creates a store at `root` unless there is one, with `branch` as the default branch. Many processes may do so at the same time.
///
/// # Errors
/// The directory or its parents cannot be written; it contains other files.
pub(crate) fn create_if_absent(
    root: &Path,
    format: ObjectFormat,
    branch: &BranchName,
) -> Result<()> {
    if !is_absent(root)? {
        // A creator that was killed at its very end left its mark, which has no meaning next to a `HEAD`.
        let _ = fs::remove_file(root.join("wasmstore").join(CREATING));
        return Ok(());
    }
    create_folders(root)?;
    let own = root.join("wasmstore");
    create_dir(&own)?;
    let _refs_lock = Locks::new(own).refs()?;
    if is_absent(root)? {
        create(root, format, branch)?;
    }
    Ok(())
}

/// Creates the folder at `root` and those above it, and makes their names durable. A folder above that may not be opened is
/// passed over: who made it saw to it.
pub(crate) fn create_folders(root: &Path) -> Result<()> {
    let root = &std::path::absolute(root).map_err(Error::io("find", root))?;
    fs::create_dir_all(root).map_err(Error::io("create", root))?;
    for folder in root.ancestors() {
        match sync_dir(folder) {
            Err(error) if error.io_kind() == Some(io::ErrorKind::PermissionDenied) => {}
            other => other?,
        }
    }
    Ok(())
}

fn create(root: &Path, format: ObjectFormat, branch: &BranchName) -> Result<()> {
    let own = root.join("wasmstore");
    let mark = own.join(CREATING);
    if mark.exists() {
        clear(root)?;
    }
    fs::write(&mark, "").map_err(Error::io("write", &mark))?;
    sync_dir(&own)?;
    let tmp = root.join("wasmstore/tmp");
    create_dir(&tmp)?;
    furnish(root, &tmp, format)?;

    let kind = kind(format);
    let empty_tree = gix::ObjectId::empty_tree(kind);
    let author = Author::default();
    let commit = NewCommit {
        tree: empty_tree,
        parents: Vec::new(),
        author: &author,
        message: "Create the store".to_owned(),
    };
    let mut loose = LooseObjects::new(root, kind);
    let tree = &mut Spool::holding(Vec::new());
    loose.write(empty_tree, gix::objs::Kind::Tree, tree)?;
    let commit = &mut Spool::holding(encode(&commit)?);
    let id = loose.id(gix::objs::Kind::Commit, commit)?;
    loose.write(id, gix::objs::Kind::Commit, commit)?;
    loose.sync()?;
    let name = root.join(branch.full_ref());
    let folder = name.parent().expect("BUG: a ref has a folder");
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    write_file(&tmp, &name, format!("{id}\n").as_bytes())?;
    sync_dirs_up_to(folder, root)?;
    write_file(
        &tmp,
        &root.join("HEAD"),
        format!("ref: {}\n", branch.full_ref()).as_bytes(),
    )?;
    sync_dir(root)?;
    tracing::info!(?root, ?format, %branch, "created a store");
    remove_if_there(&mark)
}

/// Gives the repository at `folder` what a store has besides objects, refs and `HEAD`: its folders, the hooks, and its
/// configuration in the place of any other. The names in `folder` are the caller's to flush.
pub(crate) fn furnish(folder: &Path, tmp: &Path, format: ObjectFormat) -> Result<()> {
    for name in FOLDERS.iter().chain(&["hooks"]) {
        create_dir(&folder.join(name))?;
    }
    hooks::create(&folder.join("hooks"), tmp)?;
    write_file(tmp, &folder.join("config"), config(format).as_bytes())?;
    write_file(
        tmp,
        &folder.join("description"),
        b"A wasmstore: WebAssembly modules, by path and version\n",
    )
}

fn kind(format: ObjectFormat) -> gix::hash::Kind {
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
