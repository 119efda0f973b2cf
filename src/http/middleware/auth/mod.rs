//! Authentication and authorization: finds the API key in a request, and checks that it allows the method of the request.

mod allowed_methods;
mod authorize;
mod caller;
mod credentials;
mod guess_limit;
mod keyring;
mod keys;
mod unauthorized_page;

pub use keyring::Keyring;
pub use keys::{KeyError, Keys};

pub(in crate::http) use authorize::{AccessCheck, KeyCheck, WebSessionCheck, authorize};
pub(in crate::http) use caller::{Caller, KeyTag};
pub(in crate::http) use credentials::{WEBSOCKET_PROTOCOL, mark_sensitive, required_method};
pub(in crate::http) use keyring::SocketKey;
pub(in crate::http) use unauthorized_page::BEARER;
