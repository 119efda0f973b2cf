//! The result of verifying a store, as JSON.

use serde::Serialize;

use crate::store::{self, FaultSeverity, Finding};

/// The report of a verification: the numbers of checked objects, and the findings.
#[derive(Debug, Serialize)]
pub struct VerifyReport {
    refs: usize,
    commits: usize,
    trees: usize,
    modules: usize,
    foreign: Vec<LocationJson>,
    faults: Vec<FaultJson>,
}

#[derive(Debug, Serialize)]
struct LocationJson {
    path: String,
    commit: String,
}

#[derive(Debug, Serialize)]
struct FaultJson {
    subject: String,
    #[serde(flatten)]
    location: Option<LocationJson>,
    reason: String,
    severity: &'static str,
}

impl VerifyReport {
    /// Combines the counts with the findings.
    pub fn new(checked: &store::VerifyCounts, findings: Vec<Finding>) -> Self {
        let mut report = Self {
            refs: checked.refs,
            commits: checked.commits,
            trees: checked.trees,
            modules: checked.modules,
            foreign: Vec::new(),
            faults: Vec::new(),
        };
        for finding in findings {
            match finding {
                Finding::Foreign(location) => report.foreign.push(location.into()),
                Finding::Fault(fault) => report.faults.push(FaultJson {
                    subject: fault.subject,
                    location: fault.location.map(LocationJson::from),
                    reason: fault.reason,
                    severity: match fault.severity {
                        FaultSeverity::Damage => "damage",
                        FaultSeverity::Metadata => "metadata",
                    },
                }),
            }
        }
        report
    }
}

impl From<store::ObjectLocation> for LocationJson {
    fn from(location: store::ObjectLocation) -> Self {
        Self {
            path: location.path,
            commit: location.commit.to_string(),
        }
    }
}
