//! Authorization: almost every request must have an API key, or the cookie of a session that was begun with one. Both are checked before
//! any byte of the request body is read.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::caller::{Caller, KeyTag};
use super::credentials::{is_websocket, presented_key, presents_key, required_method};
use super::guess_limit::GuessLimit;
use super::keyring::{Keyring, SocketKey};
use super::keys::{Grant, Keys};
use super::unauthorized_page::unauthorized_page_response;
use crate::http::base_path::BasePath;
use crate::http::error::{Failure, Result};
use crate::http::middleware::client_address::ClientAddress;
use crate::http::middleware::session::{CookieScope, Session, Sessions, is_own_page};
use crate::http::pages;

/// The paths that need no API key. They are for supervisors of the server and for registry clients, and reveal nothing about the store.
const OPEN_PATHS: [&str; 3] = ["/healthz", "/readyz", "/.well-known/wasm-pkg/registry.json"];

/// The API keys of a server, and the limit on the rate of wrong keys.
#[derive(Clone, Debug)]
pub(in crate::http) struct KeyCheck {
    keyring: Keyring,
    guesses: Arc<GuessLimit>,
    /// Computes [`KeyTag`]s from API keys.
    tags: RandomState,
}

impl KeyCheck {
    /// Creates a check with these API keys. `wrong_keys_max` is the number of wrong keys that one client address may send in a minute.
    pub fn new(keyring: Keyring, wrong_keys_max: usize) -> Self {
        let guesses = Arc::new(GuessLimit::new(wrong_keys_max));
        let tags = RandomState::new();
        Self {
            keyring,
            guesses,
            tags,
        }
    }

    /// Checks an API key that a user has typed into the form for signing in. The key must allow GET.
    ///
    /// # Errors
    /// 401 if the key is unknown; 403 if it does not allow GET; 429 if the client has sent too many wrong keys.
    pub fn check_typed_key(&self, key: &[u8], client: Option<ClientAddress>) -> Result<()> {
        let (keys, _) = self.keyring.subscribe();
        let client = client.map(ClientAddress::ip);
        let grant = find_grant(&keys, &self.guesses, Some(key), client)?;
        tracing::Span::current().record("key", grant.name().as_ref());
        if grant.methods.allow(&Method::GET) {
            return Ok(());
        }
        let detail = "the key does not allow GET, which the pages need";
        Err(Failure::new(StatusCode::FORBIDDEN, detail))
    }

    /// Identifies the client of a request by its API key or its session.
    ///
    /// # Errors
    /// 401 if the request has no valid key or session; 429 if the client has sent too many wrong keys.
    fn identify(&self, request: &Request, sessions: Option<&WebSessionCheck>) -> Result<Identity> {
        // The receiver of updates is created together with the copy of the keys, so that no replacement of these keys is missed.
        let (keys, updates) = self.keyring.subscribe();
        let (grant, session) = match sessions {
            Some(sessions) if !presents_key(request) && sessions.may_use_session(request) => {
                let session = sessions.find(request)?;
                let is_key = |key: &[u8]| sessions.sessions.is_key_of(&session, key);
                // If no key is found, the key of the session was removed, so the session has ended.
                let grant = keys.find_where(is_key).ok_or_else(session_ended)?;
                (grant, Some(session))
            }
            _ => {
                let client = request.extensions().get::<ClientAddress>();
                let client = client.map(|client| client.ip());
                let key = presented_key(request);
                let grant = find_grant(&keys, &self.guesses, key.as_deref(), client)?;
                (grant, None)
            }
        };
        let refused = check_method(grant, request).err();
        let caller = Caller {
            author: grant.author.clone(),
            methods: grant.methods.clone(),
            key: Some(KeyTag(self.tags.hash_one(grant.key()))),
            user: Some(grant.name().into_owned()),
        };
        let socket_key = is_websocket(request).then(|| {
            let socket_key = SocketKey::new(grant.key().to_vec(), updates);
            match &session {
                Some(session) => socket_key.until(session.end_instant(SystemTime::now())),
                None => socket_key,
            }
        });
        Ok(Identity {
            caller,
            session,
            socket_key,
            refused,
        })
    }
}

/// The client of a request, identified by its API key or its session.
#[derive(Default)]
struct Identity {
    caller: Caller,
    session: Option<Session>,
    socket_key: Option<SocketKey>,
    /// The error response if the key does not allow the method of the request; otherwise `None`.
    refused: Option<Failure>,
}

/// Decides which requests may use a session of the web UI, and finds their sessions.
#[derive(Clone, Debug)]
pub(in crate::http) struct WebSessionCheck {
    /// Signs and checks the cookies of sessions.
    pub sessions: Sessions,
    /// The path below which the server answers. The cookies are set for this path.
    pub base_path: BasePath,
}

impl WebSessionCheck {
    /// Returns whether a request may use a session instead of an API key. Only requests for pages may, and requests of pages of this server
    /// that open a WebSocket. When a page of another site opens a WebSocket, browsers send the session cookie too, but it is ignored.
    fn may_use_session(&self, request: &Request) -> bool {
        pages::is_page(request.uri().path()) || (is_websocket(request) && is_own_page(request))
    }

    /// Returns the session of a request. A session that has ended within the last day is accepted for the first step of an upload, which
    /// only stores the uploaded files. So the files are not lost, and the user can continue after signing in again.
    ///
    /// # Errors
    /// 401 if the request has no session, or if its session has ended.
    fn find(&self, request: &Request) -> Result<Session> {
        let scope = CookieScope::of(request, &self.base_path);
        let found = self
            .sessions
            .find(request.headers(), &scope, SystemTime::now());
        match found {
            Ok(session) => session.ok_or_else(key_needed),
            Err(_) if pages::keeps_uploads(request.method(), request.uri().path()) => {
                let now = SystemTime::now();
                let lapsed = self.sessions.find_lapsed(request.headers(), &scope, now);
                lapsed.ok_or_else(session_ended)
            }
            Err(_) => Err(session_ended()),
        }
    }
}

/// The API keys and sessions that a server accepts.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct AccessCheck {
    /// The API keys; `None` if every request is allowed.
    pub keys: Option<KeyCheck>,
    /// The sessions; `None` if the server has no web UI.
    pub web_sessions: Option<WebSessionCheck>,
}

/// Rejects a request if it needs an API key or a session but has no valid one, or if its key does not allow its method. If the server has
/// no keys, every request is allowed.
///
/// Adds extensions to the request: a [`Caller`], except on the paths that need no key; the [`Session`], if the request has one; and a
/// [`SocketKey`], if the request opens a WebSocket. The layer [`check_origin`](crate::http::middleware::origin::check_origin), which is
/// outside of this layer, answers CORS preflights, which contain no key. This layer must not be on a nested router, because axum removes a
/// prefix of the path there.
pub(in crate::http) async fn authorize(
    State(check): State<AccessCheck>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if OPEN_PATHS.contains(&path) {
        return next.run(request).await;
    }
    let is_page = check.web_sessions.is_some() && pages::is_page(path);
    let identity = match &check.keys {
        None => Ok(Identity::default()),
        Some(keys) => keys.identify(&request, check.web_sessions.as_ref()),
    };
    // The layer that renders error pages needs the caller too, so it is also added to the response.
    let mut caller = None;
    match identity {
        Ok(Identity {
            refused: Some(_), ..
        }) if is_page && pages::is_open_page(path) => {}
        Ok(identity) => {
            caller = is_page.then(|| identity.caller.clone());
            if let Some(failure) = identity.refused {
                let mut response = failure.into_response();
                caller.map(|caller| response.extensions_mut().insert(caller));
                return response;
            }
            let extensions = request.extensions_mut();
            extensions.insert(identity.caller);
            identity.session.map(|session| extensions.insert(session));
            identity.socket_key.map(|key| extensions.insert(key));
        }
        Err(_) if is_page && pages::is_open_page(path) => {}
        Err(failure) if is_page => {
            let base_path = check.web_sessions.map(|sessions| sessions.base_path);
            return unauthorized_page_response(failure, &request, &base_path.unwrap_or_default());
        }
        Err(failure) => return failure.into_response(),
    }
    let mut response = next.run(request).await;
    caller.map(|caller| response.extensions_mut().insert(caller));
    response
}

/// Returns the rights (see [`Grant`]) of the API key that a client has sent.
///
/// # Errors
/// 401 if the key is missing or unknown; 429 if the client has sent too many wrong keys.
fn find_grant<'k>(
    keys: &'k Keys,
    guesses: &GuessLimit,
    key: Option<&[u8]>,
    client: Option<IpAddr>,
) -> Result<&'k Grant> {
    // A missing key and an unknown key get the same response, so that the response does not reveal which of the two it is.
    let key = key.ok_or_else(key_needed)?;
    let found = match client {
        Some(client) => guesses.find(client, key, Instant::now(), || keys.find(key)),
        None => Ok(keys.find(key)),
    };
    let found = found.map_err(|wait| {
        let detail = "too many wrong keys came from this address; try again later";
        let seconds = wait.as_secs().saturating_add(1).to_string();
        Failure::new(StatusCode::TOO_MANY_REQUESTS, detail).with_header(RETRY_AFTER, seconds)
    })?;
    found.ok_or_else(key_needed)
}

fn key_needed() -> Failure {
    Failure::new(StatusCode::UNAUTHORIZED, "a valid key is needed")
}

pub(super) fn session_ended() -> Failure {
    let detail = "your session has ended; sign in again";
    Failure::new(StatusCode::UNAUTHORIZED, detail)
}

/// Checks that an API key allows the method of a request. Adds the name of the key to the log lines of the request.
///
/// # Errors
/// 403 if the key does not allow the method.
fn check_method(grant: &Grant, request: &Request) -> Result<()> {
    tracing::Span::current().record("key", grant.name().as_ref());
    let required = required_method(request);
    if !grant.methods.allow(required) {
        let allowed = &grant.methods;
        let detail = format!("the key does not allow {required}: it allows {allowed}");
        return Err(Failure::new(StatusCode::FORBIDDEN, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
