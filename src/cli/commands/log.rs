//! `log`: prints the history.

use std::io::IsTerminal;
use std::ops::ControlFlow;

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::local_time;
use crate::cli::log_graph::LogGraph;
use crate::cli::output::Output;
use crate::cli::pager::Pager;
use crate::cli::settings::Settings;
use crate::remote::StoreOperations;
use crate::store::{LogOrder, Revision};
use crate::wire::CommitJson;

/// Print the history
///
/// Prints hash, author, date in local time and message of each commit, newest first, on a terminal through a pager.
/// With --graph, prints each commit before its parents, and draws lines to them.
/// JSON: [{"hash":"…","parents":["…"],"author":"…","date":<unix seconds>,"message":"…"},…], with --graph in the order of the graph
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LogArgs {
    /// Do not use a pager
    #[arg(long)]
    plain: bool,
    /// Use this pager if the output is a terminal
    #[arg(long, value_name = "COMMAND", conflicts_with = "plain")]
    pager: Option<String>,
    /// Print at most this many commits
    #[arg(short = 'n', long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    max_count: usize,
    /// Skip this many commits first
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    skip: usize,
    /// Print the selected commits in reverse order
    #[arg(long)]
    reverse: bool,
    /// Draw the commit graph
    #[arg(long, conflicts_with = "reverse")]
    graph: bool,
    #[command(flatten)]
    read: ReadArgs,
}

impl LogArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let revision = settings.revision(&self.read)?;
        let store = settings.open()?;
        if out.is_json() {
            let mut array = out.array();
            self.visit(store.as_ref(), &revision, |commit| array.push(commit))?;
            return array.end();
        }
        let mut graph = self.graph.then(LogGraph::new);
        let mut is_paged = self.plain || !std::io::stdout().is_terminal();
        self.visit(store.as_ref(), &revision, |commit| {
            // The pager is started with the first commit, so that an error is printed without it.
            if !std::mem::replace(&mut is_paged, true)
                && let Some(pager) = Pager::start(self.pager.clone())
            {
                out.start_paging(pager);
            }
            match &mut graph {
                Some(graph) => {
                    let rows =
                        graph.draw(&commit.hash, &commit.parents, &format_commit(commit, out));
                    out.text(format_args!("{rows}"))
                }
                None => print_commit(commit, out),
            }
        })
    }

    /// Calls `show` for each selected commit until `show` fails.
    fn visit(
        &self,
        store: &dyn StoreOperations,
        revision: &Revision,
        mut show: impl FnMut(&CommitJson) -> Result<()>,
    ) -> Result<()> {
        let order = if self.graph {
            LogOrder::ChildrenFirst
        } else if self.reverse {
            LogOrder::OldestFirst
        } else {
            LogOrder::NewestFirst
        };
        let mut result = Ok(());
        store.log(revision, self.skip, self.max_count, order, &mut |commit| {
            result = show(&commit);
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        result
    }
}

/// Prints a commit as a paragraph.
pub(super) fn print_commit(commit: &CommitJson, out: &mut Output) -> Result<()> {
    let text = format_commit(commit, out);
    out.text(format_args!("{text}"))
}

fn format_commit(commit: &CommitJson, out: &Output) -> String {
    let (id, date) = (&commit.hash, local_time::format(commit.date));
    let author = out.untrusted(&commit.author);
    let message = out.untrusted(&commit.message);
    format!("commit {id}\nAuthor: {author}\nDate: {date}\n\n{message}\n\n")
}
