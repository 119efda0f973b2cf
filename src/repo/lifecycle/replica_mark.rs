//! What says that a store is a replica: whom it follows, and that it has had all that they have.

use std::fs;

use gix::refs::Target;

use crate::names::redact;
use crate::repo::error::Result;
use crate::repo::fs::{create_dir, sync_dir, write_file};
use crate::repo::ids::commit_id;
use crate::repo::lifecycle::config::{config_file, configure};
use crate::repo::objects::db::ObjectDb;
use crate::repo::parts::Parts;

/// The key in the configuration with the URL of the store that this one follows.
const KEY: &str = "wasmstore.replicaOf";

/// The file in `ROOT/wasmstore` with the URL of the store that this one was equal to once.
const EQUAL: &str = "replica";

/// The URL of the store that this one follows, without secrets, as of when it was opened; `None` if it is a store of its own.
pub(crate) fn primary(objects: &ObjectDb) -> Option<String> {
    let url = objects.handle()?.config_snapshot().string(KEY)?.to_string();
    let url = Some(url).filter(|url| !url.is_empty())?;
    Some(redact(&url).into_owned())
}

/// Marks the store as a replica of the one at `url`, unless it has a history of its own; returns whether it is one now.
///
/// # Errors
/// The repository cannot be read or written.
pub(crate) fn mark(parts: &Parts, url: &str) -> Result<bool> {
    let _refs = parts.locks.refs()?;
    let may = may_be_replica(parts)?;
    if may {
        configure(parts.root(), &[(KEY, url)])?;
    }
    Ok(may)
}

/// Says whether the store is a replica or has no history of its own.
///
/// # Errors
/// The repository cannot be read.
pub(crate) fn may_be_replica(parts: &Parts) -> Result<bool> {
    if parts.objects.is_absent() {
        return Ok(true);
    }
    let marks = config_file(parts.root())?;
    let marks = marks.raw_values(KEY).unwrap_or_default();
    let is_marked = marks.last().is_some_and(|mark| !mark.is_empty());
    Ok(is_marked || is_as_created(parts)?)
}

/// Whether there is nothing but what a creation makes: a branch with one commit that has nothing in it.
fn is_as_created(parts: &Parts) -> Result<bool> {
    let refs = parts.refs.all_refs("refs/")?;
    let tip = match refs.as_slice() {
        [] => return Ok(true),
        [(name, Target::Object(tip))] if name.starts_with(b"refs/heads/") => tip,
        _ => return Ok(false),
    };
    let commit =
        crate::repo::objects::commit::read(&parts.objects.handle_for(tip)?, commit_id(tip))?;
    Ok(commit.parents.is_empty() && commit.tree.0.is_empty_tree())
}

/// Says whether this store was ever equal to the one at `url`, as far as that is remembered.
pub(crate) fn was_equal(parts: &Parts, url: &str) -> bool {
    let noted = fs::read_to_string(parts.own_dir().join(EQUAL));
    noted.is_ok_and(|noted| noted.trim_end() == url)
}

/// Remembers that this store was equal to the one at `url`, all of which is durable.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn note_equal(parts: &Parts, url: &str) -> Result<()> {
    let own = parts.own_dir();
    create_dir(&own)?;
    write_file(
        &parts.objects.tmp_dir(),
        &own.join(EQUAL),
        format!("{url}\n").as_bytes(),
    )?;
    sync_dir(&own)
}
