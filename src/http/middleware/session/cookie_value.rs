//! What the cookies of the web UI contain: a session, or the random number of a browser.

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
/// The length of a signed session: version, id, end, and the HMAC of the API key.
pub(super) const PAYLOAD_BYTES: usize = 1 + ID_BYTES + 8 + MAC_BYTES;

/// A random number that identifies a session, or a browser that has no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct BrowserId(pub(super) [u8; ID_BYTES]);

/// A session, as stated in its cookie. The API key with which it was begun may have been revoked since.
/// [`Sessions::is_key_of`](super::sessions::Sessions::is_key_of) says whether a key is that key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::http) struct Session {
    /// The random number of this session.
    pub id: BrowserId,
    /// The time at which the session ends.
    pub end: SystemTime,
    /// The HMAC of the API key.
    pub(super) key_mark: [u8; MAC_BYTES],
}

impl Session {
    /// Returns the end of the session as an instant of the monotonic clock.
    pub fn end_instant(&self, now: SystemTime) -> Instant {
        Instant::now() + self.end.duration_since(now).unwrap_or_default()
    }

    /// Returns the value of the cookie before it is signed.
    pub(super) fn payload(&self) -> Vec<u8> {
        let end = self.end.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut bytes = vec![VERSION];
        bytes.extend(self.id.0);
        bytes.extend(end.as_secs().to_be_bytes());
        bytes.extend(self.key_mark);
        bytes
    }

    /// Parses the value of a cookie without its signature.
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
