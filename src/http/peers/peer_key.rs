//! The secret with which the servers of one bucket authenticate to each other.

use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue};
use subtle::ConstantTimeEq;

use super::origin::PEER_KEY;

/// A function that returns the secret with which the servers of one bucket authenticate to each other, or `None` if this server has not
/// reached the bucket yet. The function does not block.
#[derive(Clone)]
pub struct PeerKeySource(Arc<dyn Fn() -> Option<PeerKey> + Send + Sync>);

/// The secret. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerKey(String);

impl fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerKey(***)")
    }
}

impl fmt::Debug for PeerKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerKeySource(***)")
    }
}

impl PeerKeySource {
    /// Wraps a function that returns the secret without blocking.
    pub fn new(get: impl Fn() -> Option<PeerKey> + Send + Sync + 'static) -> Self {
        Self(Arc::new(get))
    }

    /// Returns the secret; `None` if this server does not know it yet.
    pub(in crate::http) fn get(&self) -> Option<PeerKey> {
        (self.0)()
    }
}

impl PeerKey {
    /// Wraps the text of the secret.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns whether a request contains the secret. The comparison takes the same time for all wrong secrets of the same length.
    pub(in crate::http) fn is_presented(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(PEER_KEY).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        value.as_bytes().ct_eq(self.0.as_bytes()).into()
    }

    /// Returns the header value with which the secret is sent; `None` if the secret contains characters that a header cannot have.
    pub(in crate::http) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&self.0).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_right_secret_counts_and_none_is_printed() {
        let key = PeerKey::new("5ec4e7".to_owned());
        let present = |values: &[&'static str]| {
            let headers = values
                .iter()
                .map(|value| (PEER_KEY, HeaderValue::from_static(value)));
            key.is_presented(&headers.collect())
        };
        assert!(present(&["5ec4e7"]));
        for values in [
            &[][..],
            &[""],
            &["5ec4e8"],
            &["5ec4e7 "],
            &["5ec4e7", "5ec4e7"],
        ] {
            assert!(!present(values), "{values:?}");
        }
        let header = key.header().unwrap();
        let source = PeerKeySource::new({
            let key = key.clone();
            move || Some(key.clone())
        });
        assert_eq!(
            format!("{key:?} {header:?} {source:?}"),
            "PeerKey(***) Sensitive PeerKeySource(***)"
        );
    }
}
