//! `audit`: who changed a path, and when.

use serde_json::{Value, json};

use crate::cli::args::Reading;
use crate::cli::date;
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::{ModuleHash, ModulePath};
use crate::store;
use crate::wire::CommitJson;

/// Print every commit that changed a path
///
/// Prints `<date>` tab `<author>` tab `<commit>` lines, newest first, removals included; the date is in local time. JSON:
/// [{"commit":"…","author":"…","date":<unix seconds>,"hash":"…"}], where the hash is null for a removal
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Audit {
    /// The path
    #[arg(value_parser = ModulePath::parse)]
    path: ModulePath,
    #[command(flatten)]
    reading: Reading,
}

impl Audit {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let at = settings.at(&self.reading)?;
        let entries = settings.open()?.audit(&at, &self.path)?;
        if entries.is_empty() {
            return Err(Error::Store(store::Error::NeverExisted(
                self.path.to_string(),
            )));
        }
        if out.is_json() {
            return out.json(&entries.iter().map(to_json).collect::<Vec<_>>());
        }
        for (commit, _) in entries {
            let date = date::local(commit.date);
            let author = out.foreign(&commit.author).into_owned();
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
