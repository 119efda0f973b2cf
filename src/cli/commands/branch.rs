//! `branch`: creates, deletes and lists branches, and sets the default branch.

use serde_json::json;

use crate::cli::change_report::{ChangeVerb, report};
use crate::cli::exit::Result;
use crate::cli::local_time::parse_revision;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::BranchName;
use crate::store::Revision;

/// Create, delete or list branches, or set the default branch
///
/// Prints nothing; with --list, prints the names, sorted. JSON: {"branch":"…"}, for a new branch also its commit; with --list ["…",…]
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("action").required(true).args(["name", "list", "default"]))]
pub(in crate::cli) struct BranchArgs {
    /// Create this branch at the tip of the current branch
    #[arg(value_parser = BranchName::parse)]
    name: Option<BranchName>,
    /// Delete the branch; commits that only it reaches are kept until the next gc
    #[arg(short, long, requires = "name")]
    delete: bool,
    /// Create the branch at this commit, or at the tip of this branch
    #[arg(long, value_name = "BRANCH|COMMIT", requires = "name", conflicts_with = "delete", value_parser = parse_revision)]
    from: Option<Revision>,
    /// List all branches
    #[arg(short, long)]
    list: bool,
    /// Make this branch the default branch; create it from the current default branch if it does not exist
    #[arg(long, value_name = "NAME", value_parser = BranchName::parse)]
    default: Option<BranchName>,
}

impl BranchArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let branch = match (self.name, self.default) {
            (Some(name), _) if self.delete => {
                settings.open_existing()?.delete_branch(&name)?;
                name
            }
            (Some(name), _) => {
                let from = match self.from {
                    Some(from) => from.on_branch(settings.branch()?),
                    None => Revision::Branch(settings.branch()?),
                };
                let created = settings.open_or_create()?.create_branch(&name, &from)?;
                let fields = json!({});
                return report(settings, out, (ChangeVerb::Created, &created), fields);
            }
            (None, Some(default)) => {
                settings.open_or_create()?.set_default_branch(&default)?;
                default
            }
            (None, None) => return list(settings, out),
        };
        out.json_only(&json!({ "branch": branch.as_str() }))
    }
}

fn list(settings: &Settings, out: &mut Output) -> Result<()> {
    let branches = settings.open()?.branches()?;
    if out.is_json() {
        return out.json(&branches.iter().map(BranchName::as_str).collect::<Vec<_>>());
    }
    for branch in branches {
        out.line(branch)?;
    }
    Ok(())
}
