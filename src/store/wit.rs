//! Returns the WIT of a module.

use super::error::{Error, Result};
use super::facts::WitResult;
use super::open::Store;
use super::revision::Revision;
use crate::names::{ModuleHash, ModuleRef};
use crate::wasm::WitFacts;

/// The last line of a text whose end is cut off.
const CUT_COMMENT: &str = "// The rest is left out, because the text is too long.\n";

/// The WIT of a module, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleWit {
    /// The hash of the module.
    pub hash: ModuleHash,
    /// The text, as `wasm-tools component wit` prints it. If the text is longer than 512 KiB, it is cut at the end of a line, and the last
    /// line is a comment that says so.
    pub text: String,
}

impl Store {
    /// Returns the WIT of the module that `name` refers to in the tree at `revision`: the WIT of a component, of a package, or of the world
    /// that is embedded in a core module.
    ///
    /// # Errors
    /// The tree does not have the module, or the module has no WIT.
    pub fn wit(&self, revision: &Revision, name: &ModuleRef) -> Result<ModuleWit> {
        let (hash, facts) = self.facts(revision, name)?;
        match facts.wit {
            WitResult::Decoded(wit) => Ok(ModuleWit {
                hash,
                text: marked_text(wit),
            }),
            WitResult::Absent(reason) => Err(Error::NoWit {
                name: name.to_string(),
                reason,
            }),
        }
    }
}

/// Returns the text, with a comment at its end if the text is cut.
pub(super) fn marked_text(wit: WitFacts) -> String {
    let mut text = wit.text;
    if wit.text_is_cut {
        text.push_str(CUT_COMMENT);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::WitSource;

    #[test]
    fn a_text_that_is_cut_ends_with_a_comment() {
        let wit = |text_is_cut| WitFacts {
            source: WitSource::Package,
            text: "package a:b;\n".to_owned(),
            text_is_cut,
            imports: Vec::new(),
            exports: Vec::new(),
            left_out: 0,
        };
        assert_eq!(marked_text(wit(false)), "package a:b;\n");
        let cut = marked_text(wit(true));
        let lines: Vec<_> = cut.lines().collect();
        assert_eq!(lines[0], "package a:b;");
        assert!(lines.len() == 2 && lines[1].starts_with("// The rest"));
    }
}
