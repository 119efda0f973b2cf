//! The value of `--if-match`: the hash or digest of the module that a change expects.

use super::exit::{Error, Result};
use super::settings::Settings;
use crate::names::{HashRef, ModuleHash, ModuleRef};
use crate::store::{self, Revision};

/// Returns the hash of the expected module. A digest is looked up on the branch. The module that belongs to a digest never changes, so the
/// look-up cannot be outdated when the change is made.
///
/// # Errors
/// No module on the branch has the digest, so the precondition cannot hold.
pub(super) fn expected_hash(settings: &Settings, expected: HashRef) -> Result<ModuleHash> {
    if let HashRef::Hash40(hash) = expected {
        return Ok(hash);
    }
    let revision = Revision::Branch(settings.branch()?);
    let found = settings
        .open()?
        .hash(&revision, &ModuleRef::Hash(expected))
        .map_err(Error::from);
    found.map_err(|error| match error.is_not_found() {
        true => {
            let current = format!("no module on the branch has {expected}");
            store::Error::PreconditionFailed { current }.into()
        }
        false => error,
    })
}
