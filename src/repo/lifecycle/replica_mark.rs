//! The marks of a replica: the URL of its primary, and a record that the replica was once equal to the primary.

use std::fs;
use std::path::Path;

use gix::config::{File, Source};
use gix::refs::Target;

use crate::names::redact;
use crate::repo::error::{Error, Result, chain};
use crate::repo::fs::{create_dir, sync_dir, write_file};
use crate::repo::ids::commit_id;
use crate::repo::lifecycle::config::{config_with_includes, configure};
use crate::repo::objects::commit;
use crate::repo::objects::db::ObjectDb;
use crate::repo::parts::Parts;
use crate::repo::refs::lock::CONFIG;

/// The configuration key with the URL of the primary.
const PRIMARY_KEY: &str = "wasmstore.replicaOf";

/// The file in `ROOT/wasmstore` that contains the URL of the store to which this store was once equal.
const EQUAL_FILE: &str = "replica";

/// The keys that the configuration of every repository has: `git init` and `git clone` write them, too.
const COMMON_KEYS: [&str; 2] = ["core.repositoryFormatVersion", "core.bare"];

/// The sections of the configuration that promoting a replica does not touch. If the mark of the replica is gone and keys of these sections
/// are gone too, the configuration file is incomplete, and the store may still be a replica.
const LASTING_SECTIONS: [&str; 6] = [
    "core",
    "extensions",
    "gc",
    "maintenance",
    "receive",
    "uploadpack",
];

/// Returns the primary's URL, without secrets; `None` if the store is not a replica.
///
/// # Errors
/// The configuration cannot be read. `Busy` if it is the incomplete configuration of a store that was a replica.
pub(crate) fn primary(objects: &ObjectDb) -> Result<Option<String>> {
    if objects.is_absent() {
        return Ok(None);
    }
    let config = config_with_includes(objects.root())?;
    let url = marked_url(&config);
    if url.is_none() && objects.own_dir().join(EQUAL_FILE).exists() {
        check_complete(&config, objects.root(), &COMMON_KEYS.map(str::to_owned))?;
    }
    Ok(url.map(|url| redact(&url).into_owned()))
}

/// Returns the URL with which the configuration marks the store as a replica. As in git, the last value counts.
fn marked_url(config: &File) -> Option<String> {
    let urls = config.raw_values(PRIMARY_KEY).unwrap_or_default();
    let url = urls.last().map(|url| url.to_string());
    url.filter(|url| !url.is_empty())
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

/// Returns whether the configuration marks the store as a replica now. Reads the file again, because an operator promotes a replica with
/// `git config` while its server runs.
///
/// # Errors
/// `Busy` if the configuration cannot be read, or has no mark and is not complete. An editor or `cp` truncates the file before it writes
/// it, and such a moment must not promote the replica.
pub(crate) fn is_marked(parts: &Parts) -> Result<bool> {
    let config = config_with_includes(parts.root());
    let config = config.map_err(|error| Error::Busy(chain(&error)))?;
    if marked_url(&config).is_some() {
        return Ok(true);
    }
    check_complete(&config, parts.root(), &lasting_keys(&parts.objects))?;
    Ok(false)
}

/// Returns an error if the configuration lacks one of these keys.
fn check_complete(config: &File, root: &Path, keys: &[String]) -> Result<()> {
    let is_missing = |key: &&String| config.raw_value(key.as_str()).is_err();
    match keys.iter().find(is_missing) {
        None => Ok(()),
        Some(key) => Err(Error::Busy(format!(
            "{:?} has no {key}, so another program may be writing it",
            root.join(CONFIG)
        ))),
    }
}

/// Returns the keys that a complete configuration has: the keys that every repository has, and the keys that this repository had when it
/// was opened.
fn lasting_keys(objects: &ObjectDb) -> Vec<String> {
    let mut keys: Vec<_> = COMMON_KEYS.map(str::to_owned).into();
    let Some(repo) = objects.handle() else {
        return keys;
    };
    let config = repo.config_snapshot();
    let sections = config.plumbing().sections();
    for section in sections.filter(|section| section.meta().source == Source::Local) {
        let name = section.header().name().to_string().to_ascii_lowercase();
        if LASTING_SECTIONS.contains(&name.as_str()) {
            keys.extend(section.value_names().map(|key| format!("{name}.{key}")));
        }
    }
    keys
}

/// Returns an error if the configuration does not mark the store as a replica any more. A caller that holds `refs.lock` may overwrite the
/// refs after this check: a process that writes to a promoted store reads the configuration after the promotion, and takes `refs.lock` for
/// each write.
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
