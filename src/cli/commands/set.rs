//! `set`: puts a stored module at another path.

use serde_json::json;

use super::add::condition;
use crate::cli::args::WriteArgs;
use crate::cli::change_report::{ChangeVerb, report};
use crate::cli::exit::Result;
use crate::cli::expected_module::{ExpectedModule, explained};
use crate::cli::if_match::expected_hash;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::{HashRef, ModulePath};
use crate::store::PathConditions;

/// Put a stored module at another path
///
/// The module may have been removed from all branches, as long as gc has not deleted it. Prints nothing, and reports the commit on standard
/// error. JSON: {"hash":"…","path":"/…","commit":"…","branch":"…","changed":true}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SetArgs {
    /// The module's hash or digest
    #[arg(value_parser = HashRef::parse)]
    hash: HashRef,
    /// Put it at this path
    #[arg(value_parser = ModulePath::parse)]
    path: ModulePath,
    /// Fail if the path has another module; the same one is a success
    #[arg(long, conflicts_with = "if_match")]
    if_absent: bool,
    /// Fail unless the path has the module with this hash or digest
    #[arg(long, value_name = "HASH", value_parser = HashRef::parse)]
    if_match: Option<HashRef>,
    #[command(flatten)]
    write: WriteArgs,
}

impl SetArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let mut change = settings.change(self.write)?;
        let if_match = self.if_match.map(|hash| expected_hash(settings, hash));
        let condition = condition(self.if_absent, if_match.transpose()?);
        if let Some(condition) = condition {
            change.path_conditions = PathConditions::one(self.path.clone(), condition);
        }
        let store = settings.open_existing()?;
        let set = store.set(&change, &self.hash, &self.path);
        let expected = condition
            .map(|condition| ExpectedModule::new(change.branch.as_ref(), &self.path, condition));
        let set = explained(set, store.as_ref(), expected.as_ref())?;
        let fields = json!({ "hash": set.value.to_string(), "path": self.path.to_string() });
        report(settings, out, (ChangeVerb::Committed, &set), fields)
    }
}
