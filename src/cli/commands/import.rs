//! `import`: stores the files of a directory in one commit.

use std::path::PathBuf;

use super::add::path_conditions;
use crate::cli::args::WriteArgs;
use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::put_files::put_files;
use crate::cli::settings::Settings;
use crate::names::{Glob, TreePath};
use crate::store::{ImportFilter, ModuleFiles};

/// Store every file of a directory at its path, in one commit
///
/// If one of the files is not a valid module, nothing is changed. Symbolic links and everything called `.git` are skipped. A GLOB is as in
/// gitignore(5), without negation: `*.wasm` matches at any depth, `/a/*.wasm` only in DIR/a, and `target/` only directories. A GLOB
/// that matches a directory selects everything below it. --exclude takes precedence over --include. Prints lines of `<hash>` tab `/<path>`,
/// sorted by path, and reports the commit on standard error.
/// JSON: {"modules":{"/<path>":"<hash>",…},"commit":"…","branch":"…","changed":true}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ImportArgs {
    /// Import the files of this directory
    dir: PathBuf,
    /// Store them below this directory of the store
    #[arg(default_value = "/", hide_default_value = true, value_parser = TreePath::parse)]
    prefix: TreePath,
    /// Import only what matches one of these patterns; can be repeated
    #[arg(long, value_name = "GLOB", value_parser = Glob::parse)]
    include: Vec<Glob>,
    /// Leave out what matches this pattern; can be repeated
    #[arg(long, value_name = "GLOB", value_parser = Glob::parse)]
    exclude: Vec<Glob>,
    /// Fail if a path already has a module with other bytes; a module with the same bytes is not an error
    #[arg(long)]
    if_absent: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl ImportArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let change = settings.change(self.write)?;
        if let Err(source) = std::fs::read_dir(&self.dir) {
            return Err(Error::Input {
                path: self.dir,
                source,
            });
        }
        let filter = ImportFilter {
            include: self.include,
            exclude: self.exclude,
        };
        let mut files = ModuleFiles::in_directory(&self.dir, &self.prefix, &filter)?;
        files.conditions = path_conditions(self.if_absent);
        put_files(settings, out, "import", &change, &files)
    }
}
