//! `mirror`: repositories elsewhere that are kept equal to the store.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::mirror_status as status;
use crate::cli::exit::{Error, Result};
use crate::cli::limit_args::seconds;
use crate::cli::output::Output;
use crate::cli::progress;
use crate::cli::settings::Settings;
use crate::config::MirrorLimits;
use crate::names::{MirrorName, RemoteUrl};
use crate::remote::{self, Mirrors, UnrelatedRepository};
use crate::store::chain;

/// Keep other git repositories equal to the store
///
/// A mirror is a git remote of the store with `mirror` set. A server pushes every change to every mirror: each branch and tag, also
/// where it was squashed, moved or deleted. It tries for ever, with the credential helpers, ssh keys and proxies of the user that it
/// runs as, and asks nothing. Refs that are neither branches nor tags are left alone. `clone` makes a store from a mirror.
/// The help of each command tells what it prints, and the shape of its JSON.
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
/// The repository has to exist. One that has anything else in it than this store is refused, as that would be deleted; one that
/// cannot be reached is added, and looked at before the first push. Prints nothing.
/// JSON: {"name":"…","url":"…","reachable":true|false}, the URL without its password
#[derive(Debug, clap::Args)]
struct MirrorAddArgs {
    /// Call it so
    #[arg(value_parser = MirrorName::parse)]
    name: MirrorName,
    /// Push there: https, http, ssh (user@host:path too), git, file, or an absolute path
    #[arg(value_parser = RemoteUrl::parse)]
    url: RemoteUrl,
    /// Make it equal to this store, whatever is there
    #[arg(long)]
    force: bool,
}

/// List mirrors
///
/// Prints NAME and URL, with a tab between them, and without passwords. JSON: [{"name":"…","url":"…"}]
#[derive(Debug, clap::Args)]
struct MirrorListArgs {}

/// Tell how far behind each mirror is
///
/// Compares what is known of it with the store; nobody is asked. Prints its name, `in sync`, `behind N s` or `unknown`, when a push
/// succeeded for the last time, and why the last one failed if none has succeeded since. What is behind is as old as the oldest
/// change that the mirror has not.
/// JSON: [{"name":"…","url":"…","state":"in_sync"|"behind"|"unknown","lag_s":N,"last_success":<unix s>|null,"failures":N,
/// "last_error":{"time":<unix s>,"text":"…"}|null}]
#[derive(Debug, clap::Args)]
struct MirrorStatusArgs {}

/// Push to one mirror, or to all, now
///
/// Prints nothing; exit code 5 if one could not be pushed to. JSON: [{"name":"…"}]
#[derive(Debug, clap::Args)]
struct MirrorPushArgs {
    /// The mirror
    #[arg(value_parser = MirrorName::parse)]
    name: Option<MirrorName>,
    /// Give up after so long [default: 3600]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
}

/// Remove a mirror from the store
///
/// The repository there stays as it is. Prints nothing. JSON: {"name":"…"}
#[derive(Debug, clap::Args)]
struct MirrorRemoveArgs {
    /// The mirror
    #[arg(value_parser = MirrorName::parse)]
    name: MirrorName,
}

impl MirrorArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        match self.command {
            MirrorCommand::Add(add) => add.run(settings, out),
            MirrorCommand::List(_) => list(settings, out),
            MirrorCommand::Status(_) => status::run(settings, out),
            MirrorCommand::Push(push) => push.run(settings, out),
            MirrorCommand::Remove(remove) => {
                existing(settings, None)?.remove(&remove.name)?;
                match out.is_json() {
                    true => out.json(&json!({ "name": remove.name.as_str() })),
                    false => Ok(()),
                }
            }
        }
    }
}

/// The mirrors of a store that is there.
fn existing(settings: &Settings, timeout: Option<Duration>) -> Result<Mirrors> {
    let store = Arc::new(settings.open_existing_local()?);
    Ok(Mirrors::new(store, MirrorLimits::within(timeout))?)
}

impl MirrorAddArgs {
    fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let store = Arc::new(settings.open_or_create_local()?);
        let mirrors = Mirrors::new(store, MirrorLimits::default())?;
        let unrelated = match self.force {
            true => UnrelatedRepository::Overwrite,
            false => UnrelatedRepository::Refuse,
        };
        let counter = progress::spinner(settings, "look");
        let added = mirrors.add(&self.name, &self.url, unrelated, &mut || counter.tick());
        counter.finish_and_clear();
        let unreachable = added?;
        if let Some(error) = &unreachable {
            let (name, error) = (&self.name, chain(error));
            tracing::warn!("mirror {name} is added, and cannot be reached now: {error}");
        }
        match out.is_json() {
            true => out.json(&json!({
                "name": self.name.as_str(),
                "url": self.url.to_string(),
                "reachable": unreachable.is_none(),
            })),
            false => Ok(()),
        }
    }
}

/// The mirrors of a store that may be missing, and has none then.
pub(super) fn mirrors(settings: &Settings) -> Result<Option<Mirrors>> {
    let store = settings.open_local()?;
    match store.object_format() {
        None => Ok(None),
        Some(_) => Ok(Some(Mirrors::new(
            Arc::new(store),
            MirrorLimits::default(),
        )?)),
    }
}

fn list(settings: &Settings, out: &mut Output) -> Result<()> {
    let mirrors = mirrors(settings)?.map_or_else(|| Ok(Vec::new()), |mirrors| mirrors.list())?;
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
        let mirrors = existing(settings, self.timeout)?;
        let names = match self.name {
            Some(name) => vec![name],
            None => mirrors
                .list()?
                .into_iter()
                .map(|mirror| mirror.name)
                .collect(),
        };
        let counter = progress::spinner(settings, "push");
        let mut failed = Vec::new();
        for name in &names {
            counter.set_message(format!("push {name}"));
            if let Err(error) = mirrors.push_to_mirror(name, &mut || counter.tick()) {
                failed.push((name, error));
            }
        }
        counter.finish_and_clear();
        match (failed.len(), names.len()) {
            (0, _) => {}
            (1, 1) => return Err(failed.remove(0).1.into()),
            (failures, all) => {
                let reason = |(name, error): &(&MirrorName, remote::Error)| {
                    format!("{name}: {}", chain(error))
                };
                let reasons: Vec<String> = failed.iter().map(reason).collect();
                return Err(Error::Remote(remote::Error::MirrorPushes {
                    failed: failures,
                    all,
                    reasons: reasons.join("; "),
                }));
            }
        }
        match out.is_json() {
            true => {
                let pushed = names.iter().map(|name| json!({ "name": name.as_str() }));
                out.json(&pushed.collect::<Vec<_>>())
            }
            false => Ok(()),
        }
    }
}
