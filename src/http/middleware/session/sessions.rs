//! Sessions and form tokens. Both are signed with a secret that only this process has.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;

use super::cookie::{Cookie, CookieScope};
use super::cookie_value::{BrowserId, ID_BYTES, MAC_BYTES, PAYLOAD_BYTES, Session};
use super::form_token::FormToken;

/// How long after its end a session is still accepted for the first step of an upload.
pub(in crate::http) const LAPSED_AGE: Duration = Duration::from_secs(24 * 3600);
/// How many sessions are remembered as ended by the user. If there are more, the session with the earliest end is forgotten.
const SIGNED_OUT_MAX: usize = 1 << 16;

/// The secret that signs the sessions and form tokens of a server. All clones have the same secret.
///
/// The secret is random and only in memory, so all sessions end when the server restarts. If it were derived from the API keys instead, the
/// owner of a session cookie could test guesses of the other keys offline.
#[derive(Clone)]
pub(in crate::http) struct Sessions(Arc<Shared>);

struct Shared {
    secret: hmac::Key,
    random: SystemRandom,
    age_max: Duration,
    /// The sessions that users have ended by signing out. The key is the id of the session. The value is the time after which the session
    /// would be rejected anyway, so that the entry is no longer needed.
    signed_out: Mutex<HashMap<[u8; ID_BYTES], SystemTime>>,
}

/// The purpose of a signature. The purpose is part of the signed data, so that a signature for one purpose is invalid for another.
#[derive(Clone, Copy)]
enum Purpose {
    Session,
    Key,
    SessionForm,
    BrowserForm,
}

impl Sessions {
    /// Creates a random secret. Sessions last for `age_max`.
    pub fn new(age_max: Duration) -> Self {
        let random = SystemRandom::new();
        let secret = hmac::Key::generate(hmac::HMAC_SHA256, &random);
        Self(Arc::new(Shared {
            secret: secret.expect("BUG: the operating system has random numbers"),
            random,
            age_max,
            signed_out: Mutex::default(),
        }))
    }

    /// Returns how long a session lasts.
    pub fn age_max(&self) -> Duration {
        self.0.age_max
    }

    /// Returns a new random number for a session or a browser.
    pub fn new_browser(&self) -> BrowserId {
        let mut id = [0; ID_BYTES];
        let filled = self.0.random.fill(&mut id);
        filled.expect("BUG: the operating system has random numbers");
        BrowserId(id)
    }

    /// Begins a session with an API key. The session does not contain the key itself, but its HMAC.
    pub fn begin(&self, key: &[u8], now: SystemTime) -> Session {
        Session {
            id: self.new_browser(),
            end: now + self.0.age_max,
            key_mark: self.sign(Purpose::Key, key),
        }
    }

    /// Ends a session early, because the user signs out.
    pub fn end(&self, session: &Session, now: SystemTime) {
        let mut signed_out = self.signed_out();
        signed_out.retain(|_, end| *end > now);
        if signed_out.len() >= SIGNED_OUT_MAX {
            let first = signed_out.iter().min_by_key(|(_, end)| **end);
            let first = first.map(|(id, _)| *id);
            first.map(|id| signed_out.remove(&id));
        }
        signed_out.insert(session.id.0, session.end + LAPSED_AGE);
    }

    fn signed_out(&self) -> MutexGuard<'_, HashMap<[u8; ID_BYTES], SystemTime>> {
        let signed_out = self.0.signed_out.lock();
        signed_out.unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the value of the cookie for a session.
    pub fn cookie_value(&self, session: &Session) -> String {
        let mut bytes = session.payload();
        let mac = self.sign(Purpose::Session, &bytes);
        bytes.extend(mac);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Returns the session of a request if the session has not ended; `None` if the request has no session cookie.
    ///
    /// # Errors
    /// [`Ended`] if the session of the request has ended.
    pub fn find(
        &self,
        headers: &HeaderMap,
        scope: &CookieScope,
        now: SystemTime,
    ) -> Result<Option<Session>, Ended> {
        let mut has_ended = false;
        for value in scope.values(headers, Cookie::Session) {
            match self.parse(value) {
                Some(session) if session.end > now && !self.has_signed_out(&session) => {
                    return Ok(Some(session));
                }
                // A cookie from before a restart of this server has another signature. Its session has ended, too.
                Some(_) | None => has_ended = true,
            }
        }
        if has_ended { Err(Ended) } else { Ok(None) }
    }

    /// Returns the session that the cookie of a request names, if the session ended less than [`LAPSED_AGE`] ago and the user has not
    /// signed out.
    pub fn find_lapsed(
        &self,
        headers: &HeaderMap,
        scope: &CookieScope,
        now: SystemTime,
    ) -> Option<Session> {
        let values = scope.values(headers, Cookie::Session);
        values
            .filter_map(|value| self.parse(value))
            .find(|session| {
                session.end <= now
                    && now < session.end + LAPSED_AGE
                    && !self.has_signed_out(session)
            })
    }

    fn has_signed_out(&self, session: &Session) -> bool {
        self.signed_out().contains_key(&session.id.0)
    }

    /// Returns whether a session was begun with this API key.
    pub fn is_key_of(&self, session: &Session, key: &[u8]) -> bool {
        let mark = self.sign(Purpose::Key, key);
        mark.ct_eq(&session.key_mark).into()
    }

    /// Returns the random number in the cookie of a browser without a session.
    pub fn browser(&self, headers: &HeaderMap, scope: &CookieScope) -> Option<BrowserId> {
        let mut values = scope.values(headers, Cookie::Browser);
        values.find_map(|value| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(value).ok()?;
            Some(BrowserId(bytes.try_into().ok()?))
        })
    }

    /// Returns the token for the forms of a session or, if there is no session, for the forms of a browser.
    pub fn form_token(&self, session: Option<&Session>, browser: BrowserId) -> FormToken {
        let mac = match session {
            Some(session) => self.sign(Purpose::SessionForm, &session.id.0),
            None => self.sign(Purpose::BrowserForm, &browser.0),
        };
        FormToken(BASE64_URL_SAFE_NO_PAD.encode(mac))
    }

    fn parse(&self, value: &str) -> Option<Session> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(value).ok()?;
        let (payload, mac) = bytes.split_at_checked(PAYLOAD_BYTES)?;
        let expected = self.sign(Purpose::Session, payload);
        if !bool::from(expected.ct_eq(mac)) {
            return None;
        }
        Session::parse(payload)
    }

    fn sign(&self, purpose: Purpose, bytes: &[u8]) -> [u8; MAC_BYTES] {
        let mut context = hmac::Context::with_key(&self.0.secret);
        context.update(&[purpose as u8]);
        context.update(bytes);
        let tag = context.sign();
        let mac = tag.as_ref().try_into();
        mac.expect("BUG: a tag of HMAC-SHA-256 has 32 bytes")
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

/// The error for a session that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Ended;

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::COOKIE;

    use super::*;
    use crate::http::base_path::BasePath;

    const HOUR: Duration = Duration::from_secs(3600);

    fn find(sessions: &Sessions, value: &str, now: SystemTime) -> Result<Option<Session>, Ended> {
        sessions.find(&headers_of(value), &scope(), now)
    }

    fn scope() -> CookieScope {
        CookieScope::new(None, &BasePath::default())
    }

    fn headers_of(value: &str) -> HeaderMap {
        let value = HeaderValue::try_from(format!("wasmstore-session={value}")).unwrap();
        HeaderMap::from_iter([(COOKIE, value)])
    }

    #[test]
    fn a_session_ends_in_time_and_with_the_process() {
        let (sessions, now) = (Sessions::new(HOUR), SystemTime::now());
        let session = sessions.begin(b"key", now);
        let value = sessions.cookie_value(&session);
        let found = find(&sessions, &value, now).unwrap().unwrap();
        assert_eq!(found.id, session.id);
        assert!(find(&sessions, &value, now + HOUR / 2).unwrap().is_some());
        assert_eq!(find(&sessions, &value, now + HOUR), Err(Ended));
        assert_eq!(find(&Sessions::new(HOUR), &value, now), Err(Ended));
    }

    #[test]
    fn a_session_ends_for_every_copy_of_its_cookie_when_the_user_signs_out() {
        let (sessions, now) = (Sessions::new(HOUR), SystemTime::now());
        let [one, other] = [b"key", b"key"].map(|key| sessions.begin(key, now));
        sessions.end(&one, now);
        assert_eq!(
            find(&sessions, &sessions.cookie_value(&one), now),
            Err(Ended)
        );
        assert!(
            find(&sessions, &sessions.cookie_value(&other), now)
                .unwrap()
                .is_some()
        );
        // A session that would not be accepted anyway is removed from the list.
        sessions.end(&other, now + HOUR + LAPSED_AGE);
        assert_eq!(sessions.signed_out().len(), 1);
    }

    #[test]
    fn a_session_lapses_for_a_day_unless_the_user_has_signed_out() {
        let (sessions, now) = (Sessions::new(HOUR), SystemTime::now());
        let session = sessions.begin(b"key", now);
        let lapsed = |after| {
            let headers = headers_of(&sessions.cookie_value(&session));
            sessions
                .find_lapsed(&headers, &scope(), now + after)
                .is_some()
        };
        assert!(!lapsed(Duration::ZERO), "it has not ended");
        assert!(lapsed(HOUR));
        assert!(!lapsed(HOUR + LAPSED_AGE));
        sessions.end(&session, now);
        assert!(!lapsed(HOUR));
    }

    #[test]
    fn a_changed_cookie_is_not_a_session() {
        let (sessions, now) = (Sessions::new(HOUR), SystemTime::now());
        let value = sessions.cookie_value(&sessions.begin(b"key", now));
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(&value).unwrap();
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            let value = BASE64_URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(find(&sessions, &value, now), Err(Ended), "byte {index}");
        }
        for value in ["", "x", &value[1..], &format!("{value}AA")] {
            assert_eq!(find(&sessions, value, now), Err(Ended), "{value}");
        }
    }

    #[test]
    fn a_session_belongs_to_one_key_and_does_not_contain_it() {
        let sessions = Sessions::new(HOUR);
        let session = sessions.begin(b"secret-key", SystemTime::now());
        assert!(sessions.is_key_of(&session, b"secret-key"));
        assert!(!sessions.is_key_of(&session, b"secret-kez"));
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(sessions.cookie_value(&session));
        let contains = bytes.unwrap().windows(10).any(|part| part == b"secret-key");
        assert!(!contains);
        assert_eq!(format!("{sessions:?}"), "Sessions { .. }");
    }

    #[test]
    fn a_form_token_is_bound_to_the_session_or_the_browser() {
        let (sessions, now) = (Sessions::new(HOUR), SystemTime::now());
        let [one, two] = [b"a", b"b"].map(|key| sessions.begin(key, now));
        let browser = sessions.new_browser();
        let token = sessions.form_token(Some(&one), browser);
        assert!(token.matches(sessions.form_token(Some(&one), browser).as_str()));
        assert!(!token.matches(sessions.form_token(Some(&two), browser).as_str()));
        assert!(!token.matches(sessions.form_token(None, one.id).as_str()));
        assert!(!token.matches(""));
    }
}
