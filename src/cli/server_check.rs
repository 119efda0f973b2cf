//! `server --check`: everything that a start needs, looked at without a start.

use std::net::ToSocketAddrs;
use std::path::Path;

use serde_json::json;

use super::commands::ServerArgs;
use super::exit::{Error, Result};
use super::output::{Output, printable};
use super::server_settings::{Pipes, address, keys, tls};
use super::settings::Settings;
use super::write_access::check_write_access;
use crate::config::Options;
use crate::remote::{self, GitHttpBackend};
use crate::store::{Revision, Store};

/// The branch of a store that is created.
const FIRST_BRANCH: &str = "main";

/// Checks in the order in which a start would fail, and prints what is set. It makes nothing, listens on nothing, and asks nobody
/// but who tells addresses.
pub(super) fn run(server: &ServerArgs, settings: &Settings, out: &mut Output) -> Result<()> {
    keys(server, Pipes::Refuse)?;
    tls(server)?;
    let options = server.limits.options();
    let blame = |key, error| server.layers.blame(key, error);
    let root = settings.root().map_err(|error| blame("root", error))?;
    let store = Store::open(&root, options).map_err(|error| blame("root", error.into()))?;
    let is_replica = server.replica.primary()?.is_some();
    check_write_access(&store, is_replica).map_err(|error| blame("root", error))?;
    let has_git = has_git(&root, options);
    replica(server, &store, has_git)?;
    let schedule = server.schedule.schedule(None, is_replica);
    schedule.map_err(|error| blame("gc-squash", error))?;
    branch(server, settings, &store)?;
    if !has_git && !server.mirror.is_empty() {
        return Err(blame("mirror", remote::Error::NoGit.into()));
    }
    resolve(address(server)).map_err(|error| blame("host", error))?;
    print(server, out)
}

fn has_git(root: &Path, options: Options) -> bool {
    let program = std::env::current_exe().unwrap_or_else(|_| "wasmstore".into());
    GitHttpBackend::find(root, program, options).is_some()
}

/// Looks whether the store may follow whom it is to follow, or nobody.
fn replica(server: &ServerArgs, store: &Store, has_git: bool) -> Result<()> {
    let Some((primary, _)) = server.replica.primary()? else {
        return Ok(store.ensure_writable()?);
    };
    let blame = |error| server.layers.blame("replica-of", error);
    if !has_git {
        return Err(blame(remote::Error::NoGit.into()));
    }
    let may = store.check_can_become_replica(&primary.url);
    may.map_err(|error| blame(error.into()))
}

/// Looks whether the branch that is to stand for the default one is there, as far as branches are: a replica gets them from its
/// primary, and a store that is created has its first one.
pub(super) fn branch(server: &ServerArgs, settings: &Settings, store: &Store) -> Result<()> {
    let Some(branch) = settings.branch()? else {
        return Ok(());
    };
    let primary = server.replica.primary()?;
    let is_filled = primary.is_none_or(|(primary, _)| store.was_in_sync_with(&primary.url));
    let is_first = store.object_format().is_none() && branch.as_str() == FIRST_BRANCH;
    if is_filled && !is_first {
        let there = store.snapshot(&Revision::Branch(Some(branch)));
        there.map_err(|error| server.layers.blame("branch", error.into()))?;
    }
    Ok(())
}

fn resolve((host, port): (&str, u16)) -> Result<()> {
    let bare = host.strip_prefix('[');
    let bare = bare.and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let found = (bare, port).to_socket_addrs();
    found.map(drop).map_err(|source| Error::Bind {
        address: format!("{host}:{port}"),
        source,
    })
}

fn print(server: &ServerArgs, out: &mut Output) -> Result<()> {
    let layers = &server.layers;
    if out.is_json() {
        let set = layers.set.iter().map(
            |set| json!({ "key": set.key, "value": set.value, "from": set.origin.to_string() }),
        );
        let file = layers.file.as_ref().map(|file| file.to_string_lossy());
        return out.json(&json!({ "config": file, "settings": set.collect::<Vec<_>>() }));
    }
    for set in &layers.set {
        let origin = set.origin.to_string();
        let (value, origin) = (toml(&set.value), printable(&origin));
        out.line(format_args!("{} = {value}  # {origin}", set.key))?;
    }
    Ok(())
}

/// Text, numbers, lists and truth are written in TOML as in JSON, but for control characters that JSON leaves as they are.
fn toml(value: &serde_json::Value) -> String {
    let json = value.to_string();
    let mut toml = String::with_capacity(json.len());
    for c in json.chars() {
        match c.is_control() {
            true => toml.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => toml.push(c),
        }
    }
    toml
}
