//! `log`: prints the history.

use std::ops::ControlFlow;

use super::path_log::{ChangeArgs, PathLog, PrintedRange};
use crate::cli::args::ReadArgs;
use crate::cli::change_report::short_id;
use crate::cli::exit::Result;
use crate::cli::local_time::{self, parse_cutoff};
use crate::cli::log_graph::LogGraph;
use crate::cli::output::Output;
use crate::cli::pager::LatePager;
use crate::cli::settings::Settings;
use crate::cli::show_each::show_each;
use crate::names::{Cutoff, ModulePath};
use crate::remote::StoreOperations;
use crate::store::{CommitFilter, LogOrder, LogSelection, Revision};
use crate::wire::CommitJson;

/// Print the history
///
/// Prints hash, author, date in local time and message of each commit, newest first, on a terminal through a pager.
/// With --graph, prints each commit before its parents, and draws lines to them. With PATH, prints the commits that changed the module at
/// the path, with its hash, or a module in the directory. With --author NAME, prints only the commits whose author's name contains NAME.
/// With --import, --export or --grew, prints only the commits that make one of these changes compared with every parent, and the changes:
/// `+` marks a new import or export, `-` one that disappeared, and `~` one that has another version or type. With --follow, also prints the
/// commits that changed the module at the path from which it was moved, and so on; a move is a commit that removed a module from one path
/// and added the same bytes at another one.
/// JSON: [{"commit":"…","hash":"…","parents":["…"],"author":"…","date":<unix seconds>,"message":"…"},…], with --graph in the order of the
/// graph;
/// with PATH also "module":"<hash>"|null, and with --import, --export or --grew also
/// "matched":{"items":[{"kind":"import"|"export","name":"…","old":{"version":"…","type":"…"}|null,
/// "new":…|null}],"left_out":N,"grew":{"old":N,"new":N},"unknown":"<reason>"}, in which keys that do not apply are left out; with --follow
/// also "path":"/…"
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LogArgs {
    /// Print only the commits that changed the module at this path, or a module in this directory
    #[arg(value_parser = ModulePath::parse, conflicts_with = "graph")]
    path: Option<ModulePath>,
    #[command(flatten)]
    changes: ChangeArgs,
    /// Go on with the history of the module at the path from which it was moved
    #[arg(long, requires = "path")]
    follow: bool,
    /// Print the first digits of the id and the first line of the message of each commit, on one line
    #[arg(long)]
    oneline: bool,
    /// Print only the commits since this date, time or age, such as 2026-11-01, 2026-11-01T12:00:00Z or 90d
    #[arg(long, value_name = "DATE", value_parser = parse_cutoff)]
    since: Option<Cutoff>,
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
        let changes = self.changes.parse()?;
        let commits = self.commit_filter(settings);
        let revision = settings.revision(&self.read)?;
        let store = settings.open()?;
        if let Some(path) = self.path {
            let printed_range = PrintedRange {
                skip: self.skip,
                count: self.max_count,
                is_reversed: self.reverse,
            };
            let mut pager = LatePager::new(self.pager, !self.plain);
            return PathLog {
                path,
                changes,
                commits,
                printed_range,
                is_short: self.oneline,
                is_followed: self.follow,
            }
            .run(settings, (store.as_ref(), &revision), &mut pager, out);
        }
        let visit = |show: &mut dyn FnMut(&CommitJson) -> Result<()>| {
            self.visit(store.as_ref(), (&revision, &commits), show)
        };
        if out.is_json() {
            let mut array = out.array();
            visit(&mut |commit| array.push(commit))?;
            return array.end();
        }
        let mut graph = self.graph.then(LogGraph::new);
        let mut pager = LatePager::new(self.pager.clone(), !self.plain);
        visit(&mut |commit| {
            pager.start(out);
            let text = if self.oneline {
                format_short(commit, out)
            } else {
                format_with_header(commit, "", out)
            };
            match &mut graph {
                Some(graph) => {
                    let rows = graph.draw(&commit.commit, &commit.parents, &text);
                    out.text(format_args!("{rows}"))
                }
                None => out.text(format_args!("{text}")),
            }
        })
    }

    /// Returns the filter by author and date.
    fn commit_filter(&self, settings: &Settings) -> CommitFilter {
        CommitFilter {
            author: settings.author_flag().cloned(),
            since_s: self.since.map(|since| since.at_s(local_time::now_s())),
        }
    }

    /// Calls `show` for each selected commit until `show` fails.
    fn visit(
        &self,
        store: &dyn StoreOperations,
        (revision, filter): (&Revision, &CommitFilter),
        mut show: impl FnMut(&CommitJson) -> Result<()>,
    ) -> Result<()> {
        let order = if self.graph {
            LogOrder::ChildrenFirst
        } else if self.reverse {
            LogOrder::OldestFirst
        } else {
            LogOrder::NewestFirst
        };
        let selection = LogSelection {
            skip: self.skip,
            count: self.max_count,
            order,
            filter: filter.clone(),
        };
        let find = |visit: &mut dyn FnMut(CommitJson) -> ControlFlow<()>| {
            store.log(revision, &selection, visit)
        };
        show_each(find, |commit| show(&commit))
    }
}

/// Prints a commit: its id, author and date as header lines, then its message.
pub(super) fn print_commit(commit: &CommitJson, out: &mut Output) -> Result<()> {
    let text = format_with_header(commit, "", out);
    out.text(format_args!("{text}"))
}

/// Formats a commit in one line: the first digits of its id, and the first line of its message.
pub(super) fn format_short(commit: &CommitJson, out: &Output) -> String {
    let subject = commit.message.lines().next().unwrap_or_default();
    format!("{} {}\n", short_id(&commit.commit), out.untrusted(subject))
}

/// Formats a commit like [`print_commit`], with `line` as an additional header line.
pub(super) fn format_with_header(commit: &CommitJson, line: &str, out: &Output) -> String {
    let (id, date) = (&commit.commit, local_time::format(commit.date));
    let author = out.untrusted(&commit.author);
    let message = out.untrusted(&commit.message);
    format!("commit {id}\nAuthor: {author}\nDate: {date}\n{line}\n{message}\n\n")
}
