//! Authorization: almost every request must present a key. The key is checked before any byte of the body is read.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::allowed_methods::AllowedMethods;
use super::credentials::{is_websocket, presented_key, required_method};
use super::guess_limit::GuessLimit;
use super::keyring::{Keyring, SocketKey};
use super::keys::{Grant, Keys};
use crate::http::error::{Failure, Result};
use crate::http::middleware::client_address::ClientAddress;
use crate::names::Author;
use crate::remote::PushIdentity;

/// The paths that need no key. They are for supervisors of the server and reveal nothing about the store.
const OPEN_PATHS: [&str; 3] = ["/healthz", "/readyz", "/.well-known/wasm-pkg/registry.json"];

/// The start of the paths of the files that pages load. These paths need no key either: the files are the same for every store, and the
/// page that reports a missing key needs them too.
const ASSETS: &str = "/ui/assets/";

/// The keys of a server, and the limit on wrong keys.
#[derive(Clone, Debug)]
pub(in crate::http) struct KeyCheck {
    keyring: Keyring,
    guesses: Arc<GuessLimit>,
    /// The secret with which the [`KeyTag`] of a key is computed.
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
}

/// The client that makes a request, as identified by its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct Caller {
    author: Option<Author>,
    methods: AllowedMethods,
    key: Option<KeyTag>,
}

/// A number that stands for a key. It does not reveal the key, and is valid in this process only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::http) struct KeyTag(pub u64);

impl Caller {
    /// Returns the tag of the key that the client presented; `None` if the server has no keys.
    pub fn key(&self) -> Option<KeyTag> {
        self.key
    }

    /// Returns the identity that is passed to the hooks of a push.
    pub fn pusher(&self) -> PushIdentity {
        PushIdentity {
            methods: self.methods.to_string(),
            author: self.author.clone(),
        }
    }

    /// Returns whether the key allows a method.
    pub fn allows(&self, method: &Method) -> bool {
        self.methods.allow(method)
    }

    /// Checks that the key allows `method`, which the request needs in addition to its own method.
    ///
    /// # Errors
    /// 403 with the text `detail` if the key does not allow `method`.
    pub fn require(&self, method: &Method, detail: &str) -> Result<()> {
        if self.allows(method) {
            return Ok(());
        }
        Err(Failure::new(StatusCode::FORBIDDEN, detail))
    }

    /// Returns the author of the caller's commits: the one that the key fixes, or else the requested one.
    ///
    /// # Errors
    /// 403 if the requested author differs from the fixed one.
    pub fn author(&self, requested: Option<Author>) -> Result<Option<Author>> {
        match (&self.author, requested) {
            (Some(fixed), Some(requested)) if *fixed != requested => {
                let detail = "the key does not allow this author";
                Err(Failure::new(StatusCode::FORBIDDEN, detail))
            }
            (fixed, requested) => Ok(fixed.clone().or(requested)),
        }
    }
}

/// Rejects requests whose key does not allow their method. Without keys, every request is allowed.
///
/// Adds a [`Caller`] to the request's extensions, except on the paths that need no key, and also a [`SocketKey`] if the request opens a
/// WebSocket. The layer [`check_origin`](crate::http::middleware::origin::check_origin) around this one answers preflights, which carry
/// no key. This layer must not be on a nested router, because axum removes a prefix of the path there.
pub(in crate::http) async fn authorize(
    State(check): State<Option<KeyCheck>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if OPEN_PATHS.contains(&path) || path.starts_with(ASSETS) {
        return next.run(request).await;
    }
    let caller = match check {
        None => Caller::default(),
        Some(KeyCheck {
            keyring,
            guesses,
            tags,
        }) => {
            // The keys and the subscription are taken in one step, so that the subscription misses no replacement of these keys.
            let (keys, updates) = keyring.subscribe();
            let key = presented_key(&request);
            let grant = match find_grant(&keys, &guesses, key.as_deref(), &request) {
                Ok(grant) => grant,
                Err(failure) => return failure.into_response(),
            };
            let mut caller = match check_method(grant, &request) {
                Ok(caller) => caller,
                Err(failure) => return failure.into_response(),
            };
            caller.key = key.as_ref().map(|key| KeyTag(tags.hash_one(key)));
            if let Some(key) = key.filter(|_| is_websocket(&request)) {
                request
                    .extensions_mut()
                    .insert(SocketKey::new(key, updates));
            }
            caller
        }
    };
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Returns the grant of the key that a request presents.
///
/// # Errors
/// 401 if the request presents no valid key; 429 if the client has sent too many wrong keys.
fn find_grant<'k>(
    keys: &'k Keys,
    guesses: &GuessLimit,
    key: Option<&[u8]>,
    request: &Request,
) -> Result<&'k Grant> {
    // A missing key and an unknown key get the same response, so that it does not reveal what is wrong.
    let unauthorized = || Failure::new(StatusCode::UNAUTHORIZED, "a valid key is needed");
    let key = key.ok_or_else(unauthorized)?;
    let found = match request.extensions().get::<ClientAddress>() {
        Some(client) => guesses.find(client.ip(), key, Instant::now(), || keys.find(key)),
        None => Ok(keys.find(key)),
    };
    let found = found.map_err(|wait| {
        let detail = "too many wrong keys came from this address; try again later";
        let seconds = wait.as_secs().saturating_add(1).to_string();
        Failure::new(StatusCode::TOO_MANY_REQUESTS, detail).with_header(RETRY_AFTER, seconds)
    })?;
    found.ok_or_else(unauthorized)
}

/// Returns the caller whose key has this grant, and adds the name of the key to the log lines of the request.
fn check_method(grant: &Grant, request: &Request) -> Result<Caller> {
    tracing::Span::current().record("key", grant.name().as_ref());
    if !grant.methods.allow(required_method(request)) {
        let detail = "the key does not allow this method";
        return Err(Failure::new(StatusCode::FORBIDDEN, detail));
    }
    Ok(Caller {
        author: grant.author.clone(),
        methods: grant.methods.clone(),
        key: None,
    })
}

#[cfg(test)]
mod tests;
