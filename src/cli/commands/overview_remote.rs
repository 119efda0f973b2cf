//! `wasmstore` alone, with a server: what can be asked of one.

use std::ops::ControlFlow;

use serde_json::json;

use super::overview::{counted, row, short};
use crate::cli::args::ReadArgs;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::{ServerUrl, TreePath};
use crate::store::{CappedCount, LogOrder, Revision};

/// How many modules are counted, and how many commits, which come with their messages.
const MODULES_MAX: usize = 100_000;
const COMMITS_MAX: usize = 1_000;

/// Prints it.
pub(super) fn run(url: &ServerUrl, settings: &Settings, out: &mut Output) -> Result<()> {
    let at = settings.at(&ReadArgs { commit: None })?;
    let store = settings.open()?;
    let (default, branches) = (store.default_branch()?, store.branches()?);
    let tip = store.snapshot(&at)?;
    let at = Revision::Commit(tip);
    let newest = store.commit(tip)?;
    let (modules, has_more) = store.list_first(&at, &TreePath::root(), MODULES_MAX)?;
    let modules = CappedCount {
        count: modules.len(),
        has_more,
    };
    let mut count = 0;
    store.log(&at, 0, COMMITS_MAX + 1, LogOrder::NewestFirst, &mut |_| {
        count += 1;
        ControlFlow::Continue(())
    })?;
    let commits = CappedCount {
        count: count.min(COMMITS_MAX),
        has_more: count > COMMITS_MAX,
    };
    let branch = settings.branch()?.unwrap_or_else(|| default.clone());
    if out.is_json() {
        let json_of =
            |counted: CappedCount| json!({ "count": counted.count, "more": counted.has_more });
        return out.json(&json!({
            "root": url.to_string(),
            "exists": true,
            "branch": branch.as_str(),
            "default_branch": default.as_str(),
            "branches": branches.len(),
            "modules": json_of(modules),
            "commits": json_of(commits),
            "newest": newest,
        }));
    }
    row(out, "store", &url.to_string())?;
    let is_default = match branch == default {
        true => "the default".to_owned(),
        false => format!("the default is {default}"),
    };
    let branches = branches.len();
    row(
        out,
        "branch",
        &format!("{branch} ({is_default}; branches: {branches})"),
    )?;
    row(out, "modules", &counted(modules))?;
    row(out, "commits", &counted(commits))?;
    row(out, "newest", &short(&newest))
}
