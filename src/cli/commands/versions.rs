//! `versions`: lists the versions of a path.

use std::collections::HashMap;

use crate::cli::args::ReadArgs;
use crate::cli::exit::{Error, Result};
use crate::cli::local_time;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::{ModulePath, ModuleRef};
use crate::remote::StoreOperations;
use crate::store::{self, Revision, Version};
use crate::wire::VersionJson;

/// Print the versions of a path
///
/// Prints lines of `<hash>` tab `commit: <commit>`, oldest first, each hash once. With --long, prints the number of each version, the
/// date in local time, hash, commit and author in columns, and `*` before the version that is at the path now. A path that has been removed
/// still has its versions. JSON: [{"index":N,"hash":"…","commit":"…","author":"…","date":<unix seconds>,"message":"…",
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
            return Err(Error::Store(store::Error::NeverExisted(
                self.path.to_string(),
            )));
        }
        if !self.long && !out.is_json() {
            for version in versions {
                out.text(format_args!(
                    "{}\tcommit: {}\n",
                    version.hash, version.commit
                ))?;
            }
            return Ok(());
        }
        let described = self.describe(store.as_ref(), &revision, &versions)?;
        if out.is_json() {
            return out.json(&described);
        }
        let width = described.len().saturating_sub(1).to_string().len();
        for version in described {
            let mark = if version.current { '*' } else { ' ' };
            let VersionJson {
                index,
                hash,
                commit,
                ..
            } = &version;
            let date = local_time::sortable(version.date);
            let author = out.untrusted(&version.author).into_owned();
            out.line(format_args!(
                "{mark} {index:>width$}  {date:<19}  {hash}  {commit}  {author}"
            ))?;
        }
        Ok(())
    }

    /// Returns the versions with the author, date and message of their commits. Marks the version that is at the path now.
    fn describe(
        &self,
        store: &dyn StoreOperations,
        revision: &Revision,
        versions: &[Version],
    ) -> Result<Vec<VersionJson>> {
        let name = ModuleRef::Path(self.path.clone());
        let current = match store.contains(revision, &name)? {
            true => Some(store.hash(revision, &name)?),
            false => None,
        };
        let commits = store.audit(revision, &self.path)?.into_iter();
        let mut commits: HashMap<_, _> = commits
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
        described.collect()
    }
}
