//! `clone`: creates a store from a git repository.

use serde_json::json;

use super::verify::describe;
use crate::cli::config::{AtLeast, Seconds};
use crate::cli::exit::{Error, Result};
use crate::cli::logins::Logins;
use crate::cli::output::{Output, print_error};
use crate::cli::server_key::ServerKey;
use crate::cli::settings::Settings;
use crate::cli::url_or_login::UrlOrLogin;
use crate::config::{MirrorLimits, PushLimits};
use crate::names::RemoteUrl;
use crate::remote;
use crate::store::{DerivedFaults, FaultSeverity, Finding, StoreFault};

/// Create a store from a mirror, or from any other git repository of modules
///
/// The store's directory must be missing or empty. Copies every branch and tag with its history, and what OCI clients have pushed
/// (`refs/oci/records`), builds the version index, and checks everything as `verify` does. If there are faults, reports them on standard
/// error, exits with code 5, and keeps the store. If the command fails earlier or is killed, no store is created. The store and the
/// repository do not become mirrors of each other. The default branch is --branch, or the repository's default branch, or `main`, or the
/// only branch. For a server's repository, URL/wasmstore.git, the key of --key-file, WASMSTORE_KEY or `login` is sent to the server. Prints
/// nothing.
/// JSON: {"root":"…","branch":"…","object_format":"sha1"|"sha256","refs":N,"commits":N,"modules":N,"faults":N}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CloneArgs {
    /// Copy this repository: an https, http, ssh, git or file URL, user@host:path, or an absolute path; or the store of the login @NAME
    #[arg(value_name = "URL|@NAME", value_parser = |text: &str| UrlOrLogin::parse(text, RemoteUrl::parse))]
    url: UrlOrLogin<RemoteUrl>,
    /// Stop copying after this time
    #[arg(long, value_name = "SECONDS", default_value_t = Seconds(MirrorLimits::default().push_timeout))]
    timeout: Seconds,
    /// Limit the total length of all paths in the tree of a commit, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = AtLeast(PushLimits::default().tree_path_bytes_max))]
    max_tree_path_bytes: AtLeast<1>,
}

impl CloneArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let url = match self.url {
            UrlOrLogin::Url(url) => url,
            UrlOrLogin::Login(name) => Logins::read()?.find_name(&name)?.url().git(),
        };
        let (root, branch) = (settings.root()?, settings.branch()?);
        let limits = (
            MirrorLimits {
                push_timeout: self.timeout.0,
                ..MirrorLimits::default()
            },
            PushLimits {
                tree_path_bytes_max: self.max_tree_path_bytes.0,
                ..PushLimits::default()
            },
        );
        let key = settings.key_for_clone(&url)?;
        let key = key.as_ref().map(ServerKey::expose);
        let spinner = settings.progress().spinner("copy");
        let copied = remote::clone(&url, key, &root, branch.as_ref(), limits, &mut || {
            spinner.tick();
        });
        spinner.finish_and_clear();
        let branch = copied?;
        let store = settings.open_existing_local()?;
        store.reindex()?;
        let counter = settings.progress().counter("verify");
        let mut faults = 0;
        let mut report = |finding: Finding| {
            // Malformed metadata of a commit or tag is reported but not counted: it was copied from the other repository, so the copy is
            // not damaged.
            let is_damage = |fault: &StoreFault| fault.severity == FaultSeverity::Damage;
            faults += usize::from(matches!(&finding, Finding::Fault(fault) if is_damage(fault)));
            counter.suspend(|| print_error(&describe(&finding), settings.color()));
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
