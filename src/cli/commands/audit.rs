//! `audit`: lists the commits that changed a path.

use serde_json::{Value, json};

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::local_time;
use crate::cli::output::Output;
use crate::cli::path_history::{never_existed, note_earlier_history};
use crate::cli::settings::Settings;
use crate::names::{CommitId, ModuleHash, ModulePath};
use crate::wire::CommitJson;

/// Print every commit that changed a path
///
/// Prints lines of `<date>` tab `<author>` tab `<commit>`, newest first, including removals. Dates are in local time. With --long, prints
/// tab `<hash>` tab and the first line of the message, too; the hash of a removal is `-`. If the module was moved from another path,
/// standard error says from which. JSON: [{"commit":"…","author":"…",
/// "date":<unix seconds>,"message":"…","hash":"…"},…], with a null hash for a removal
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AuditArgs {
    /// The path of the module
    #[arg(value_parser = ModulePath::parse)]
    path: ModulePath,
    /// Print the hash and the first line of the message, too
    #[arg(short, long)]
    long: bool,
    #[command(flatten)]
    read: ReadArgs,
}

impl AuditArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let store = settings.open()?;
        let entries = store.audit(&revision, &self.path)?;
        let Some((oldest, _)) = entries.last() else {
            return Err(never_existed(store.as_ref(), &revision, &self.path));
        };
        let oldest = CommitId::parse(&oldest.commit)?;
        if out.is_json() {
            return out.json(&entries.iter().map(to_json).collect::<Vec<_>>());
        }
        for (commit, hash) in entries {
            let date = local_time::format(commit.date);
            let author = out.untrusted(&commit.author).into_owned();
            out.text(format_args!("{date}\t{author}\t{}", commit.commit))?;
            if self.long {
                let hash = hash.map_or_else(|| "-".to_owned(), |hash| hash.to_string());
                let subject = commit.message.lines().next().unwrap_or_default();
                let subject = out.untrusted(subject).into_owned();
                out.text(format_args!("\t{hash}\t{subject}"))?;
            }
            out.line("")?;
        }
        note_earlier_history(settings, out, store.as_ref(), (oldest, &self.path))
    }
}

fn to_json((commit, hash): &(CommitJson, Option<ModuleHash>)) -> Value {
    json!({
        "commit": commit.commit,
        "author": commit.author,
        "date": commit.date,
        "message": commit.message,
        "hash": hash.map(|hash| hash.to_string()),
    })
}
