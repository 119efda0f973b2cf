//! Stores several files in one commit, shows a progress bar, and reports the commit.

use serde_json::json;

use super::change_report::{ChangeVerb, report, report_on_stderr};
use super::exit::Result;
use super::output::Output;
use super::settings::Settings;
use crate::store::{Change, ModuleFiles};
use crate::wire::Modules;

/// Stores files. Prints a line of `<hash>` tab `/<path>` for each, or JSON, and reports the commit. If there is no store, creates one. The
/// caller must have found the files before, so that a mistyped file name does not create an empty store.
pub(super) fn put_files(
    settings: &Settings,
    out: &mut Output,
    operation: &'static str,
    change: &Change,
    files: &ModuleFiles,
) -> Result<()> {
    let store = settings.open_or_create()?;
    let bar = settings.progress().bar(operation);
    let stored = store.put_files(change, files, &mut |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    })?;
    bar.finish_and_clear();
    if out.is_json() {
        let fields = json!({ "modules": Modules(&stored.value) });
        return report(settings, out, (ChangeVerb::Committed, &stored), fields);
    }
    for (path, hash) in &stored.value {
        out.text(format_args!("{hash}\t{path}\n"))?;
    }
    report_on_stderr(settings, out, ChangeVerb::Committed, &stored)
}
