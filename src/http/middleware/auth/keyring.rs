//! The keys that hold now: they can be replaced while the server runs, and a socket hears of it.

use std::fmt;
use std::sync::Arc;

use axum::http::Method;
use tokio::sync::watch;

use super::keys::Keys;

/// The keys that a server takes now; at least one at any time. Clones share them.
#[derive(Clone)]
pub struct Keyring(watch::Sender<Arc<Keys>>);

impl Keyring {
    /// Puts other keys in the place of those that held. They hold for every request from the next on; a WebSocket whose key is no
    /// longer there is closed, and what else is under way goes on.
    pub fn replace(&self, keys: Keys) {
        self.0.send_replace(Arc::new(keys));
    }

    /// The keys that hold now, and word of those that come after them.
    pub(in crate::http) fn present(&self) -> (Arc<Keys>, watch::Receiver<Arc<Keys>>) {
        let mut later = self.0.subscribe();
        let present = Arc::clone(&later.borrow_and_update());
        (present, later)
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

/// What a WebSocket was let in with, for as long as it holds.
#[derive(Clone)]
pub(in crate::http) struct Pass {
    key: Vec<u8>,
    /// Hears of all keys that came after those that let it in.
    keys: watch::Receiver<Arc<Keys>>,
}

impl Pass {
    pub(in crate::http) fn new(key: Vec<u8>, keys: watch::Receiver<Arc<Keys>>) -> Self {
        Self { key, keys }
    }

    /// Waits until its key is good for GET no more. Can be dropped at any time.
    pub async fn is_revoked(&mut self) {
        while self.keys.changed().await.is_ok() {
            let keys = Arc::clone(&self.keys.borrow_and_update());
            let grant = keys.find(&self.key);
            if !grant.is_some_and(|grant| grant.methods.allow(&Method::GET)) {
                return;
            }
        }
        // Nobody is left who could revoke it.
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_pass_holds_for_as_long_as_its_key_may_get() {
        let keys = |text: &str| Keys::parse(text).unwrap();
        let ring = Keyring::from(keys("a:GET;b:*"));
        let (_, later) = ring.present();
        let mut pass = Pass::new(b"a".to_vec(), later);
        assert!(pass.is_revoked().now_or_never().is_none());
        ring.replace(keys("c:*;a:*"));
        assert!(pass.is_revoked().now_or_never().is_none());
        for revoking in ["a:POST", "c:*"] {
            let mut pass = pass.clone();
            ring.replace(keys(revoking));
            assert!(pass.is_revoked().now_or_never().is_some(), "{revoking}");
        }
        drop(ring);
        assert!(pass.is_revoked().now_or_never().is_some());
    }

    #[tokio::test]
    async fn no_key_is_printed() {
        let ring = Keyring::from(Keys::parse("secret:*").unwrap());
        assert_eq!(format!("{ring:?}"), "Keyring(Keys { count: 1, .. })");
    }
}
