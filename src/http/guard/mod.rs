//! The guard: who is let through to the routes, by key, by host and by origin.

mod auth;
mod host;
mod keyring;
mod keys;
mod methods;
mod origin;
mod replica;
mod shown;

pub use keyring::Keyring;
pub use keys::{KeyError, Keys};
pub use replica::Changes;

pub(super) use auth::{Caller, authorize};
pub(super) use host::Hosts;
pub(super) use keyring::Pass;
pub(super) use origin::{Origins, guard};
pub(super) use replica::send_on;
pub(super) use shown::{PROTOCOL, conceal};
