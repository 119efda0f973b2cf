//! Sessions of browsers in signed cookies, and the protection against forms that other sites send.
//!
//! A session is accepted for the pages of the web UI and for the WebSocket that they open, but never for the API, git or the registry. So
//! the latter need no protection against requests that another site makes a browser send: browsers send nothing by themselves that is
//! accepted there. The exception is HTTP Basic, for which [`origin`](super::origin) rejects the requests of other origins.

mod cookie;
mod cookie_value;
mod form_origin;
mod form_token;
mod sessions;

pub(in crate::http) use cookie::{Cookie, CookieScope};
pub(in crate::http) use cookie_value::{BrowserId, Session};
pub(in crate::http) use form_origin::{is_own_page, refuse_foreign_forms};
pub(in crate::http) use form_token::FormToken;
pub(in crate::http) use sessions::{LAPSED_AGE, Sessions};
