//! `search`: finds modules by what is in them.

use std::ops::ControlFlow;

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::{Output, print_note};
use crate::cli::settings::Settings;
use crate::names::printable;
use crate::store::{Query, SearchDetail, SearchMatch, SearchScope};
use crate::wire::{SearchJson, SearchMatchJson};

/// Find modules by what is in them
///
/// A module must match all terms; -TERM negates a term: kind:component, import:env.*, import:wasi:http@0.2, export:run, needs:threads,
/// crate:tokio<1.40, producer:rustc, license:MIT, size>1MB, path:plugins/**, and words in the path, name, description or authors. Prints
/// lines of `<hash>` tab `/<path>`, sorted by path; with --history, `<commit>` tab first. If nothing matches, says so on standard error;
/// the exit code is 0. JSON: {"matches":[{"path":"…","hash":"…",
/// "matched":["export run"]}],"pending":N}; with --history, "commit":"…" too; "matched_left_out":N if a module has more matches than are
/// listed. "pending" is the number of modules that are not analysed yet, which a search cannot find
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SearchArgs {
    /// The terms, in one argument or several; if the first term begins with `-`, write `--` before it
    #[arg(required = true, value_name = "QUERY")]
    terms: Vec<String>,
    /// Print what matched below each module, such as `export run`, on indented lines
    #[arg(short, long)]
    long: bool,
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
        let detail = if self.long || out.is_json() {
            SearchDetail::Matched
        } else {
            SearchDetail::Hashes
        };
        let store = settings.open()?;
        let mut matches: Vec<SearchMatchJson> = Vec::new();
        let (mut printed, mut is_empty) = (Ok(()), true);
        let pending = store.search(&revision, &query, scope, detail, &mut |found| {
            is_empty = false;
            if out.is_json() {
                matches.push(found.into());
                return ControlFlow::Continue(());
            }
            printed = print(&found, out);
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
        // If there is no store, a note says so after the command.
        if is_empty && !settings.is_quiet() && settings.missing_root().is_none() {
            print_note("no module matches");
        }
        Ok(())
    }
}

/// Prints a module, and below it what matched if the search returned that.
fn print(found: &SearchMatch, out: &mut Output) -> Result<()> {
    let commit = found.commit.map(|commit| format!("{commit}\t"));
    let commit = commit.unwrap_or_default();
    out.text(format_args!("{commit}{}\t{}\n", found.hash, found.path))?;
    let Some(matched) = &found.matched else {
        return Ok(());
    };
    for text in &matched.texts {
        // A name in a module may contain a line feed, which must not begin a line that looks like a result. So it is escaped everywhere.
        out.line(format_args!("    {}", printable(text)))?;
    }
    if matched.left_out > 0 {
        out.line(format_args!("    and {} more", matched.left_out))?;
    }
    Ok(())
}
