//! `server --check`: checks everything that the start of a server needs, without starting it.

use std::net::ToSocketAddrs;
use std::path::Path;

use serde_json::json;

use super::config::ServerArgs;
use super::exit::{Error, Result};
use super::output::Output;
use super::push_hooks::check_push_hooks;
use super::server_settings::{PipeHandling, load_tls, read_keys};
use super::settings::Settings;
use super::write_access::{check_directory, check_write_access};
use crate::config::Options;
use crate::http::ListenAddress;
use crate::names::{is_display_control, printable};
use crate::remote::{self, GitHttpBackend};
use crate::store::{Revision, Store};

/// The name of the first branch of a new store.
const FIRST_BRANCH: &str = "main";

/// Runs the checks in the order in which the start of a server makes them, and prints the settings. Creates nothing, listens on no port,
/// and sends no requests except to resolve host names.
pub(super) fn run(server: &ServerArgs, settings: &Settings, out: &mut Output) -> Result<()> {
    read_keys(server, PipeHandling::Refuse)?;
    load_tls(server)?;
    let attribute = |key, error| server.sources.attribute(key, error);
    let root = settings.root().map_err(|error| attribute("root", error))?;
    let configured = Options::of_store(&root).map_err(|error| attribute("root", error.into()))?;
    let options = server.limits.options(configured);
    let store = Store::open(&root, options).map_err(|error| attribute("root", error.into()))?;
    let is_replica = server.replica.primary()?.is_some();
    check_write_access(&store, is_replica).map_err(|error| attribute("root", error))?;
    check_push_hooks(&store);
    let has_git = has_git(&root, options);
    check_replica(server, &store, has_git)?;
    let schedule = server.schedule.schedule(None, is_replica);
    schedule.map_err(|error| attribute("gc-squash", error))?;
    check_branch(server, settings, &store)?;
    if !has_git && !server.mirror.is_empty() {
        return Err(attribute("mirror", remote::Error::NoGit.into()));
    }
    let key = if server.listen.is_empty() {
        "host"
    } else {
        "listen"
    };
    for address in server.addresses() {
        check_address(&address).map_err(|error| attribute(key, error))?;
    }
    print(server, out)
}

fn has_git(root: &Path, options: Options) -> bool {
    let program = std::env::current_exe().unwrap_or_else(|_| "wasmstore".into());
    GitHttpBackend::find(root, program, options).is_some()
}

/// Checks that the store may be served: as a replica if a primary is configured, otherwise as a store that accepts writes. A replica needs
/// git.
fn check_replica(server: &ServerArgs, store: &Store, has_git: bool) -> Result<()> {
    let Some((primary, _)) = server.replica.primary()? else {
        return Ok(store.ensure_writable()?);
    };
    let attribute = |error| server.sources.attribute("replica-of", error);
    if !has_git {
        return Err(attribute(remote::Error::NoGit.into()));
    }
    let allowed = store.check_can_become_replica(&primary.url);
    allowed.map_err(|error| attribute(error.into()))
}

/// Checks that the configured default branch exists. There are two exceptions. A replica fetches the branch from its primary. A server
/// that creates its store also creates the branch, if the branch is the one that a new store begins with.
pub(super) fn check_branch(server: &ServerArgs, settings: &Settings, store: &Store) -> Result<()> {
    let Some(branch) = settings.branch()? else {
        return Ok(());
    };
    let primary = server.replica.primary()?;
    let has_branches = primary.is_none_or(|(primary, _)| store.was_in_sync_with(&primary.url));
    let is_first = store.object_format().is_none() && branch.as_str() == FIRST_BRANCH;
    if has_branches && !is_first {
        let tip = store.snapshot(&Revision::Branch(Some(branch)));
        tip.map_err(|error| server.sources.attribute("branch", error.into()))?;
    }
    Ok(())
}

/// Checks an address to listen on, without binding it: resolves the host name, or checks that the directory of a Unix socket is writable.
fn check_address(address: &ListenAddress) -> Result<()> {
    let checked = match address {
        ListenAddress::Tcp { host, port } => {
            let inner = host
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'));
            let addresses = (inner.unwrap_or(host), *port).to_socket_addrs();
            addresses.map(drop)
        }
        ListenAddress::Unix(path) => {
            let directory = path.parent().filter(|parent| *parent != Path::new(""));
            check_directory(directory.unwrap_or(Path::new(".")))
        }
    };
    checked.map_err(|source| Error::Bind {
        address: address.to_string(),
        source,
    })
}

fn print(server: &ServerArgs, out: &mut Output) -> Result<()> {
    let sources = &server.sources;
    if out.is_json() {
        let settings = sources.settings.iter().map(|setting| {
            json!({
                "key": setting.key,
                "value": setting.value,
                "from": setting.source.to_string(),
            })
        });
        let file = sources.file.as_ref().map(|file| file.to_string_lossy());
        return out.json(&json!({ "config": file, "settings": settings.collect::<Vec<_>>() }));
    }
    for setting in &sources.settings {
        let source = setting.source.to_string();
        let (value, source) = (to_toml(&setting.value), printable(&source));
        out.line(format_args!("{} = {value}  # {source}", setting.key))?;
    }
    Ok(())
}

/// Returns a value as TOML. Strings, numbers, lists and booleans are written as in JSON, except that all control characters are escaped.
/// JSON leaves some of them as they are, but TOML forbids these, and a terminal would interpret them.
fn to_toml(value: &serde_json::Value) -> String {
    let json = value.to_string();
    let mut toml = String::with_capacity(json.len());
    for c in json.chars() {
        if is_display_control(c) {
            toml.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            toml.push(c);
        }
    }
    toml
}
