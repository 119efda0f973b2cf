//! `version`: prints one version of a path.

use serde_json::json;

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::path_history::never_existed;
use crate::cli::settings::Settings;
use crate::names::ModulePath;
use crate::remote;
use crate::store;

/// Print one version of a path
///
/// Prints `<hash>` tab `commit: <commit>`. JSON: {"hash":"…","commit":"…"}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VersionArgs {
    /// The number of the version; 0 is the oldest
    index: usize,
    /// The path of the module
    #[arg(value_parser = ModulePath::parse)]
    path: ModulePath,
    #[command(flatten)]
    read: ReadArgs,
}

impl VersionArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let store = settings.open()?;
        let version = store.version(&revision, &self.path, self.index);
        let version = version.map_err(|error| match error {
            remote::Error::Store(store::Error::NeverExisted(_)) => {
                never_existed(store.as_ref(), &revision, &self.path)
            }
            error => error.into(),
        })?;
        let (hash, commit) = (version.hash.to_string(), version.commit.to_string());
        out.json_or_line(
            &json!({ "hash": hash, "commit": commit }),
            format_args!("{hash}\tcommit: {commit}"),
        )
    }
}
