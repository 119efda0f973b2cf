//! `mirror`: manages mirrors, git repositories that are kept equal to the store.

use std::sync::Arc;

use serde_json::json;

use super::mirror_status;
use crate::cli::config::Seconds;
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::config::MirrorLimits;
use crate::names::{MirrorName, RemoteUrl};
use crate::remote::{self, Mirrors, UnrelatedRepository};
use crate::store::chain;

/// Keep other git repositories equal to the store
///
/// A mirror is a git remote of the store with `mirror` set. A server pushes every change of a branch or tag to every mirror, including
/// squashed, moved and deleted ones. It retries without limit, uses the credential helpers, ssh keys and proxies of its user, and never
/// prompts. Refs that are neither branches nor tags are not touched. `clone` creates a store from a mirror. The help of each subcommand
/// describes its output and its JSON.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct MirrorArgs {
    #[command(subcommand)]
    command: MirrorCommand,
}

#[derive(Debug, clap::Subcommand)]
enum MirrorCommand {
    Add(MirrorAddArgs),
    List(MirrorListArgs),
    Status(MirrorStatusArgs),
    Push(MirrorPushArgs),
    Remove(MirrorRemoveArgs),
}

/// Add a mirror
///
/// The repository must exist. It is refused if it contains branches, tags or commits that this store does not have, because a push would
/// delete them. If the repository cannot be reached now, it is added, and checked before the first push. Prints nothing.
/// JSON: {"name":"…","url":"…","reachable":true|false}, with the URL without its password
#[derive(Debug, clap::Args)]
struct MirrorAddArgs {
    /// Give the mirror this name
    #[arg(value_parser = MirrorName::parse)]
    name: MirrorName,
    /// Push to this repository: an https, http, ssh, git or file URL, user@host:path, or an absolute path
    #[arg(value_parser = RemoteUrl::parse)]
    url: RemoteUrl,
    /// Add the repository even if a push will delete branches, tags or commits there
    #[arg(long)]
    force: bool,
}

/// List mirrors
///
/// Prints lines of name tab URL, without passwords. JSON: [{"name":"…","url":"…"}]
#[derive(Debug, clap::Args)]
struct MirrorListArgs {}

/// Print how far behind each mirror is
///
/// Compares the store with the recorded state of each mirror, without contacting it. Prints its name, `in sync`, `behind N s` or
/// `unknown`, the time of the last successful push, and the last error if no push has succeeded since. A mirror is behind by the age of
/// the oldest change that it does not have.
/// JSON: [{"name":"…","url":"…","state":"in_sync"|"behind"|"unknown","lag_s":N,"last_success":<unix s>|null,"failures":N,
/// "last_error":{"time":<unix s>,"text":"…"}|null}]
#[derive(Debug, clap::Args)]
struct MirrorStatusArgs {}

/// Push to one mirror or to all mirrors now
///
/// Prints nothing. The exit code is 5 if a push failed, and 1 if the store has no mirror. JSON: [{"name":"…"}]
#[derive(Debug, clap::Args)]
struct MirrorPushArgs {
    /// Push to this mirror only
    #[arg(value_parser = MirrorName::parse)]
    name: Option<MirrorName>,
    /// Stop each push after this time
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(MirrorLimits::default().push_timeout))]
    timeout: Seconds,
}

/// Remove a mirror from the store
///
/// The mirrored repository is not changed. Prints nothing. JSON: {"name":"…"}
#[derive(Debug, clap::Args)]
struct MirrorRemoveArgs {
    /// Remove this mirror
    #[arg(value_parser = MirrorName::parse)]
    name: MirrorName,
}

impl MirrorArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        match self.command {
            MirrorCommand::Add(add) => add.run(settings, out),
            MirrorCommand::List(_) => list(settings, out),
            MirrorCommand::Status(_) => {
                let mirrors = open_if_any(settings)?;
                let missing = || settings.root().map(Error::NoStore);
                let mirrors = mirrors.map_or_else(|| Err(missing()?), Ok)?;
                mirror_status::print(settings, &mirrors, out)
            }
            MirrorCommand::Push(push) => push.run(settings, out),
            MirrorCommand::Remove(remove) => {
                open_existing(settings, MirrorLimits::default())?.remove(&remove.name)?;
                out.json_only(&json!({ "name": remove.name.as_str() }))
            }
        }
    }
}

/// Opens the mirrors of an existing store.
fn open_existing(settings: &Settings, limits: MirrorLimits) -> Result<Mirrors> {
    let store = Arc::new(settings.open_existing_local()?);
    Ok(Mirrors::new(store, limits)?)
}

impl MirrorAddArgs {
    fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let store = Arc::new(settings.open_or_create_local()?);
        let mirrors = Mirrors::new(store, MirrorLimits::default())?;
        let unrelated = if self.force {
            UnrelatedRepository::Overwrite
        } else {
            UnrelatedRepository::Refuse
        };
        let spinner = settings.progress().spinner("check");
        let added = mirrors.add(&self.name, &self.url, unrelated, &mut || spinner.tick());
        spinner.finish_and_clear();
        let unreachable = added?;
        if let Some(error) = &unreachable {
            let (name, error) = (&self.name, chain(error));
            tracing::warn!("added mirror {name}, which cannot be reached now: {error}");
        }
        out.json_only(&json!({
            "name": self.name.as_str(),
            "url": self.url.to_string(),
            "reachable": unreachable.is_none(),
        }))
    }
}

/// Opens the mirrors of a store; `None` if there is no store.
fn open_if_any(settings: &Settings) -> Result<Option<Mirrors>> {
    let store = settings.open_local()?;
    if store.object_format().is_none() {
        return Ok(None);
    }
    let mirrors = Mirrors::new(Arc::new(store), MirrorLimits::default())?;
    Ok(Some(mirrors))
}

fn list(settings: &Settings, out: &mut Output) -> Result<()> {
    let mirrors = open_if_any(settings)?;
    let mirrors = mirrors.map_or_else(|| Ok(Vec::new()), |mirrors| mirrors.list())?;
    if out.is_json() {
        let list = mirrors
            .iter()
            .map(|mirror| json!({ "name": mirror.name.as_str(), "url": mirror.url.to_string() }));
        return out.json(&list.collect::<Vec<_>>());
    }
    for mirror in mirrors {
        out.line(format_args!("{}\t{}", mirror.name, mirror.url))?;
    }
    Ok(())
}

impl MirrorPushArgs {
    fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let limits = MirrorLimits {
            push_timeout: self.timeout.0,
            ..MirrorLimits::default()
        };
        let mirrors = open_existing(settings, limits)?;
        let names = match self.name {
            Some(name) => vec![name],
            None => mirrors
                .list()?
                .into_iter()
                .map(|mirror| mirror.name)
                .collect(),
        };
        if names.is_empty() {
            return Err(Error::NoMirror);
        }
        let spinner = settings.progress().spinner("push");
        let mut failed = Vec::new();
        for name in &names {
            spinner.set_message(format!("push {name}"));
            if let Err(error) = mirrors.push_to_mirror(name, &mut || spinner.tick()) {
                failed.push((name, error));
            }
        }
        spinner.finish_and_clear();
        if !failed.is_empty() {
            return Err(push_error(failed, names.len()));
        }
        let pushed = names.iter().map(|name| json!({ "name": name.as_str() }));
        out.json_only(&pushed.collect::<Vec<_>>())
    }
}

/// Returns the error for the failed pushes. There is at least one in `failed`; `all` is the number of all pushes.
fn push_error(mut failed: Vec<(&MirrorName, remote::Error)>, all: usize) -> Error {
    if all == 1
        && let Some((_, error)) = failed.pop()
    {
        return error.into();
    }
    let reasons: Vec<_> = failed
        .iter()
        .map(|(name, error)| format!("{name}: {}", chain(error)))
        .collect();
    Error::Remote(remote::Error::MirrorPushes {
        failed: reasons.len(),
        all,
        reasons: reasons.join("; "),
    })
}
