//! `search`: finds modules by what is in them.

use std::ops::ControlFlow;

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::store::{Query, SearchScope};
use crate::wire::{SearchJson, SearchMatchJson};

/// Find modules by what is in them
///
/// A module must match all terms; -TERM negates a term: kind:component, import:env.*, import:wasi:http@0.2, export:run, needs:threads,
/// crate:tokio<1.40, producer:rustc, license:MIT, size>1MB, path:plugins/**, and words in the path, name, description or authors. Prints
/// lines of `<hash>` tab `/<path>`, sorted by path; with --history, `<commit>` tab first. JSON: {"matches":[{"path":"…",
/// "hash":"…"}],"pending":N}; with --history, "commit":"…" too. "pending" is the number of modules that are not analysed yet, which a
/// search cannot find
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SearchArgs {
    /// The terms, in one argument or several; if the first term begins with `-`, write `--` before it
    #[arg(required = true, value_name = "QUERY")]
    terms: Vec<String>,
    /// Search every version of every path in the history
    #[arg(long)]
    history: bool,
    #[command(flatten)]
    read: ReadArgs,
}

impl SearchArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let query = Query::parse(&self.terms.join(" "))?;
        let revision = settings.revision(&self.read)?;
        let scope = if self.history {
            SearchScope::History
        } else {
            SearchScope::Tree
        };
        let store = settings.open()?;
        let mut matches: Vec<SearchMatchJson> = Vec::new();
        let mut printed = Ok(());
        let pending = store.search(&revision, &query, scope, &mut |found| {
            if out.is_json() {
                matches.push(found.into());
                return ControlFlow::Continue(());
            }
            let commit = found.commit.map(|commit| format!("{commit}\t"));
            let commit = commit.unwrap_or_default();
            printed = out.text(format_args!("{commit}{}\t{}\n", found.hash, found.path));
            match printed {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        printed?;
        if out.is_json() {
            return out.json(&SearchJson { matches, pending });
        }
        if pending > 0 {
            tracing::warn!(
                pending,
                "the result may be incomplete: some modules are not analysed yet"
            );
        }
        Ok(())
    }
}
