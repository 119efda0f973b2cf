//! The value of `--if-match`: the hash or digest of the module that a change expects.

use super::exit::{Error, Result};
use super::settings::Settings;
use crate::names::{HashRef, ModuleHash, ModuleRef};
use crate::remote;
use crate::store::{self, Revision};

/// The HTTP status of a request that the key does not allow (RFC 9110, section 15.5.4).
const FORBIDDEN: u16 = 403;

/// Returns the hash of the expected module. A digest is looked up on the branch. A digest always belongs to the same module, so the result
/// of the look-up is still right when the change is made.
///
/// If `expected` has 64 digits without `sha256:`, it is a digest in a store with SHA-1 object ids, and may be a hash in a store with
/// SHA-256 object ids. If the API key does not allow the look-up, such a value is treated as a hash, so that a key that allows only writes
/// is sufficient.
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
    found.or_else(|error| match (&error, expected) {
        (Error::Remote(remote::Error::Refused(refused)), HashRef::Hex64(_))
            if refused.status == FORBIDDEN =>
        {
            Ok(ModuleHash::parse(&expected.to_string())?)
        }
        _ if error.is_not_found() => {
            let current = format!("no module on the branch has {expected}");
            Err(store::Error::PreconditionFailed { current }.into())
        }
        _ => Err(error),
    })
}
