//! Browsers: sessions in signed cookies, and the protection of forms against other sites.
//!
//! A session counts for the pages of the web UI, and for the WebSocket that they open, never for the API, git or the registry. So these
//! need no protection against forged requests: nothing that a browser sends by itself gives access to them. The exception is HTTP Basic, for
//! which [`origin`](super::origin) refuses other origins.

mod cookie;
mod form_origin;
mod sessions;

pub(in crate::http) use cookie::{Cookie, CookieScope};
pub(in crate::http) use form_origin::{is_own_page, refuse_foreign_forms};
pub(in crate::http) use sessions::{BrowserId, FormToken, LAPSED_AGE, Session, Sessions};
