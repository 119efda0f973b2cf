//! `gc`: drops history and deletes unreachable objects.

use std::io::{self, IsTerminal, Write};

use clap::ArgGroup;
use indicatif::HumanBytes;
use serde_json::json;

use crate::cli::args::WriteArgs;
use crate::cli::change_report::{ChangeVerb, print_line, report};
use crate::cli::exit::{Error, Result};
use crate::cli::local_time::parse_cutoff;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::{Cutoff, TreePath, printable};
use crate::remote::StoreOperations;
use crate::store::{GcPreview, GcSummary, History, KeptForRefs, Retention};
use crate::wire;

/// Squash the history or drop old versions, and delete unreachable objects
///
/// Without --keep-…, all commits of the branch that no other branch or tag reaches become one. With --keep-last, --keep-since or
/// --keep-tags, keeps every version that one of these flags selects, and the current version of each path. Drops all other versions, and
/// the commits that changed nothing else. Commits that other branches or tags reach always stay; standard error says
/// which of these keep old versions. Prints the number of deleted objects, and on standard error how much space was freed.
///
/// JSON: {"removed":N,"before_bytes":N,"after_bytes":N,"freed_bytes":N,"commit":"…","branch":"…","changed":true}, with the commit that the
/// branch points to afterwards; with --dry-run
/// {"branch":"…","commits":N,"versions":N,"module_bytes":N}. With --keep-…, if other refs keep versions, each also has
/// "kept_for_refs":{"versions":N,"branches":["…"],"tags":["…"],"others":["…"],"left_out":N}
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("retention").multiple(true))]
pub(in crate::cli) struct GcArgs {
    /// Drop only versions of these modules, or of the modules in these directories
    #[arg(value_name = "PATH", value_parser = TreePath::parse, requires = "retention")]
    paths: Vec<TreePath>,
    /// Keep the history; only delete unreachable objects
    #[arg(long, conflicts_with = "retention")]
    keep_history: bool,
    /// Keep the newest N versions of each path
    #[arg(long, value_name = "N", group = "retention", value_parser = clap::value_parser!(u32).range(1..))]
    keep_last: Option<u32>,
    /// Keep the versions that the branch had at this time or later: 2026-11-01, 2026-11-01T12:00:00Z, 90d
    #[arg(long, value_name = "DATE", group = "retention", value_parser = parse_cutoff)]
    keep_since: Option<Cutoff>,
    /// Keep the versions that a tagged commit has
    #[arg(long, group = "retention")]
    keep_tags: bool,
    /// Print what would be dropped, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before history is dropped; without a terminal, nothing is asked
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    write: WriteArgs,
}

impl GcArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let history = self.history();
        let change = settings.change(self.write)?;
        let store = settings.open_existing()?;
        let spinner = || settings.progress().ticking_spinner("gc");
        let preview = |store: &dyn StoreOperations| {
            let spinner = spinner();
            let preview = store.preview_gc(change.branch.as_ref(), &history);
            spinner.finish_and_clear();
            preview
        };
        if self.dry_run {
            let preview = preview(store.as_ref())?;
            print_preview(&preview, out)?;
            print_line(settings, out, &dropped_line(&preview))?;
            return note_kept(
                settings,
                store.as_ref(),
                preview.kept_for_refs.as_ref(),
                out,
            );
        }
        let is_asked = io::stdin().is_terminal() && io::stderr().is_terminal();
        if is_asked && !self.yes && history != History::Keep {
            let preview = preview(store.as_ref())?;
            if preview.commits + preview.versions > 0 && !confirm(&preview)? {
                return Err(Error::NotConfirmed);
            }
        }
        let verb = match &history {
            History::Retain(_) => ChangeVerb::Shortened,
            History::Squash | History::Keep => ChangeVerb::Squashed,
        };
        let keeps_all = history == History::Keep;
        let spinner = spinner();
        let collected = store.gc(&change, history);
        spinner.finish_and_clear();
        let collected = collected?;
        let fields = json!(wire::GcJson::from(&collected));
        if !out.is_json() {
            out.line(collected.value.removed)?;
        }
        if out.is_json() || !keeps_all {
            report(settings, out, (verb, &collected), fields)?;
        }
        print_line(settings, out, &freed_line(&collected.value))?;
        let kept = collected.value.kept_for_refs.as_ref();
        note_kept(settings, store.as_ref(), kept, out)
    }

    fn history(&self) -> History {
        let keeps_some = self.keep_last.is_some() || self.keep_since.is_some() || self.keep_tags;
        match (self.keep_history, keeps_some) {
            (true, _) => History::Keep,
            (false, false) => History::Squash,
            (false, true) => History::Retain(Retention {
                last: self.keep_last,
                since: self.keep_since,
                tags: self.keep_tags,
                paths: self.paths.clone(),
            }),
        }
    }
}

fn print_preview(preview: &GcPreview, out: &mut Output) -> Result<()> {
    if out.is_json() {
        return out.json(&wire::GcPreviewJson::from(preview));
    }
    out.line(format_args!("commits\t{}", preview.commits))?;
    out.line(format_args!("versions\t{}", preview.versions))?;
    out.line(format_args!("module_bytes\t{}", preview.module_bytes))
}

/// Returns the line about the space that a collection has freed.
fn freed_line(summary: &GcSummary) -> String {
    let freed = match summary.freed_bytes {
        0 => "freed nothing".to_owned(),
        bytes => format!("freed {}", HumanBytes(bytes)),
    };
    match summary.object_bytes() {
        Some((before, after)) if before != after => {
            let (before, after) = (HumanBytes(before), HumanBytes(after));
            format!("{freed}: the objects took {before}, and take {after} now")
        }
        Some((_, after)) => format!("{freed}: the objects take {}", HumanBytes(after)),
        None => freed,
    }
}

/// Returns the line about the modules that a collection would drop.
fn dropped_line(preview: &GcPreview) -> String {
    match preview.versions {
        0 => "nothing changed: gc would drop no versions".to_owned(),
        _ => format!(
            "nothing changed: gc would drop versions of {} before compression",
            HumanBytes(preview.module_bytes)
        ),
    }
}

/// Prints on standard error which refs keep versions that would otherwise be dropped.
fn note_kept(
    settings: &Settings,
    store: &dyn StoreOperations,
    kept: Option<&KeptForRefs>,
    out: &mut Output,
) -> Result<()> {
    let Some(kept) = kept.filter(|_| !settings.is_quiet()) else {
        return Ok(());
    };
    // The default branch cannot be deleted, so the note suggests deleting the refs only if the default branch is not one of them. `kept`
    // lists a limited number of refs, all branches before the first tag: if there is a tag in the list, no branch was left out.
    let names_all_branches = kept.left_out == 0 || !kept.tags.is_empty();
    let is_default = |branch| kept.branches.contains(&branch);
    let is_deletable = kept.branches.is_empty()
        || names_all_branches
            && store
                .default_branch()
                .is_ok_and(|branch| !is_default(branch));
    let line = kept_line(kept, is_deletable.then(|| refs_to_delete(kept)));
    print_line(settings, out, &line)
}

/// Returns the line about versions that refs keep. `to_delete` is a phrase for the refs to delete so that gc can drop the versions, such as
/// `the tags`; `None` if these refs cannot all be deleted.
fn kept_line(kept: &KeptForRefs, to_delete: Option<&str>) -> String {
    let (plural, pronoun) = match kept.versions {
        1 => ("", "it"),
        _ => ("s", "them"),
    };
    let hint = to_delete.map(|refs| format!("; delete {refs} to drop {pronoun}"));
    let (versions, hint) = (kept.versions, hint.unwrap_or_default());
    format!("kept for {kept}: {versions} version{plural}{hint}")
}

fn refs_to_delete(kept: &KeptForRefs) -> &'static str {
    let others = kept.other_refs.len() + kept.left_out;
    match (kept.branches.len(), kept.tags.len(), others) {
        (1, 0, 0) => "the branch",
        (_, 0, 0) => "the branches",
        (0, 1, 0) => "the tag",
        (0, _, 0) => "the tags",
        (_, _, 0) => "these branches and tags",
        _ => "these refs",
    }
}

/// Asks on the terminal whether history may be dropped.
fn confirm(preview: &GcPreview) -> Result<bool> {
    let mut stderr = io::stderr();
    let question = format!(
        "gc drops {} commits and {} versions of modules (at most {}) from the history of {}, for good. Continue? [y/N] ",
        preview.commits,
        preview.versions,
        HumanBytes(preview.module_bytes),
        printable(preview.branch.as_str()),
    );
    let mut answer = String::new();
    write!(stderr, "{question}")
        .and_then(|()| stderr.flush())
        .and_then(|()| io::stdin().read_line(&mut answer))
        .map_err(Error::Output)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
