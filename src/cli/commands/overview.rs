//! `wasmstore` without a command: prints an overview of the store.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use indicatif::HumanBytes;
use serde_json::{Value, json};

use crate::cli::args::ReadArgs;
use crate::cli::change_report::short_id;
use crate::cli::exit::{Error, Result};
use crate::cli::local_time;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::store_location::StoreLocation;
use crate::config::MirrorLimits;
use crate::names::{BranchName, ServerUrl, TreePath, printable};
use crate::remote::{self, Mirror, Mirrors, StoreOperations};
use crate::store::{CappedCount, LogSelection, ObjectFormat, Overview, Revision, Store};
use crate::wire;

/// The limits for counting the modules and commits of a store on a server. The limit for commits is lower, because the server sends each
/// commit with its message.
const SERVED_MODULES_MAX: usize = 100_000;
const SERVED_COMMITS_MAX: usize = 1_000;

/// Prints the overview.
pub(in crate::cli) fn run(settings: &Settings, out: &mut Output) -> Result<()> {
    match settings.location()? {
        StoreLocation::Directory(root) => {
            let root = std::path::absolute(&root).unwrap_or(root);
            print_local(&root, settings, out)
        }
        StoreLocation::Server(url) => print_served(&url, settings, out),
    }
}

fn print_local(root: &Path, settings: &Settings, out: &mut Output) -> Result<()> {
    let store = Arc::new(settings.open_local()?);
    let Some(format) = store.object_format() else {
        return print_missing(root, out);
    };
    let revision = settings.revision(&ReadArgs { commit: None })?;
    let overview = store.overview(&revision)?;
    let branch = settings.branch()?;
    let branch = branch.as_ref().unwrap_or(&overview.default_branch);
    let mirrors = list_mirrors(Arc::clone(&store))?;
    if out.is_json() {
        return out.json(&local_json(root, format, branch, &overview, &mirrors));
    }
    let root = format!("{} ({})", root.display(), format.as_str());
    print_row(out, "store", &root)?;
    let default = describe_default(branch, &overview.default_branch);
    let (branches, tags) = (overview.branches, overview.tags);
    let branch = format!("{branch} ({default}; branches: {branches}, tags: {tags})");
    print_row(out, "branch", &branch)?;
    print_row(out, "modules", &describe_count(overview.modules))?;
    print_row(out, "commits", &describe_count(overview.commits))?;
    let size = HumanBytes(overview.objects_bytes).to_string();
    print_row(out, "size", &size)?;
    if let Some(newest) = &overview.newest {
        let newest = wire::CommitJson::from(newest);
        print_row(out, "newest", &describe_commit(&newest))?;
    }
    for mirror in &mirrors {
        print_row(out, "mirror", &format!("{} {}", mirror.name, mirror.url))?;
    }
    Ok(())
}

fn print_missing(root: &Path, out: &mut Output) -> Result<()> {
    if out.is_json() {
        return out.json(&json!({ "root": root.to_string_lossy(), "exists": false }));
    }
    let store = format!("{} (does not exist yet)", root.display());
    print_row(out, "store", &store)?;
    let next =
        "`wasmstore init` or `wasmstore add FILE` creates it; --root DIR selects another store";
    print_row(out, "next", next)
}

/// Lists the mirrors of a store. If git is not installed, the list is empty.
fn list_mirrors(store: Arc<Store>) -> Result<Vec<Mirror>> {
    let mirrors = Mirrors::new(store, MirrorLimits::default());
    match mirrors.and_then(|mirrors| mirrors.list()) {
        Err(remote::Error::NoGit) => Ok(Vec::new()),
        mirrors => mirrors.map_err(Error::from),
    }
}

fn local_json(
    root: &Path,
    format: ObjectFormat,
    branch: &BranchName,
    overview: &Overview,
    mirrors: &[Mirror],
) -> Value {
    let mirrors = mirrors
        .iter()
        .map(|mirror| json!({ "name": mirror.name.as_str(), "url": mirror.url.to_string() }));
    json!({
        "root": root.to_string_lossy(),
        "exists": true,
        "object_format": format.as_str(),
        "branch": branch.as_str(),
        "default_branch": overview.default_branch.as_str(),
        "branches": overview.branches,
        "tags": overview.tags,
        "modules": count_json(overview.modules),
        "commits": count_json(overview.commits),
        "objects_bytes": overview.objects_bytes,
        "newest": overview.newest.as_ref().map(wire::CommitJson::from),
        "mirrors": mirrors.collect::<Vec<_>>(),
    })
}

fn print_served(url: &ServerUrl, settings: &Settings, out: &mut Output) -> Result<()> {
    let revision = settings.revision(&ReadArgs { commit: None })?;
    let store = settings.open()?;
    let (default, branches) = (store.default_branch()?, store.branches()?.len());
    let tip = store.snapshot(&revision)?;
    let newest = store.commit(tip)?;
    let revision = Revision::Commit(tip);
    let modules = count_modules(store.as_ref(), &revision)?;
    let commits = count_commits(store.as_ref(), &revision)?;
    let branch = settings.branch()?.unwrap_or_else(|| default.clone());
    if out.is_json() {
        return out.json(&json!({
            "root": url.to_string(),
            "exists": true,
            "branch": branch.as_str(),
            "default_branch": default.as_str(),
            "branches": branches,
            "modules": count_json(modules),
            "commits": count_json(commits),
            "newest": newest,
        }));
    }
    print_row(out, "store", &url.to_string())?;
    let is_default = describe_default(&branch, &default);
    let branch = format!("{branch} ({is_default}; branches: {branches})");
    print_row(out, "branch", &branch)?;
    print_row(out, "modules", &describe_count(modules))?;
    print_row(out, "commits", &describe_count(commits))?;
    print_row(out, "newest", &describe_commit(&newest))
}

fn count_modules(store: &dyn StoreOperations, revision: &Revision) -> Result<CappedCount> {
    let (modules, has_more) = store.list_first(revision, &TreePath::root(), SERVED_MODULES_MAX)?;
    Ok(CappedCount {
        count: modules.len(),
        has_more,
    })
}

fn count_commits(store: &dyn StoreOperations, revision: &Revision) -> Result<CappedCount> {
    let newest = LogSelection::newest(SERVED_COMMITS_MAX + 1);
    let mut count = 0;
    store.log(revision, &newest, &mut |_| {
        count += 1;
        ControlFlow::Continue(())
    })?;
    Ok(CappedCount {
        count: count.min(SERVED_COMMITS_MAX),
        has_more: count > SERVED_COMMITS_MAX,
    })
}

fn print_row(out: &mut Output, name: &str, value: &str) -> Result<()> {
    let name = format!("{name}:");
    out.text(format_args!("{name:<9}{}\n", printable(value)))
}

fn describe_default(branch: &BranchName, default: &BranchName) -> String {
    if branch == default {
        "the default".to_owned()
    } else {
        format!("the default is {default}")
    }
}

fn describe_count(counted: CappedCount) -> String {
    if counted.has_more {
        format!("over {}", counted.count)
    } else {
        counted.count.to_string()
    }
}

/// Returns a commit as one line: the beginning of its id, its date, its author, and the first line of its message.
fn describe_commit(commit: &wire::CommitJson) -> String {
    let id = short_id(&commit.commit);
    let date = local_time::format(commit.date);
    let message = commit.message.lines().next().unwrap_or_default();
    format!("{id} {date} {}: {message}", commit.author)
}

fn count_json(counted: CappedCount) -> Value {
    json!({ "count": counted.count, "more": counted.has_more })
}
