//! `versions`: lists the versions of a path.

use std::collections::HashMap;

use crate::cli::args::ReadArgs;
use crate::cli::change_report::short_id;
use crate::cli::exit::Result;
use crate::cli::local_time;
use crate::cli::output::Output;
use crate::cli::path_history::{never_existed, note_earlier_history};
use crate::cli::settings::Settings;
use crate::names::{ModulePath, ModuleRef};
use crate::remote::StoreOperations;
use crate::store::{Revision, Version};
use crate::wire::{CommitJson, VersionJson};

/// Print the versions of a path
///
/// Prints lines of `<hash>` tab `commit: <commit>`, oldest first, each hash once. With --long, prints the number of each version, the
/// date in local time, hash, commit and author in columns, and `*` before the version that is at the path now; if a later
/// commit has put it there again, the line `current since` names that commit. `audit` lists every change. A path that has been removed
/// still has its versions. If the oldest version was moved from another path, standard error says from which. JSON:
/// [{"index":N,"hash":"…","commit":"…","author":"…","date":<unix seconds>,"message":"…",
/// "current":true|false},…]
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VersionsArgs {
    /// The path of the module
    #[arg(value_parser = ModulePath::parse)]
    path: ModulePath,
    /// Print number, date and author, too, and mark the current version
    #[arg(short, long)]
    long: bool,
    #[command(flatten)]
    read: ReadArgs,
}

impl VersionsArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let store = settings.open()?;
        // Several requests follow. They must all read the same history, so the commit is fixed first.
        let revision = store.pin(&settings.revision(&self.read)?)?;
        let versions = store.versions(&revision, &self.path)?;
        if versions.is_empty() {
            return Err(never_existed(store.as_ref(), &revision, &self.path));
        }
        let oldest = versions[0].commit;
        if self.long || out.is_json() {
            let (described, newest) = self.describe(store.as_ref(), &revision, &versions)?;
            if out.is_json() {
                return out.json(&described);
            }
            print_long(&described, newest.as_ref(), out)?;
        } else {
            for version in versions {
                out.text(format_args!(
                    "{}\tcommit: {}\n",
                    version.hash, version.commit
                ))?;
            }
        }
        note_earlier_history(settings, out, store.as_ref(), (oldest, &self.path))
    }

    /// Returns the versions with the author, date and message of their commits, and marks the version that is at the path now. Also returns
    /// the newest commit that changed the path.
    fn describe(
        &self,
        store: &dyn StoreOperations,
        revision: &Revision,
        versions: &[Version],
    ) -> Result<(Vec<VersionJson>, Option<CommitJson>)> {
        let name = ModuleRef::Path(self.path.clone());
        let current = match store.contains(revision, &name)? {
            true => Some(store.hash(revision, &name)?),
            false => None,
        };
        let changes = store.audit(revision, &self.path)?;
        let newest = changes.first().map(|(commit, _)| commit.clone());
        let mut commits: HashMap<_, _> = changes
            .into_iter()
            .map(|(commit, _)| (commit.commit.clone(), commit))
            .collect();
        let described = versions.iter().enumerate().map(|(index, version)| {
            let commit = match commits.remove(&version.commit.to_string()) {
                Some(commit) => commit,
                None => store.commit(version.commit)?,
            };
            let is_current = current == Some(version.hash);
            Ok(VersionJson::new((index, version.hash), commit, is_current))
        });
        Ok((described.collect::<Result<_>>()?, newest))
    }
}

/// Prints the versions in columns. If the current one was put at the path again by `newest`, a later commit than its first one, says so.
fn print_long(
    versions: &[VersionJson],
    newest: Option<&CommitJson>,
    out: &mut Output,
) -> Result<()> {
    let width = versions.len().saturating_sub(1).to_string().len();
    for version in versions {
        let mark = if version.current { '*' } else { ' ' };
        let VersionJson {
            index,
            hash,
            commit,
            ..
        } = version;
        let date = local_time::sortable(version.date);
        let author = out.untrusted(&version.author).into_owned();
        out.line(format_args!(
            "{mark} {index:>width$}  {date:<19}  {hash}  {commit}  {author}"
        ))?;
    }
    let current = versions.iter().find(|version| version.current);
    if let Some((current, newest)) = current.zip(newest)
        && current.commit != newest.commit
    {
        let (date, id) = (local_time::sortable(newest.date), short_id(&newest.commit));
        let author = out.untrusted(&newest.author).into_owned();
        out.line(format_args!("current since {date} ({id}, {author})"))?;
    }
    Ok(())
}
