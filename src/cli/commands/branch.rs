//! `branch`: create, delete and list branches, and choose the default one.

use serde_json::json;

use crate::cli::args::commit_or_branch;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::BranchName;
use crate::store::Revision;

/// Create, delete or list branches, or choose the default one
///
/// Prints nothing; with --list the names, sorted. JSON: {"branch":"…"}; with --list ["…",…]
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["name", "list", "default"]))]
pub(in crate::cli) struct BranchArgs {
    /// Create this branch where the branch worked on is
    #[arg(value_parser = BranchName::parse)]
    name: Option<BranchName>,
    /// Delete the branch instead; what only it has stays until the next gc
    #[arg(long, requires = "name")]
    delete: bool,
    /// Create the branch at this branch or commit
    #[arg(long, value_name = "BRANCH|COMMIT", requires = "name", conflicts_with = "delete", value_parser = commit_or_branch)]
    from: Option<Revision>,
    /// List all branches
    #[arg(long)]
    list: bool,
    /// Make this branch the default one, creating it where the present one is if it is new
    #[arg(long, value_name = "NAME", value_parser = BranchName::parse)]
    default: Option<BranchName>,
}

impl BranchArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let done = match (self.name, self.default) {
            (Some(name), _) if self.delete => {
                settings.open_existing()?.delete_branch(&name)?;
                name
            }
            (Some(name), _) => {
                let from = match self.from {
                    Some(from) => from,
                    None => Revision::Branch(settings.branch()?),
                };
                settings.open_or_create()?.create_branch(&name, &from)?;
                name
            }
            (None, Some(default)) => {
                settings.open_or_create()?.set_default_branch(&default)?;
                default
            }
            (None, None) => return list(settings, out),
        };
        match out.is_json() {
            true => out.json(&json!({ "branch": done.as_str() })),
            false => Ok(()),
        }
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
