//! Sessions of browsers in signed cookies, and the protection against forms that other sites send.
//!
//! A session is accepted for the pages of the web UI and for the WebSocket that they open, but never for the API, git or the registry. So
//! the API, git and the registry need no protection against cross-site requests: they ignore the cookies that browsers add to such
//! requests. The exception is HTTP Basic, whose credentials browsers also add: [`origin`](super::origin) rejects such requests from other
//! origins.

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
