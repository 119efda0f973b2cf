//! Authorization: almost every request must present a key. The key is checked before any byte of the body is read.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::allowed_methods::AllowedMethods;
use super::credentials::{is_websocket, presented_key, required_method};
use super::keyring::{Keyring, SocketKey};
use super::keys::Keys;
use crate::http::error::{Failure, Result};
use crate::names::Author;
use crate::remote::PushIdentity;

/// The paths that need no key. They are for supervisors of the server and reveal nothing about the store.
const OPEN_PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// The client that makes a request, as identified by its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::http) struct Caller {
    author: Option<Author>,
    methods: AllowedMethods,
}

impl Caller {
    /// Returns the identity that is passed to the hooks of a push.
    pub fn pusher(&self) -> PushIdentity {
        PushIdentity {
            methods: self.methods.to_string(),
            author: self.author.clone(),
        }
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

/// Rejects requests whose key does not allow their method. Without a keyring, every request is allowed.
///
/// Handlers find a [`Caller`] among the request's extensions, except on the paths that need no key, and for a WebSocket also a
/// [`SocketKey`]. The layer [`check_origin`](crate::http::middleware::origin::check_origin) around this one answers preflights,
/// which carry no key. The path must be complete, so this layer must not be on a nested router.
pub(in crate::http) async fn authorize(
    State(keyring): State<Option<Keyring>>,
    mut request: Request,
    next: Next,
) -> Response {
    if OPEN_PATHS.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let caller = match keyring {
        None => Caller::default(),
        Some(keyring) => {
            // The subscription is taken together with the keys, so that the replacement of exactly these keys is noticed.
            let (keys, updates) = keyring.subscribe();
            let key = presented_key(&request);
            let caller = match check_key(&keys, key.as_deref(), &request) {
                Ok(caller) => caller,
                Err(failure) => return failure.into_response(),
            };
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

fn check_key(keys: &Keys, key: Option<&[u8]>, request: &Request) -> Result<Caller> {
    let Some(grant) = key.and_then(|key| keys.find(key)) else {
        // The same response for a missing and an unknown key, so that it does not reveal which one it is.
        let detail = "a valid key is needed";
        return Err(Failure::new(StatusCode::UNAUTHORIZED, detail));
    };
    if !grant.methods.allow(required_method(request)) {
        let detail = "the key does not allow this method";
        return Err(Failure::new(StatusCode::FORBIDDEN, detail));
    }
    Ok(Caller {
        author: grant.author.clone(),
        methods: grant.methods.clone(),
    })
}

#[cfg(test)]
mod tests;
