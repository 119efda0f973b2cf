//! `audit`: lists the commits that changed a path.

use serde_json::{Value, json};

use crate::cli::args::ReadArgs;
use crate::cli::exit::{Error, Result};
use crate::cli::local_time;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::{ModuleHash, ModulePath};
use crate::store;
use crate::wire::CommitJson;

/// Print every commit that changed a path
///
/// Prints lines of `<date>` tab `<author>` tab `<commit>`, newest first, including removals. Dates are in local time. JSON:
/// [{"commit":"…","author":"…","date":<unix seconds>,"hash":"…"}], with a null hash for a removal
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AuditArgs {
    /// The path of the module
    #[arg(value_parser = ModulePath::parse)]
    path: ModulePath,
    #[command(flatten)]
    read: ReadArgs,
}

impl AuditArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let entries = settings.open()?.audit(&revision, &self.path)?;
        if entries.is_empty() {
            return Err(Error::Store(store::Error::NeverExisted(
                self.path.to_string(),
            )));
        }
        if out.is_json() {
            return out.json(&entries.iter().map(to_json).collect::<Vec<_>>());
        }
        for (commit, _) in entries {
            let date = local_time::format(commit.date);
            let author = out.untrusted(&commit.author).into_owned();
            out.text(format_args!("{date}\t{author}\t{}\n", commit.hash))?;
        }
        Ok(())
    }
}

fn to_json((commit, hash): &(CommitJson, Option<ModuleHash>)) -> Value {
    json!({
        "commit": commit.hash,
        "author": commit.author,
        "date": commit.date,
        "hash": hash.map(|hash| hash.to_string()),
    })
}
