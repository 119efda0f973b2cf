//! `clone`: a store from a mirror.

use std::time::Duration;

use serde_json::json;

use super::verify::line;
use crate::cli::exit::{Error, Result};
use crate::cli::limit_args::seconds;
use crate::cli::output::{Output, complain};
use crate::cli::progress;
use crate::cli::settings::Settings;
use crate::config::MirrorLimits;
use crate::names::RemoteUrl;
use crate::remote;
use crate::store::{DerivedFaults, Finding};

/// Make a store from a mirror, or from any other git repository of modules
///
/// The store's folder must be missing or empty. Every branch and tag is copied, with its history; then the version index is made
/// and everything is checked as `verify` does: what is wrong is told on standard error, with exit code 5, and the store stays. If
/// it fails before that, or is killed, there is no store. It is not a mirror of what it came from, nor the other way round. The
/// default branch is --branch, or the repository's own, or `main`, or its only one. Prints nothing.
/// JSON: {"root":"…","branch":"…","object_format":"sha1"|"sha256","refs":N,"commits":N,"modules":N,"faults":N}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CloneArgs {
    /// Copy this repository: https, http, ssh (user@host:path too), git, file, or an absolute path
    #[arg(value_parser = RemoteUrl::parse)]
    url: RemoteUrl,
    /// Give up copying after so long [default: 3600]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
}

impl CloneArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let (root, branch) = (settings.root()?, settings.branch()?);
        let limit = MirrorLimits::within(self.timeout).push_timeout;
        let spinner = progress::spinner(settings, "copy");
        let copied = remote::clone(&self.url, &root, branch.as_ref(), limit, &mut || {
            spinner.tick();
        });
        spinner.finish_and_clear();
        let branch = copied?;
        let store = settings.open_existing_local()?;
        store.reindex()?;
        let counter = progress::counter(settings, "verify");
        let mut faults = 0;
        let mut report = |finding: Finding| {
            faults += usize::from(matches!(finding, Finding::Fault(_)));
            counter.suspend(|| complain(&line(&finding), settings.color()));
        };
        let checked = store.verify(DerivedFaults::Report, &mut report, &mut || counter.inc(1));
        counter.finish_and_clear();
        let checked = checked?;
        if out.is_json() {
            out.json(&json!({
                "root": root.to_string_lossy(),
                "branch": branch.as_str(),
                "object_format": store.object_format().unwrap_or_default().as_str(),
                "refs": checked.refs,
                "commits": checked.commits,
                "modules": checked.modules,
                "faults": faults,
            }))?;
        }
        match faults {
            0 => Ok(()),
            faults => Err(Error::Faults(faults)),
        }
    }
}
