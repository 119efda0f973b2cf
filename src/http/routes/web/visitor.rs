//! The browser that sends a request: its session, and the token for its forms.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;

use crate::http::error::{Failure, Result};
use crate::http::listener::Peer;
use crate::http::middleware::auth::Caller;
use crate::http::middleware::host::Host;
use crate::http::middleware::session::{
    BrowserId, Cookie, CookieScope, FormToken, LAPSED_AGE, Session, Sessions,
};
use crate::http::state::App;
use crate::names::Author;

/// How long a browser keeps the cookie with its random number. The tokens of its forms depend on this number.
const BROWSER_AGE: Duration = Duration::from_secs(365 * 24 * 3600);

/// The browser that sends a request.
pub(super) struct Visitor {
    sessions: Sessions,
    scope: CookieScope,
    session: Option<Session>,
    browser: BrowserId,
    is_new: bool,
    is_encrypted: bool,
    caller: Option<Caller>,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let host = Host::of_parts(parts.version, &parts.headers, &parts.uri);
        let scope = CookieScope::new(host.ok().flatten().as_ref(), &app.base_path);
        let sessions = app.sessions.clone();
        let known = sessions.browser(&parts.headers, &scope);
        Ok(Self {
            browser: known.unwrap_or_else(|| sessions.new_browser()),
            is_new: known.is_none(),
            is_encrypted: parts
                .extensions
                .get::<Peer>()
                .is_some_and(|peer| peer.is_tls),
            session: parts.extensions.get::<Session>().cloned(),
            caller: parts.extensions.get::<Caller>().cloned(),
            sessions,
            scope,
        })
    }
}

impl Visitor {
    /// Returns whether the user has signed in with a session.
    pub fn has_session(&self) -> bool {
        self.session.is_some()
    }

    /// Returns the session of the browser; `None` if the user has not signed in with a session.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Checks that the API key allows a method.
    ///
    /// # Errors
    /// 403 if the API key does not allow the method.
    pub fn require(&self, method: &Method) -> Result<()> {
        let detail = "the key does not allow this change";
        match &self.caller {
            Some(caller) => caller.require(method, detail),
            None => Err(Failure::new(StatusCode::FORBIDDEN, detail)),
        }
    }

    /// Returns the author that the API key requires; `None` if the user may choose the author.
    pub fn fixed_author(&self) -> Option<&Author> {
        self.caller.as_ref()?.fixed_author()
    }

    /// Returns the author for the visitor's commits, like [`Caller::author`].
    ///
    /// # Errors
    /// 403 if the requested author is not the one that the API key requires.
    pub fn author(&self, requested: Option<Author>) -> Result<Option<Author>> {
        match &self.caller {
            Some(caller) => caller.author(requested),
            None => Ok(requested),
        }
    }

    /// Returns the token for the forms of this browser. It protects them against cross-site requests.
    pub fn token(&self) -> FormToken {
        self.sessions
            .form_token(self.session.as_ref(), self.browser)
    }

    /// Checks the token in a form.
    ///
    /// # Errors
    /// 403 if the token is missing or wrong.
    pub fn check_token(&self, presented: Option<&str>) -> Result<()> {
        if presented.is_some_and(|presented| self.token().matches(presented)) {
            return Ok(());
        }
        let detail = "the form is out of date: your session has changed since the page was loaded, or the browser accepts no cookies; \
                      nothing was changed; reload the page with the form and send it again";
        Err(Failure::new(StatusCode::FORBIDDEN, detail))
    }

    /// Adds the headers that a page with a form needs: the cookie to which the token of the form is bound, and a header that forbids to
    /// store the page.
    pub fn with_form(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.is_new {
            let value = self.browser.cookie_value();
            let cookie = (Cookie::Browser, BROWSER_AGE);
            headers.append(SET_COOKIE, self.set(cookie, &value));
        }
        response
    }

    /// Returns the value of `Set-Cookie` that gives the browser the cookie of `session`.
    pub fn begin(&self, session: &Session) -> HeaderValue {
        let value = self.sessions.cookie_value(session);
        // The browser keeps the cookie for some time after the session has ended. So the server can say that the session has ended, and can
        // still keep the files of an upload.
        let age = self.sessions.age_max().saturating_add(LAPSED_AGE);
        self.set((Cookie::Session, age), &value)
    }

    /// Returns the value of `Set-Cookie` that makes the browser delete its session cookie.
    pub fn end(&self) -> HeaderValue {
        self.set((Cookie::Session, Duration::ZERO), "")
    }

    fn set(&self, (cookie, age): (Cookie, Duration), value: &str) -> HeaderValue {
        self.scope.set(cookie, value, age, self.is_encrypted)
    }
}
