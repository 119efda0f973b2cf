//! The API keys that are valid now. They can be replaced while the server runs.

use std::fmt;
use std::sync::Arc;

use axum::http::Method;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::keys::Keys;

/// The API keys that a server accepts now; there is always at least one. All clones of a keyring have the same keys.
#[derive(Clone)]
pub struct Keyring(watch::Sender<Arc<Keys>>);

impl Keyring {
    /// Replaces all keys. The new keys apply to every request that begins later. A WebSocket whose key is no longer valid is closed; other
    /// requests in progress continue.
    pub fn replace(&self, keys: Keys) {
        self.0.send_replace(Arc::new(keys));
    }

    /// Returns the current keys and a receiver for the keys that replace them.
    pub(super) fn subscribe(&self) -> (Arc<Keys>, watch::Receiver<Arc<Keys>>) {
        let mut updates = self.0.subscribe();
        let current = Arc::clone(&updates.borrow_and_update());
        (current, updates)
    }
}

impl From<Keys> for Keyring {
    fn from(keys: Keys) -> Self {
        Self(watch::Sender::new(Arc::new(keys)))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keyring").field(&*self.0.borrow()).finish()
    }
}

/// The API key with which a WebSocket was opened, either in the request or in its session. It is an extension of the request.
#[derive(Clone)]
pub(in crate::http) struct SocketKey {
    key: Vec<u8>,
    /// Receives the keys of the server whenever they are replaced.
    updates: watch::Receiver<Arc<Keys>>,
    /// The end of the session; `None` if the request contained the key itself.
    end: Option<Instant>,
}

impl SocketKey {
    /// Creates the key of a WebSocket. `updates` must receive every set of keys that replaces the set in which this key was found.
    pub(super) fn new(key: Vec<u8>, updates: watch::Receiver<Arc<Keys>>) -> Self {
        Self {
            key,
            updates,
            end: None,
        }
    }

    /// Sets the time `end` at which the WebSocket is closed: the session with which it was opened ends then.
    pub(super) fn until(self, end: Instant) -> Self {
        Self {
            end: Some(end),
            ..self
        }
    }

    /// Waits until the key no longer allows GET, or until the session ends. The future can be dropped at any time without losing an update.
    pub async fn revoked(&mut self) {
        match self.end {
            None => self.key_revoked().await,
            Some(end) => tokio::select! {
                () = self.key_revoked() => {}
                () = sleep_until(end) => {}
            },
        }
    }

    async fn key_revoked(&mut self) {
        while self.updates.changed().await.is_ok() {
            let keys = Arc::clone(&self.updates.borrow_and_update());
            let grant = keys.find(&self.key);
            if !grant.is_some_and(|grant| grant.methods.allow(&Method::GET)) {
                return;
            }
        }
        // The keyring was dropped, so the key can no longer be revoked.
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_socket_key_is_revoked_when_it_no_longer_allows_get() {
        let keys = |text: &str| Keys::parse(text).unwrap();
        let keyring = Keyring::from(keys("a:GET;b:*"));
        let (_, updates) = keyring.subscribe();
        let mut socket_key = SocketKey::new(b"a".to_vec(), updates);
        assert!(socket_key.revoked().now_or_never().is_none());
        keyring.replace(keys("c:*;a:*"));
        assert!(socket_key.revoked().now_or_never().is_none());
        for revoking in ["a:POST", "c:*"] {
            let mut socket_key = socket_key.clone();
            keyring.replace(keys(revoking));
            assert!(socket_key.revoked().now_or_never().is_some(), "{revoking}");
        }
        drop(keyring);
        assert!(socket_key.revoked().now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_socket_of_a_session_ends_with_the_session() {
        let keyring = Keyring::from(Keys::parse("a:GET").unwrap());
        let (_, updates) = keyring.subscribe();
        let now = Instant::now();
        let mut socket_key = SocketKey::new(b"a".to_vec(), updates).until(now);
        socket_key.revoked().await;
    }

    #[tokio::test]
    async fn debug_output_contains_no_key() {
        let keyring = Keyring::from(Keys::parse("secret:*").unwrap());
        assert_eq!(format!("{keyring:?}"), "Keyring(Keys { count: 1, .. })");
    }
}
