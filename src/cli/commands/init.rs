//! `init`: creates a store.

use serde_json::json;

use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::push_hooks::install_push_hooks;
use crate::cli::settings::Settings;
use crate::config::Options;
use crate::store::{ObjectFormat, Store};

/// Create a store
///
/// Leaves an existing store as it is, but installs the git hooks that validate pushes, if they are missing. If the existing store has
/// another object format than the requested one, the command fails with a conflict. Prints nothing.
/// JSON: {"root":"…","object_format":"sha1"|"sha256","created":true|false}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct InitArgs {
    /// Use this object format [default: sha1]
    #[arg(long, value_name = "FORMAT")]
    object_format: Option<ObjectFormatArg>,
    /// Reject new names that Windows or macOS do not accept, and names that differ from another name in the same directory only by letter
    /// case or Unicode normalization: sets `wasmstore.portableNames` in the store's configuration
    #[arg(long)]
    portable_names: bool,
}

/// The object format of a git repository.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ObjectFormatArg {
    /// Object ids of 40 digits, which every git host accepts
    Sha1,
    /// Object ids of 64 digits
    Sha256,
}

impl InitArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let root = settings.root()?;
        let requested = self.object_format.map(|format| match format {
            ObjectFormatArg::Sha1 => ObjectFormat::Sha1,
            ObjectFormatArg::Sha256 => ObjectFormat::Sha256,
        });
        let options = Options::of_store(&root)?;
        let created = Store::open(&root, options)?.object_format().is_none();
        let mut store = Store::open_or_create(&root, options, requested.unwrap_or_default())?;
        if self.portable_names {
            store.require_portable_names()?;
        }
        install_push_hooks(&store)?;
        let format = store.object_format().unwrap_or_default();
        if requested.is_some_and(|requested| requested != format) {
            let format = format.as_str();
            return Err(Error::ObjectFormat { root, format });
        }
        out.json_only(&json!({
            "root": root.to_string_lossy(),
            "object_format": format.as_str(),
            "created": created,
        }))
    }
}
