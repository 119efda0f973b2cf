//! `export`: writes a branch as files.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::{ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::remote::StoreOperations;
use crate::store::{self, Revision};

/// Write every module of a branch to a file at its path
///
/// With PATH, writes only the module at this path, or the modules in this directory, to the same files as without PATH. Prints nothing to
/// standard output, and the number of modules to standard error. JSON: {"directory":"…","modules":N}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ExportArgs {
    /// Write only this module or the modules in this directory
    #[arg(default_value = "/", hide_default_value = true, value_parser = TreePath::parse)]
    path: TreePath,
    /// Write to this directory, which must be missing or empty [default: the name of the branch]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    read: ReadArgs,
}

impl ExportArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let store = settings.open()?;
        let dir = match (self.output.clone(), settings.branch()?) {
            (Some(dir), _) => dir,
            (None, Some(branch)) => PathBuf::from(branch.as_str()),
            (None, None) => PathBuf::from(store.default_branch()?.as_str()),
        };
        // All reads are from the same commit, so that the files are from one tree.
        let revision = store.pin(&revision)?;
        let modules = self.modules(store.as_ref(), &revision)?;
        let bar = settings.progress().bar("export");
        let count = store.export(&revision, &modules, &dir, &mut |done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        })?;
        bar.finish_and_clear();
        if out.is_json() {
            return out.json(&json!({ "directory": dir.to_string_lossy(), "modules": count }));
        }
        if !settings.is_quiet() {
            let modules = if count == 1 { "module" } else { "modules" };
            let _ = writeln!(std::io::stderr(), "exported {count} {modules} to {dir:?}");
        }
        Ok(())
    }

    /// Returns the modules to write.
    ///
    /// # Errors
    /// There is nothing at the path.
    fn modules(
        &self,
        store: &dyn StoreOperations,
        revision: &Revision,
    ) -> Result<Vec<(ModulePath, ModuleHash)>> {
        let modules = store.list(revision, &self.path)?;
        if !modules.is_empty() || self.path.is_root() {
            return Ok(modules);
        }
        let path = ModulePath::try_from(self.path.clone())?;
        match store.hash(revision, &ModuleRef::Path(path.clone())) {
            Ok(hash) => Ok(vec![(path, hash)]),
            Err(error) => match Error::from(error) {
                error if error.is_not_found() => {
                    Err(store::Error::NoDirectory(self.path.to_string()).into())
                }
                error => Err(error),
            },
        }
    }
}
