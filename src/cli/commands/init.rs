//! `init`: create a store.

use serde_json::json;

use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::config::Options;
use crate::store::{Guarded, ObjectFormat, Store};

/// Create a store
///
/// One that is there already is left as it is, but that hooks which check what is pushed are put where there are none; that its ids
/// are of the other kind is a conflict. Prints nothing.
/// JSON: {"root":"…","object_format":"sha1"|"sha256","created":true|false}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct InitArgs {
    /// The kind of the store's ids, sha1 by default
    #[arg(long, value_name = "FORMAT")]
    object_format: Option<Format>,
}

/// The kind of a store's ids.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// 40 digits, which every git host takes
    Sha1,
    /// 64 digits
    Sha256,
}

/// Has pushes go through us, and warns if they do not.
pub(in crate::cli) fn install_push_hooks(store: &Store) -> Result<()> {
    match store.install_push_hooks()? {
        Guarded::Yes => {}
        Guarded::Foreign(hook) => {
            tracing::warn!(
                "nothing can be pushed while {hook:?} is there: it is not the store's own"
            )
        }
        Guarded::Missing(what) => tracing::warn!("nothing can be pushed: {what} is missing"),
    }
    Ok(())
}

impl InitArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let root = settings.root()?;
        let wanted = self.object_format.map(|format| match format {
            Format::Sha1 => ObjectFormat::Sha1,
            Format::Sha256 => ObjectFormat::Sha256,
        });
        let options = Options::default();
        let created = Store::open(&root, options)?.object_format().is_none();
        let store = Store::open_or_create(&root, options, wanted.unwrap_or_default())?;
        install_push_hooks(&store)?;
        let format = store.object_format().unwrap_or_default();
        if wanted.is_some_and(|wanted| wanted != format) {
            let format = format.as_str();
            return Err(Error::ObjectFormat { root, format });
        }
        match out.is_json() {
            true => out.json(&json!({
                "root": root.to_string_lossy(),
                "object_format": format.as_str(),
                "created": created,
            })),
            false => Ok(()),
        }
    }
}
