//! `log`: the history.

use std::io::IsTerminal;
use std::ops::ControlFlow;

use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::local_time;
use crate::cli::log_graph::Graph;
use crate::cli::output::Output;
use crate::cli::pager::Pager;
use crate::cli::settings::Settings;
use crate::remote::StoreOperations;
use crate::store::{LogOrder, Revision};
use crate::wire::CommitJson;

/// Print the history
///
/// Prints for each commit, newest first, its hash, author, date in local time and message; on a terminal through a pager.
/// With --graph, each commit comes before its parents, and lines lead to them.
/// JSON: [{"hash":"…","parents":["…"],"author":"…","date":<unix seconds>,"message":"…"},…], with --graph in its order
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LogArgs {
    /// Use no pager
    #[arg(long)]
    plain: bool,
    /// Use this pager, on a terminal
    #[arg(long, value_name = "COMMAND", conflicts_with = "plain")]
    pager: Option<String>,
    /// Print so many commits at most
    #[arg(short = 'n', long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    max_count: usize,
    /// Leave out so many commits first
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    skip: usize,
    /// Print the oldest of the commits asked for first
    #[arg(long)]
    reverse: bool,
    /// Draw how the commits hang together
    #[arg(long, conflicts_with = "reverse")]
    graph: bool,
    #[command(flatten)]
    reading: ReadArgs,
}

impl LogArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let at = settings.at(&self.reading)?;
        let store = settings.open()?;
        if out.is_json() {
            let mut array = out.array();
            self.visit(store.as_ref(), &at, |commit| array.push(commit))?;
            return array.end();
        }
        let mut graph = self.graph.then(Graph::new);
        let mut is_paged = self.plain || !std::io::stdout().is_terminal();
        self.visit(store.as_ref(), &at, |commit| {
            // Not before there is something to show: a failure is better told without a pager.
            if !std::mem::replace(&mut is_paged, true)
                && let Some(pager) = Pager::start(self.pager.clone())
            {
                out.page(pager);
            }
            match &mut graph {
                Some(graph) => {
                    let rows = graph.draw(&commit.hash, &commit.parents, &text(commit, out));
                    out.text(format_args!("{rows}"))
                }
                None => print_commit(commit, out),
            }
        })
    }

    /// Calls `show` for each commit asked for, until it fails.
    fn visit(
        &self,
        store: &dyn StoreOperations,
        at: &Revision,
        mut show: impl FnMut(&CommitJson) -> Result<()>,
    ) -> Result<()> {
        let order = match (self.graph, self.reverse) {
            (true, _) => LogOrder::ChildrenFirst,
            (false, true) => LogOrder::OldestFirst,
            (false, false) => LogOrder::NewestFirst,
        };
        let mut shown = Ok(());
        store.log(at, self.skip, self.max_count, order, &mut |commit| {
            shown = show(&commit);
            match shown {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        shown
    }
}

/// Prints a commit as a paragraph.
pub(super) fn print_commit(commit: &CommitJson, out: &mut Output) -> Result<()> {
    let text = text(commit, out);
    out.text(format_args!("{text}"))
}

fn text(commit: &CommitJson, out: &Output) -> String {
    let (id, date) = (&commit.hash, local_time::format(commit.date));
    let author = out.foreign(&commit.author);
    let message = out.foreign(&commit.message);
    format!("commit {id}\nAuthor: {author}\nDate: {date}\n\n{message}\n\n")
}
