//! `wasmstore` alone: where the store is, and what is in it.

use std::path::Path;
use std::sync::Arc;

use indicatif::HumanBytes;
use serde_json::json;

use super::overview_remote;
use crate::cli::args::ReadArgs;
use crate::cli::exit::{Error, Result};
use crate::cli::local_time;
use crate::cli::output::{Output, printable};
use crate::cli::settings::Settings;
use crate::cli::store_location::StoreLocation;
use crate::config::MirrorLimits;
use crate::names::BranchName;
use crate::remote::{self, Mirror, Mirrors};
use crate::store::{CappedCount, ObjectFormat, Overview, Store};
use crate::wire;

/// How many digits of a commit are enough to recognise it.
const SHORT_DIGITS: usize = 10;

/// Prints it.
pub(in crate::cli) fn run(settings: &Settings, out: &mut Output) -> Result<()> {
    let root = match settings.location()? {
        StoreLocation::Directory(root) => std::path::absolute(&root).unwrap_or(root),
        StoreLocation::Server(url) => return overview_remote::run(&url, settings, out),
    };
    let store = Arc::new(settings.open_local()?);
    let Some(format) = store.object_format() else {
        return missing(&root, out);
    };
    let at = settings.at(&ReadArgs { commit: None })?;
    let overview = store.overview(&at)?;
    let branch = settings.branch()?;
    let branch = branch.as_ref().unwrap_or(&overview.default_branch);
    let mirrors = mirrors(Arc::clone(&store))?;
    match out.is_json() {
        true => print_json(&root, format, branch, &overview, &mirrors, out),
        false => print(&root, format, branch, &overview, &mirrors, out),
    }
}

fn missing(root: &Path, out: &mut Output) -> Result<()> {
    if out.is_json() {
        return out.json(&json!({ "root": root.to_string_lossy(), "exists": false }));
    }
    row(out, "store", &format!("{} (not there yet)", root.display()))?;
    let next =
        "`wasmstore init` creates it, and so does `wasmstore add FILE`; --root DIR names another";
    row(out, "next", next)
}

/// The mirrors of a store; without git there are none.
fn mirrors(store: Arc<Store>) -> Result<Vec<Mirror>> {
    let mirrors = Mirrors::new(store, MirrorLimits::default());
    match mirrors.and_then(|mirrors| mirrors.list()) {
        Err(remote::Error::NoGit) => Ok(Vec::new()),
        mirrors => mirrors.map_err(Error::from),
    }
}

fn print(
    root: &Path,
    format: ObjectFormat,
    branch: &BranchName,
    overview: &Overview,
    mirrors: &[Mirror],
    out: &mut Output,
) -> Result<()> {
    row(
        out,
        "store",
        &format!("{} ({})", root.display(), format.as_str()),
    )?;
    let default = match *branch == overview.default_branch {
        true => "the default".to_owned(),
        false => format!("the default is {}", overview.default_branch),
    };
    let (branches, tags) = (overview.branches, overview.tags);
    row(
        out,
        "branch",
        &format!("{branch} ({default}; branches: {branches}, tags: {tags})"),
    )?;
    row(out, "modules", &counted(overview.modules))?;
    row(out, "commits", &counted(overview.commits))?;
    row(out, "size", &HumanBytes(overview.objects_bytes).to_string())?;
    if let Some(newest) = &overview.newest {
        row(out, "newest", &short(&wire::CommitJson::from(newest)))?;
    }
    for mirror in mirrors {
        row(out, "mirror", &format!("{} {}", mirror.name, mirror.url))?;
    }
    Ok(())
}

pub(super) fn row(out: &mut Output, name: &str, value: &str) -> Result<()> {
    let name = format!("{name}:");
    out.text(format_args!("{name:<9}{}\n", printable(value)))
}

pub(super) fn counted(counted: CappedCount) -> String {
    match counted.has_more {
        true => format!("over {}", counted.count),
        false => counted.count.to_string(),
    }
}

/// A commit on a line: the beginning of its id, date, author, and the first line of its message.
pub(super) fn short(commit: &wire::CommitJson) -> String {
    let date = local_time::format(commit.date);
    let message = commit.message.lines().next().unwrap_or_default();
    format!(
        "{} {date} {}: {message}",
        commit.hash.chars().take(SHORT_DIGITS).collect::<String>(),
        commit.author
    )
}

fn print_json(
    root: &Path,
    format: ObjectFormat,
    branch: &BranchName,
    overview: &Overview,
    mirrors: &[Mirror],
    out: &mut Output,
) -> Result<()> {
    let counted =
        |counted: CappedCount| json!({ "count": counted.count, "more": counted.has_more });
    let mirrors = mirrors
        .iter()
        .map(|mirror| json!({ "name": mirror.name.as_str(), "url": mirror.url.to_string() }));
    out.json(&json!({
        "root": root.to_string_lossy(),
        "exists": true,
        "object_format": format.as_str(),
        "branch": branch.as_str(),
        "default_branch": overview.default_branch.as_str(),
        "branches": overview.branches,
        "tags": overview.tags,
        "modules": counted(overview.modules),
        "commits": counted(overview.commits),
        "objects_bytes": overview.objects_bytes,
        "newest": overview.newest.as_ref().map(wire::CommitJson::from),
        "mirrors": mirrors.collect::<Vec<_>>(),
    }))
}
