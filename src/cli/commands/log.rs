//! `log`: prints the history.

use std::ops::ControlFlow;

use super::path_log::{ChangeArgs, PathLog, Selection};
use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::local_time;
use crate::cli::log_graph::LogGraph;
use crate::cli::output::Output;
use crate::cli::pager::LatePager;
use crate::cli::settings::Settings;
use crate::cli::show_each::show_each;
use crate::names::ModulePath;
use crate::remote::StoreOperations;
use crate::store::{LogOrder, Revision};
use crate::wire::CommitJson;

/// Print the history
///
/// Prints hash, author, date in local time and message of each commit, newest first, on a terminal through a pager.
/// With --graph, prints each commit before its parents, and draws lines to them. With PATH, prints the commits that changed the module at
/// the path, with its hash. With --import, --export or --grew, prints only the commits that make one of these changes compared with every
/// parent, and the changes: `+` marks a new import or export, `-` one that disappeared, and `~` one that has another version or type.
/// JSON: [{"commit":"…","hash":"…","parents":["…"],"author":"…","date":<unix seconds>,"message":"…"},…], with --graph in the order of the graph;
/// with PATH also "module":"<hash>"|null, and with --import, --export or --grew also
/// "matched":{"items":[{"kind":"import"|"export","name":"…","old":{"version":"…","type":"…"}|null,
/// "new":…|null}],"left_out":N,"grew":{"old":N,"new":N},"unknown":"<reason>"}, in which keys that do not apply are left out
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LogArgs {
    /// Print only the commits that changed the module at this path
    #[arg(value_parser = ModulePath::parse, conflicts_with = "graph")]
    path: Option<ModulePath>,
    #[command(flatten)]
    changes: ChangeArgs,
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
        let filter = self.changes.parse()?;
        let revision = settings.revision(&self.read)?;
        let store = settings.open()?;
        if let Some(path) = self.path {
            let selection = Selection {
                skip: self.skip,
                count: self.max_count,
                is_reversed: self.reverse,
            };
            let mut pager = LatePager::new(self.pager, !self.plain);
            return PathLog {
                path,
                filter,
                selection,
            }
            .run(store.as_ref(), &revision, &mut pager, out);
        }
        if out.is_json() {
            let mut array = out.array();
            self.visit(store.as_ref(), &revision, |commit| array.push(commit))?;
            return array.end();
        }
        let mut graph = self.graph.then(LogGraph::new);
        let mut pager = LatePager::new(self.pager.clone(), !self.plain);
        self.visit(store.as_ref(), &revision, |commit| {
            pager.start(out);
            match &mut graph {
                Some(graph) => {
                    let rows =
                        graph.draw(&commit.commit, &commit.parents, &format_commit(commit, out));
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
        let find = |visit: &mut dyn FnMut(CommitJson) -> ControlFlow<()>| {
            store.log(revision, self.skip, self.max_count, order, visit)
        };
        show_each(find, |commit| show(&commit))
    }
}

/// Prints a commit: its id, author and date as header lines, then its message.
pub(super) fn print_commit(commit: &CommitJson, out: &mut Output) -> Result<()> {
    let text = format_commit(commit, out);
    out.text(format_args!("{text}"))
}

fn format_commit(commit: &CommitJson, out: &Output) -> String {
    format_with_header(commit, "", out)
}

/// Formats a commit like [`print_commit`], with `line` as an additional header line.
pub(super) fn format_with_header(commit: &CommitJson, line: &str, out: &Output) -> String {
    let (id, date) = (&commit.commit, local_time::format(commit.date));
    let author = out.untrusted(&commit.author);
    let message = out.untrusted(&commit.message);
    format!("commit {id}\nAuthor: {author}\nDate: {date}\n{line}\n{message}\n\n")
}
