//! What a check of the whole store found.

use serde::Serialize;

use crate::store::{self, Finding};

/// How much was checked, and what was found.
#[derive(Debug, Serialize)]
pub struct Verified {
    refs: usize,
    commits: usize,
    trees: usize,
    modules: usize,
    foreign: Vec<Location>,
    faults: Vec<Fault>,
}

#[derive(Debug, Serialize)]
struct Location {
    path: String,
    commit: String,
}

#[derive(Debug, Serialize)]
struct Fault {
    subject: String,
    #[serde(flatten)]
    location: Option<Location>,
    reason: String,
}

impl Verified {
    /// What was checked, with what was found meanwhile.
    pub fn new(checked: &store::Checked, findings: Vec<Finding>) -> Self {
        let mut verified = Self {
            refs: checked.refs,
            commits: checked.commits,
            trees: checked.trees,
            modules: checked.modules,
            foreign: Vec::new(),
            faults: Vec::new(),
        };
        for finding in findings {
            match finding {
                Finding::Foreign(location) => verified.foreign.push(location.into()),
                Finding::Fault(fault) => verified.faults.push(Fault {
                    subject: fault.subject,
                    location: fault.location.map(Location::from),
                    reason: fault.reason,
                }),
            }
        }
        verified
    }
}

impl From<store::Location> for Location {
    fn from(location: store::Location) -> Self {
        Self {
            path: location.path,
            commit: location.commit.to_string(),
        }
    }
}
