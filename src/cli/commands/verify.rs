//! `verify`: is everything there, and what it is said to be?

use crate::cli::exit::{Error, Result};
use crate::cli::output::{Output, printable};
use crate::cli::progress;
use crate::cli::settings::Settings;
use crate::store::{DerivedFaults, Finding, Location};
use crate::wire;

/// Check every branch, every object that one reaches, and every module
///
/// Each object is hashed and each module validated, while the store is in use, and what is derived from them is compared: the
/// version index, checked-out files, git's commit-graph. Prints what is wrong, one a line, and last how much was checked; exit code
/// 5 if something is wrong, also if it was repaired. What is neither a module nor a directory is told too, and no fault.
/// JSON: {"refs":N,"commits":N,"trees":N,"modules":N,"foreign":[{"path":"…","commit":"…"}],
/// "faults":[{"subject":"…","path":"…","commit":"…","reason":"…"}]}
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct VerifyArgs {
    /// Remove what is derived from the modules and their history, and wrong
    #[arg(long)]
    repair: bool,
}

impl VerifyArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let store = settings.open_local()?;
        let derived = match self.repair {
            true => DerivedFaults::Repair,
            false => DerivedFaults::Report,
        };
        let counter = progress::counter(settings, "verify");
        let (mut faults, mut findings, mut printed) = (0, Vec::new(), Ok(()));
        let mut report = |finding: Finding| {
            faults += usize::from(matches!(finding, Finding::Fault(_)));
            match out.is_json() {
                true => findings.push(finding),
                false if printed.is_ok() => {
                    printed = counter.suspend(|| out.line(printable(&line(&finding))));
                }
                false => {}
            }
        };
        let checked = store.verify(derived, &mut report, &mut || counter.inc(1));
        counter.finish_and_clear();
        let checked = checked?;
        printed?;
        match out.is_json() {
            true => out.json(&wire::VerifyReport::new(&checked, findings))?,
            false => out.line(format_args!(
                "refs {}, commits {}, trees {}, modules {}, faults {faults}",
                checked.refs, checked.commits, checked.trees, checked.modules
            ))?,
        }
        match faults {
            0 => Ok(()),
            faults => Err(Error::Faults(faults)),
        }
    }
}

/// What was found, on a line of its own.
pub(super) fn line(finding: &Finding) -> String {
    let at = |location: &Location| format!("{} in commit {}", location.path, location.commit);
    match finding {
        Finding::Foreign(location) => {
            format!(
                "{}: neither a module nor a directory, left alone",
                at(location)
            )
        }
        Finding::Fault(fault) => match &fault.location {
            Some(location) => format!("{} ({}): {}", at(location), fault.subject, fault.reason),
            None => format!("{}: {}", fault.subject, fault.reason),
        },
    }
}
