//! Authorization: almost every request must present a key, or a session of one. It is checked before any byte of the body is read.

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
use super::page_refusal::page_refusal;
use crate::http::base_path::BasePath;
use crate::http::error::{Failure, Result};
use crate::http::middleware::client_address::ClientAddress;
use crate::http::middleware::session::{CookieScope, Session, Sessions, is_own_page};
use crate::http::pages;

/// The paths that need no key. They are for supervisors of the server and reveal nothing about the store.
const OPEN_PATHS: [&str; 3] = ["/healthz", "/readyz", "/.well-known/wasm-pkg/registry.json"];

/// The keys of a server, and the limit on wrong keys.
#[derive(Clone, Debug)]
pub(in crate::http) struct KeyCheck {
    keyring: Keyring,
    guesses: Arc<GuessLimit>,
    /// Computes the tags of keys.
    tags: RandomState,
}

impl KeyCheck {
    /// Creates the check. `wrong_keys_max` is the number of wrong keys that one address may send in a minute.
    pub fn new(keyring: Keyring, wrong_keys_max: usize) -> Self {
        let guesses = Arc::new(GuessLimit::new(wrong_keys_max));
        let tags = RandomState::new();
        Self {
            keyring,
            guesses,
            tags,
        }
    }

    /// Checks a key that a client has typed into the form for signing in, and that must allow GET.
    ///
    /// # Errors
    /// 401 if it is unknown; 403 if it does not allow GET; 429 if the client has sent too many wrong keys.
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

    /// Returns the caller that a request identifies by its key or its session.
    ///
    /// # Errors
    /// 401 if there is none; 429 if the client has sent too many wrong keys.
    fn identify(&self, request: &Request, sessions: Option<&PageSessions>) -> Result<Identity> {
        // The subscription is taken together with the keys, so that the replacement of exactly these keys is noticed.
        let (keys, updates) = self.keyring.subscribe();
        let (grant, session) = match sessions {
            Some(sessions) if !presents_key(request) && sessions.count_for(request) => {
                let session = sessions.find(request)?;
                let is_key = |key: &[u8]| sessions.sessions.is_key_of(&session, key);
                // The key was removed, so the session has ended.
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

/// What identifies the client of a request.
#[derive(Default)]
struct Identity {
    caller: Caller,
    session: Option<Session>,
    socket_key: Option<SocketKey>,
    /// The response if the key does not allow the method.
    refused: Option<Failure>,
}

/// The sessions of a server with a web UI.
#[derive(Clone, Debug)]
pub(in crate::http) struct PageSessions {
    /// The secret.
    pub sessions: Sessions,
    /// The path below which the server answers, for the path of the cookies.
    pub base_path: BasePath,
}

impl PageSessions {
    /// Returns whether a session counts for a request: for pages, and for the WebSocket if a page of this server opens it. Browsers send
    /// cookies with the WebSockets of other sites too.
    fn count_for(&self, request: &Request) -> bool {
        pages::is_page(request.uri().path()) || (is_websocket(request) && is_own_page(request))
    }

    /// Returns the session of a request. One whose time has ended during the last day may still finish the first step of an upload, which changes
    /// nothing: so its files are kept until the user has signed in again.
    ///
    /// # Errors
    /// 401 if there is none, or if it has ended.
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

/// The keys and sessions against which requests are checked.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct AccessCheck {
    /// `None` if every request is allowed.
    pub keys: Option<KeyCheck>,
    /// `None` if the server has no web UI.
    pub pages: Option<PageSessions>,
}

/// Rejects requests whose key does not allow their method. Without keys, every request is allowed.
///
/// Adds a [`Caller`] to the request's extensions, except on the paths that need no key, the [`Session`] if there is one, and a
/// [`SocketKey`] if the request opens a WebSocket. The layer [`check_origin`](crate::http::middleware::origin::check_origin) around this
/// one answers preflights, which carry no key. This layer must not be on a nested router, because axum removes a prefix of the path
/// there.
pub(in crate::http) async fn authorize(
    State(check): State<AccessCheck>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if OPEN_PATHS.contains(&path) {
        return next.run(request).await;
    }
    let is_page = check.pages.is_some() && pages::is_page(path);
    let identity = match &check.keys {
        None => Ok(Identity::default()),
        Some(keys) => keys.identify(&request, check.pages.as_ref()),
    };
    // The page of an error needs it, too.
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
            let base_path = check.pages.map(|pages| pages.base_path);
            return page_refusal(failure, &request, &base_path.unwrap_or_default());
        }
        Err(failure) => return failure.into_response(),
    }
    let mut response = next.run(request).await;
    caller.map(|caller| response.extensions_mut().insert(caller));
    response
}

/// Returns the grant of a key that a client presents.
///
/// # Errors
/// 401 if it presents no valid key; 429 if the client has sent too many wrong keys.
fn find_grant<'k>(
    keys: &'k Keys,
    guesses: &GuessLimit,
    key: Option<&[u8]>,
    client: Option<IpAddr>,
) -> Result<&'k Grant> {
    // A missing key and an unknown key get the same response, so that it does not reveal what is wrong.
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

/// Checks that a key allows the method of a request, and adds the name of the key to the log lines of the request.
///
/// # Errors
/// 403.
fn check_method(grant: &Grant, request: &Request) -> Result<()> {
    tracing::Span::current().record("key", grant.name().as_ref());
    if !grant.methods.allow(required_method(request)) {
        let detail = "the key does not allow this method";
        return Err(Failure::new(StatusCode::FORBIDDEN, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
