//! The marks of a replica: the URL of its primary, and a record that the replica was once equal to the primary.

use std::fs;

use gix::refs::Target;

use crate::names::redact;
use crate::repo::error::{Error, Result};
use crate::repo::fs::{create_dir, sync_dir, write_file};
use crate::repo::ids::commit_id;
use crate::repo::lifecycle::config::{config_file, configure};
use crate::repo::objects::commit;
use crate::repo::objects::db::ObjectDb;
use crate::repo::parts::Parts;

/// The configuration key with the URL of the primary.
const PRIMARY_KEY: &str = "wasmstore.replicaOf";

/// The file in `ROOT/wasmstore` that contains the URL of the store to which this store was once equal.
const EQUAL_FILE: &str = "replica";

/// Returns the primary's URL, without secrets, as configured when the store was opened; `None` if the store is not a replica.
pub(crate) fn primary(objects: &ObjectDb) -> Option<String> {
    let url = objects
        .handle()?
        .config_snapshot()
        .string(PRIMARY_KEY)?
        .to_string();
    (!url.is_empty()).then(|| redact(&url).into_owned())
}

/// Marks the store as a replica of the store at `url`, unless it has a history of its own; returns whether it is a replica now.
///
/// # Errors
/// The repository cannot be read or written.
pub(crate) fn mark(parts: &Parts, url: &str) -> Result<bool> {
    let _refs = parts.locks.refs()?;
    let is_allowed = may_be_replica(parts)?;
    if is_allowed {
        configure(parts.root(), &[(PRIMARY_KEY, url)])?;
    }
    Ok(is_allowed)
}

/// Returns whether the store is a replica or has no history of its own.
///
/// # Errors
/// The repository cannot be read.
pub(crate) fn may_be_replica(parts: &Parts) -> Result<bool> {
    if parts.objects.is_absent() {
        return Ok(true);
    }
    Ok(is_marked(parts)? || is_as_created(parts)?)
}

/// Returns whether the configuration marks the store as a replica now. Reads the file again: whoever promotes the replica changes it with
/// git, while servers run.
///
/// # Errors
/// The configuration cannot be read.
pub(crate) fn is_marked(parts: &Parts) -> Result<bool> {
    let config = config_file(parts.root())?;
    let urls = config.raw_values(PRIMARY_KEY).unwrap_or_default();
    Ok(urls.last().is_some_and(|url| !url.is_empty()))
}

/// Returns an error if the configuration does not mark the store as a replica any more. A caller that holds `refs.lock` may then overwrite
/// the refs: a process that writes to the promoted store has read the configuration later, and takes `refs.lock` for each write.
///
/// # Errors
/// `NotReplica`; the configuration cannot be read.
pub(crate) fn ensure_marked(parts: &Parts) -> Result<()> {
    if is_marked(parts)? {
        Ok(())
    } else {
        Err(Error::NotReplica)
    }
}

/// Returns whether the store is as it was created: at most one branch, whose only commit has the empty tree.
pub(crate) fn is_as_created(parts: &Parts) -> Result<bool> {
    let refs = parts.refs.all_refs("refs/")?;
    let tip = match refs.as_slice() {
        [] => return Ok(true),
        [(name, Target::Object(tip))] if name.starts_with(b"refs/heads/") => tip,
        _ => return Ok(false),
    };
    let commit = commit::read(&parts.objects.handle_for(tip)?, commit_id(tip))?;
    Ok(commit.parents.is_empty() && commit.tree.0.is_empty_tree())
}

/// Returns whether [`note_equal`] recorded that this store was once equal to the store at `url`.
pub(crate) fn was_equal(parts: &Parts, url: &str) -> bool {
    let noted = fs::read_to_string(parts.own_dir().join(EQUAL_FILE));
    noted.is_ok_and(|noted| noted.trim_end() == url)
}

/// Records durably that this store was equal to the store at `url`. Everything that was fetched from that store must be durable already.
///
/// # Errors
/// The file `replica` cannot be written.
pub(crate) fn note_equal(parts: &Parts, url: &str) -> Result<()> {
    let own_dir = parts.own_dir();
    create_dir(&own_dir)?;
    write_file(
        &parts.objects.tmp_dir(),
        &own_dir.join(EQUAL_FILE),
        format!("{url}\n").as_bytes(),
    )?;
    sync_dir(&own_dir)
}
