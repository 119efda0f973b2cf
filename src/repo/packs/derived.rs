//! Files that git derives from packs and commits. They must be deleted before the packs and commits that they list. Other git processes may
//! write these files at any time; wasmstore itself writes only a commit-graph, in `gc`.
//!
//! | file below `objects/` | lists |
//! |---|---|
//! | `pack/multi-pack-index`, `pack/multi-pack-index-<checksum>.bitmap`, `.rev` | packs (gitformat-pack(5)) |
//! | `pack/multi-pack-index.d/` | packs: a chain of incremental multi-pack-indices |
//! | `info/commit-graph`, `info/commit-graphs/` | commits (gitformat-commit-graph(5)) |
//!
//! git assumes that every pack and commit in these files exists. A pack's own bitmap is removed with the pack.

use std::fs;
use std::io;
use std::path::Path;

use crate::repo::error::{Error, Result};
use crate::repo::fs::{names_in, remove_if_there, sync_dir};

/// The beginning of the names of all files and directories that belong to a multi-pack-index.
const MULTI_PACK_INDEX: &str = "multi-pack-index";
/// The end of the name of a lock file. Such a file belongs to a running git process.
const LOCK: &str = ".lock";

/// The kind of files that a caller is about to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deletion {
    /// Packs whose objects are all in other packs, too.
    Packs,
    /// Packs, and objects that no ref reaches.
    Objects,
}

/// Removes, durably, every derived file that may list something that the caller is about to delete.
pub(crate) fn remove_derived(root: &Path, deletion: Deletion) -> Result<()> {
    remove_multi_pack_index(root)?;
    match deletion {
        Deletion::Packs => Ok(()),
        Deletion::Objects => remove_commit_graph(root),
    }
}

fn remove_multi_pack_index(root: &Path) -> Result<()> {
    let dir = root.join("objects/pack");
    let names = names_in(&dir).map_err(Error::io("read", &dir))?;
    let mut is_removed = false;
    for name in names {
        let text = name.to_string_lossy();
        if !text.starts_with(MULTI_PACK_INDEX) || text.ends_with(LOCK) {
            continue;
        }
        let path = dir.join(&name);
        if path.is_dir() {
            remove_chain(&path, "multi-pack-index-chain")?;
        } else {
            remove_if_there(&path)?;
        }
        is_removed = true;
    }
    if is_removed { sync_dir(&dir) } else { Ok(()) }
}

/// Durably removes the commit-graph file and the chain of split commit-graphs, which another git process may have written.
pub(crate) fn remove_commit_graph(root: &Path) -> Result<()> {
    let info = root.join("objects/info");
    remove_if_there(&info.join("commit-graph"))?;
    remove_chain(&info.join("commit-graphs"), "commit-graph-chain")?;
    if info.exists() {
        sync_dir(&info)
    } else {
        Ok(())
    }
}

/// Removes a directory of files that build on each other. The file `list`, which names them, is removed first, durably: git reports an
/// error if a listed file is missing.
fn remove_chain(dir: &Path, list: &str) -> Result<()> {
    if !dir.exists() {
        return Ok(());
    }
    remove_if_there(&dir.join(list))?;
    sync_dir(dir)?;
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(Error::io("remove", dir)),
    }
}
