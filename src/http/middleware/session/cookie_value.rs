//! The values of the cookies of the web UI: a session, or a random number that identifies a browser.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use tokio::time::Instant;

/// The version of the format of a session cookie's value.
const VERSION: u8 = 1;
/// The length of a [`BrowserId`].
pub(super) const ID_BYTES: usize = 16;
/// The length of an HMAC.
pub(super) const MAC_BYTES: usize = 32;
/// The length of a signed session, in bytes: the version, the id, the end, and the HMAC of the API key.
pub(super) const PAYLOAD_BYTES: usize = 1 + ID_BYTES + 8 + MAC_BYTES;

/// A random number that identifies a session, or a browser that has no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct BrowserId(pub(super) [u8; ID_BYTES]);

/// A session, as stated in its cookie. The API key with which it was begun may have been revoked since.
/// [`Sessions::is_key_of`](super::sessions::Sessions::is_key_of) returns whether the session was begun with a given key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct Session {
    /// The random number of this session.
    pub id: BrowserId,
    /// The time at which the session ends.
    pub end: SystemTime,
    /// The HMAC of the API key with which the session was begun.
    pub(super) key_mark: [u8; MAC_BYTES],
}

impl Session {
    /// Returns the end of the session as an instant of the monotonic clock.
    pub fn end_instant(&self, now: SystemTime) -> Instant {
        Instant::now() + self.end.duration_since(now).unwrap_or_default()
    }

    /// Returns the bytes of the session cookie that are signed, without the signature.
    pub(super) fn payload(&self) -> Vec<u8> {
        let end = self.end.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut bytes = vec![VERSION];
        bytes.extend(self.id.0);
        bytes.extend(end.as_secs().to_be_bytes());
        bytes.extend(self.key_mark);
        bytes
    }

    /// Parses the signed bytes of a session cookie, without the signature. Returns `None` if they are malformed.
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let (&version, rest) = payload.split_first()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (end, key_mark) = rest.split_first_chunk()?;
        let end = UNIX_EPOCH.checked_add(Duration::from_secs(u64::from_be_bytes(*end)))?;
        (version == VERSION).then_some(())?;
        Some(Self {
            id: BrowserId(*id),
            end,
            key_mark: key_mark.try_into().ok()?,
        })
    }
}

impl BrowserId {
    /// Returns the value of the cookie for a browser without a session.
    pub fn cookie_value(self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0)
    }
}
