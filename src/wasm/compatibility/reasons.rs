//! Collects the reasons for a verdict.

use super::verdict::{Compatibility, Verdict};
use crate::wasm::error::one_line;

/// The maximum number of reasons of each kind. A module may differ in a million exports.
const REASONS_MAX: usize = 100;

/// The names of the newer and the older module in the texts of the reasons. If a component is compared with a WIT world, they name the
/// component and the world.
#[derive(Clone, Copy, Debug)]
pub(super) struct SubjectNames {
    /// How the texts name the newer module, such as `the newer module`.
    pub new: &'static str,
    /// How the texts name the older module, such as `the older one`.
    pub old: &'static str,
}

/// The names that the reasons use when two modules are compared.
pub(super) const MODULES: SubjectNames = SubjectNames {
    new: "the newer module",
    old: "the older one",
};

/// Collects the reasons for a verdict on whether a newer module is compatible with an older one.
#[derive(Debug)]
pub(super) struct Reasons {
    pub subject_names: SubjectNames,
    breaking: Vec<String>,
    compatible: Vec<String>,
    left_out: usize,
}

impl Reasons {
    pub(super) fn new(subject_names: SubjectNames) -> Self {
        Self {
            subject_names,
            breaking: Vec::new(),
            compatible: Vec::new(),
            left_out: 0,
        }
    }

    /// Adds the text of a difference that breaks users of the older module.
    pub(super) fn breaking(&mut self, text: &str) {
        self.left_out += usize::from(!push(&mut self.breaking, text));
    }

    /// Adds the text of a difference that does not break users of the older module.
    pub(super) fn compatible(&mut self, text: &str) {
        self.left_out += usize::from(!push(&mut self.compatible, text));
    }

    pub(super) fn into_verdict(self) -> Verdict {
        let compatibility = match (self.breaking.is_empty(), self.compatible.is_empty()) {
            (false, _) => Compatibility::Breaking,
            (true, false) => Compatibility::Compatible,
            (true, true) => Compatibility::Same,
        };
        Verdict {
            compatibility,
            breaking: self.breaking,
            compatible: self.compatible,
            left_out: self.left_out,
        }
    }
}

/// Adds a reason, unless there are [`REASONS_MAX`] reasons already. Returns whether it was added. The text may contain long names from the
/// modules, so its length is limited.
fn push(reasons: &mut Vec<String>, text: &str) -> bool {
    let has_room = reasons.len() < REASONS_MAX;
    if has_room {
        reasons.push(one_line(text));
    }
    has_room
}
