//! `log PATH`: prints the commits that changed a path, or only those that changed its imports, exports or size in a given way.

use std::ops::ControlFlow;

use serde_json::json;

use super::log::{format_short, format_with_header};
use crate::cli::color::DiffColor;
use crate::cli::exit::Result;
use crate::cli::followed_log::PathSegment;
use crate::cli::output::Output;
use crate::cli::pager::LatePager;
use crate::cli::path_history::note_earlier_history;
use crate::cli::settings::Settings;
use crate::names::{ModulePath, printable};
use crate::remote::StoreOperations;
use crate::store::{self, ChangeFilter, CommitFilter, Growth, ItemPattern, Revision};
use crate::wire::{ItemStateJson, MatchedItemJson, MatchedJson, PathCommitJson};

/// The arguments that select commits by what they changed in the module.
#[derive(Debug, clap::Args)]
pub(super) struct ChangeArgs {
    /// Print only the commits at which an import that matches PATTERN appeared, disappeared or changed, for example env.memory or
    /// wasi:http@0.2
    #[arg(long, value_name = "PATTERN", requires = "path")]
    import: Option<String>,
    /// Print only the commits at which an export that matches PATTERN appeared, disappeared or changed; with --import, commits with at
    /// least one of these changes
    #[arg(long, value_name = "PATTERN", requires = "path")]
    export: Option<String>,
    /// Print only the commits at which the module grew by this share or more, such as 10%; with --import or --export, commits with at
    /// least one of these changes
    #[arg(long, value_name = "SHARE", requires = "path")]
    grew: Option<Growth>,
}

impl ChangeArgs {
    /// Returns the filter that the arguments describe. Without arguments, it has no conditions.
    pub fn parse(&self) -> Result<ChangeFilter> {
        let pattern = |text: &Option<String>| text.as_deref().map(ItemPattern::parse).transpose();
        Ok(ChangeFilter {
            import: pattern(&self.import)?,
            export: pattern(&self.export)?,
            grew: self.grew,
        })
    }
}

/// The part of the found commits that is printed: `count` commits after the first `skip`.
#[derive(Clone, Copy, Debug)]
pub(super) struct PrintedRange {
    pub skip: usize,
    pub count: usize,
    /// Whether the selected commits are printed in reverse order.
    pub is_reversed: bool,
}

/// The log of a path, as requested on the command line.
#[derive(Debug)]
pub(super) struct PathLog {
    pub path: ModulePath,
    /// Selects commits by what they changed in the module.
    pub changes: ChangeFilter,
    /// Selects commits by author and date.
    pub commits: CommitFilter,
    pub printed_range: PrintedRange,
    /// Whether each commit is printed on one line.
    pub is_short: bool,
    /// Whether the log goes on at the path from which the module was moved.
    pub is_followed: bool,
}

impl PathLog {
    /// Prints the selected commits that changed the path.
    ///
    /// # Errors
    /// The path never existed.
    pub fn run(
        &self,
        settings: &Settings,
        (store, revision): (&dyn StoreOperations, &Revision),
        pager: &mut LatePager,
        out: &mut Output,
    ) -> Result<()> {
        let revision = store.pin(revision)?;
        if out.is_json() {
            let mut array = out.array();
            self.visit(store, &revision, |path, commit| {
                if !self.is_followed {
                    return array.push(commit);
                }
                let mut json = json!(commit);
                json["path"] = json!(path.to_string());
                array.push(&json)
            })?;
            return array.end();
        }
        self.visit(store, &revision, |path, commit| {
            pager.start(out);
            self.print((path, commit), out)
        })?;
        // A failure to find more to say does not fail the command, which has printed everything.
        if !settings.is_quiet()
            && !self.is_followed
            && !self.is_cut()
            && let Ok(versions) = store.versions(&revision, &self.path)
            && let Some(version) = versions.first()
        {
            note_earlier_history(settings, out, store, (version.commit, &self.path))?;
        }
        Ok(())
    }

    /// Returns whether the log may be only a part of the history, so that its end is not the beginning of the path.
    fn is_cut(&self) -> bool {
        let is_filtered =
            self.changes != ChangeFilter::default() || self.commits != CommitFilter::default();
        is_filtered || self.printed_range.count != usize::MAX
    }

    /// Calls `show` for each selected commit until `show` fails.
    fn visit(
        &self,
        store: &dyn StoreOperations,
        revision: &Revision,
        mut show: impl FnMut(&ModulePath, &PathCommitJson) -> Result<()>,
    ) -> Result<()> {
        let PrintedRange {
            skip,
            count,
            is_reversed,
        } = self.printed_range;
        let end = skip.saturating_add(count);
        let (mut found, mut selected, mut shown) = (0, Vec::new(), Ok(()));
        self.walk(store, revision, &mut |path, commit| {
            if found >= end {
                return ControlFlow::Break(());
            }
            found += 1;
            if found > skip {
                if is_reversed {
                    selected.push((path.clone(), commit));
                } else {
                    shown = show(path, &commit);
                }
            }
            match shown {
                Ok(()) if found < end => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        })?;
        shown?;
        if found == 0 && end > 0 && !self.existed(store, revision)? {
            return Err(store::Error::NeverExisted(self.path.to_string()).into());
        }
        let mut selected = selected.iter().rev();
        selected.try_for_each(|(path, commit)| show(path, commit))
    }

    /// Calls `visit` for each commit that the filters select, with the path of the module, newest first, until `visit` returns `Break`.
    fn walk(
        &self,
        store: &dyn StoreOperations,
        revision: &Revision,
        visit: &mut dyn FnMut(&ModulePath, PathCommitJson) -> ControlFlow<()>,
    ) -> Result<()> {
        let filters = (&self.changes, &self.commits);
        if !self.is_followed {
            store.log_path(revision, &self.path, filters, &mut |commit| {
                visit(&self.path, commit)
            })?;
            return Ok(());
        }
        let selects_changes = self.changes != ChangeFilter::default();
        let mut next = Some((revision.clone(), self.path.clone()));
        while let Some((revision, path)) = next {
            let segment = PathSegment::newest(store, &revision, &path)?;
            let mut is_stopped = false;
            store.log_path(&revision, &path, filters, &mut |commit| {
                let id = &commit.commit.commit;
                if !segment.contains(id) || selects_changes && segment.is_moved_by(id) {
                    // A move does not change the module.
                    return ControlFlow::Continue(());
                }
                let flow = visit(&path, commit);
                is_stopped = flow.is_break();
                flow
            })?;
            let origin = segment.origin.filter(|_| !is_stopped);
            next = origin.map(|origin| (origin.revision, origin.path));
        }
        Ok(())
    }

    /// Returns whether there was ever a module at or below the path.
    fn existed(&self, store: &dyn StoreOperations, revision: &Revision) -> Result<bool> {
        let mut existed = false;
        let all = (&ChangeFilter::default(), &CommitFilter::default());
        store.log_path(revision, &self.path, all, &mut |_| {
            existed = true;
            ControlFlow::Break(())
        })?;
        Ok(existed)
    }

    /// Prints a commit, and its changes that match the filter.
    fn print(
        &self,
        (path, commit): (&ModulePath, &PathCommitJson),
        out: &mut Output,
    ) -> Result<()> {
        let text = if self.is_short {
            format_short(&commit.commit, out)
        } else {
            // If the path is a directory, `module` is `None`, and the commit is printed without the line `Module:`.
            let line = commit.module.as_ref().map(|module| {
                let module = module.as_deref().unwrap_or("removed");
                format!("Module: {module}\n")
            });
            let mut lines = line.unwrap_or_default();
            if *path != self.path {
                lines.push_str(&format!("Path: {path}\n"));
            }
            format_with_header(&commit.commit, &lines, out)
        };
        out.text(format_args!("{text}"))?;
        match &commit.matched {
            Some(matched) => print_changes(matched, out),
            None => Ok(()),
        }
    }
}

fn print_changes(matched: &MatchedJson, out: &mut Output) -> Result<()> {
    for item in &matched.items {
        out.text(format_args!("    "))?;
        let (color, text) = describe(item);
        out.colored(color, &text)?;
        out.line("")?;
    }
    if matched.left_out > 0 {
        out.line(format_args!("    and {} more", matched.left_out))?;
    }
    if let Some(grew) = &matched.grew {
        let (old, new) = (grew.old, grew.new);
        let share = 100.0 * (new as f64 - old as f64) / old.max(1) as f64;
        out.line(format_args!("    size: {old} -> {new} (+{share:.1}%)"))?;
    }
    if let Some(reason) = &matched.unknown {
        let reason = printable(reason);
        out.line(format_args!("    not all changes are known: {reason}"))?;
    }
    out.line("")
}

fn describe(item: &MatchedItemJson) -> (DiffColor, String) {
    let (color, sign, state) = match (&item.old, &item.new) {
        (None, new) => (DiffColor::Added, '+', new.as_ref().map(describe_state)),
        (Some(old), None) => (DiffColor::Removed, '-', Some(describe_state(old))),
        (Some(old), Some(new)) => {
            let states = format!("{} -> {}", describe_state(old), describe_state(new));
            (DiffColor::Updated, '~', Some(states))
        }
    };
    let state = state.filter(|state| !state.is_empty());
    let state = state.map(|state| format!(": {state}")).unwrap_or_default();
    let text = format!("{sign} {} {}{state}", item.kind.as_str(), item.name);
    (color, printable(&text))
}

fn describe_state(state: &ItemStateJson) -> String {
    match (state.version.as_str(), state.ty.as_str()) {
        ("", ty) => ty.to_owned(),
        (version, "") => format!("@{version}"),
        (version, ty) => format!("@{version} {ty}"),
    }
}
