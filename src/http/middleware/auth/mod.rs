//! Authentication and authorization: keys, the methods they allow, and the credentials in a request.

mod authorize;
pub(in crate::http) mod credentials;
mod keyring;
mod keys;
mod methods;

pub use keyring::Keyring;
pub use keys::{KeyError, Keys};

pub(in crate::http) use authorize::{Caller, authorize};
pub(in crate::http) use credentials::{PROTOCOL, conceal};
pub(in crate::http) use keyring::Pass;
