//! `verify`: checks the whole store.

use crate::cli::exit::{Error, Result};
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::printable;
use crate::store::{DerivedFaults, Finding, ObjectLocation};
use crate::wire;

/// Check every branch, every object that a branch reaches, and every module
///
/// Hashes each object, validates each module and compares what OCI clients have pushed with its digests. Also compares the derived data
/// (the version index, checked-out files and git's commit-graph) with the modules. The store may be in use. Prints one line for each
/// fault, and finally the numbers of checked objects. The exit code is 5 if there was a fault, even if it was repaired, or if there is no
/// store. A fault of severity "metadata" is a commit or tag with a malformed author, date or message, which git can still read; every
/// other fault is "damage". Entries that are neither modules nor directories are listed too, but are not faults.
/// JSON: {"refs":N,"commits":N,"trees":N,"modules":N,"foreign":[{"path":"…","commit":"…"}],
/// "faults":[{"subject":"…","path":"…","commit":"…","reason":"…","severity":"…"}]}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VerifyArgs {
    /// Delete derived data that is wrong
    #[arg(long)]
    repair: bool,
}

impl VerifyArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let store = settings.open_local()?;
        if let Some(root) = settings.missing_root() {
            return Err(Error::NoStoreToVerify(root));
        }
        let derived = if self.repair {
            DerivedFaults::Repair
        } else {
            DerivedFaults::Report
        };
        let counter = settings.progress().counter("verify");
        let (mut faults, mut findings, mut printed) = (0, Vec::new(), Ok(()));
        let mut report = |finding: Finding| {
            faults += usize::from(matches!(finding, Finding::Fault(_)));
            if out.is_json() {
                findings.push(finding);
            } else if printed.is_ok() {
                printed = counter.suspend(|| out.line(printable(&describe(&finding))));
            }
        };
        let result = store.verify(derived, &mut report, &mut || counter.inc(1));
        counter.finish_and_clear();
        let checked = result?;
        printed?;
        if out.is_json() {
            out.json(&wire::VerifyReport::new(&checked, findings))?;
        } else {
            out.line(format_args!(
                "refs {}, commits {}, trees {}, modules {}, faults {faults}",
                checked.refs, checked.commits, checked.trees, checked.modules
            ))?;
        }
        match faults {
            0 => Ok(()),
            faults => Err(Error::Faults(faults)),
        }
    }
}

/// Describes a finding in one line.
pub(super) fn describe(finding: &Finding) -> String {
    let at = |location: &ObjectLocation| format!("{} in commit {}", location.path, location.commit);
    match finding {
        Finding::Foreign(location) => {
            format!(
                "{}: neither a module nor a directory, ignored",
                at(location)
            )
        }
        Finding::Fault(fault) => match &fault.location {
            Some(location) => format!("{} ({}): {}", at(location), fault.subject, fault.reason),
            None => format!("{}: {}", fault.subject, fault.reason),
        },
    }
}
