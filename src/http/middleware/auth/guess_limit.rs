//! Limits the rate at which a client can guess API keys.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many client networks are remembered. Further ones replace old ones.
const CLIENTS_MAX: usize = 10_000;

/// How many accepted API keys are remembered for each client network.
const ACCEPTED_MAX: usize = 32;

/// How many networks are compared when a new network must replace a remembered one. The network whose entry was updated the longest time
/// ago is replaced.
const EVICTION_SAMPLE: usize = 8;

/// Limits the number of wrong API keys that one client may send in a minute.
///
/// Above the limit, a key is not even compared, so that the response reveals nothing about it. The exception is a key that was accepted
/// from the same address before: otherwise a client with wrong keys would lock out all other clients behind the same proxy. So for clients
/// behind a proxy, the limit is effective only if `--trusted-proxy` names that proxy.
#[derive(Debug)]
pub(super) struct GuessLimit {
    /// How many wrong keys a client may send at once, and then in each minute.
    wrong_max: f64,
    clients: Mutex<HashMap<IpAddr, Client>>,
    /// Computes hashes of API keys. Only the hashes are stored, so that the keys themselves do not stay in memory longer than their
    /// requests.
    hasher: RandomState,
}

/// The state of one client network: how many wrong keys it may still send, and which keys were accepted from it.
#[derive(Debug)]
struct Client {
    /// The number of tokens at the time `updated`. Each wrong key takes one token, and tokens are added at a constant rate (token bucket).
    tokens: f64,
    updated: Instant,
    /// The hashes of the API keys that were accepted, oldest first.
    accepted: Vec<u64>,
}

impl GuessLimit {
    /// Creates a limit of `wrong_max` wrong API keys per minute.
    pub fn new(wrong_max: usize) -> Self {
        Self {
            wrong_max: wrong_max as f64,
            clients: Mutex::default(),
            hasher: RandomState::new(),
        }
    }

    /// Looks up an API key with `find`, unless the client has exceeded the limit. If the key is not found, it is counted as a wrong key.
    ///
    /// # Errors
    /// The time after which the client may send another key.
    pub fn find<T>(
        &self,
        client: IpAddr,
        key: &[u8],
        now: Instant,
        find: impl FnOnce() -> Option<T>,
    ) -> Result<Option<T>, Duration> {
        let (network, hash) = (network(client), self.hasher.hash_one(key));
        // The token is taken before the key is looked up, so that parallel requests cannot exceed the limit.
        let was_accepted = self.take_token(network, hash, now)?;
        let found = find();
        match (&found, was_accepted) {
            (Some(_), true) => {}
            (Some(_), false) => self.accept(network, hash, now),
            (None, true) => self.forget(network, hash, now),
            (None, false) => {}
        }
        Ok(found)
    }

    /// Takes a token from the network's token bucket, unless the API key was accepted from this network before. Returns whether the key was
    /// accepted before.
    fn take_token(&self, network: IpAddr, hash: u64, now: Instant) -> Result<bool, Duration> {
        let mut clients = self.lock();
        let client = self.entry(&mut clients, network, now);
        if client.accepted.contains(&hash) {
            return Ok(true);
        }
        let rate = self.wrong_max / 60.0;
        let elapsed = now.saturating_duration_since(client.updated);
        client.tokens = (client.tokens + elapsed.as_secs_f64() * rate).min(self.wrong_max);
        client.updated = now;
        if client.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - client.tokens) / rate));
        }
        client.tokens -= 1.0;
        Ok(false)
    }

    /// Remembers an accepted API key, and puts the token that was taken for it back into the network's token bucket.
    fn accept(&self, network: IpAddr, hash: u64, now: Instant) {
        let mut clients = self.lock();
        let client = self.entry(&mut clients, network, now);
        client.tokens += 1.0;
        if client.accepted.len() >= ACCEPTED_MAX {
            client.accepted.remove(0);
        }
        client.accepted.push(hash);
    }

    /// Removes the API key with this hash from the keys that were accepted from the network, because the key is now wrong.
    fn forget(&self, network: IpAddr, hash: u64, now: Instant) {
        let mut clients = self.lock();
        let client = self.entry(&mut clients, network, now);
        client.accepted.retain(|accepted| *accepted != hash);
    }

    fn entry<'c>(
        &self,
        clients: &'c mut HashMap<IpAddr, Client>,
        network: IpAddr,
        now: Instant,
    ) -> &'c mut Client {
        if clients.len() >= CLIENTS_MAX && !clients.contains_key(&network) {
            let sample = clients.iter().take(EVICTION_SAMPLE);
            let oldest = sample.min_by_key(|(_, client)| client.updated);
            if let Some(oldest) = oldest.map(|(network, _)| *network) {
                clients.remove(&oldest);
            }
        }
        clients.entry(network).or_insert_with(|| Client {
            tokens: self.wrong_max,
            updated: now,
            accepted: Vec::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the network that is treated as one client: a single IPv4 address, or the /64 network of an IPv6 address, because providers
/// assign a whole /64 network to one customer.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTACKER: [u8; 4] = [192, 0, 2, 1];
    const OTHER: [u8; 4] = [192, 0, 2, 2];
    const MINUTE: Duration = Duration::from_secs(60);

    /// Returns whether an API key is found, or `None` if the key is not compared. The only right key is `right`.
    fn try_key(
        limit: &GuessLimit,
        client: impl Into<IpAddr>,
        key: &str,
        now: Instant,
    ) -> Option<bool> {
        let find = || (key == "right").then_some(());
        let found = limit.find(client.into(), key.as_bytes(), now, find);
        found.ok().map(|found| found.is_some())
    }

    #[test]
    fn wrong_keys_are_limited_for_each_address() {
        let (limit, now) = (GuessLimit::new(3), Instant::now());
        for _ in 0..3 {
            assert_eq!(try_key(&limit, ATTACKER, "wrong", now), Some(false));
        }
        assert_eq!(try_key(&limit, ATTACKER, "wrong", now), None);
        assert_eq!(try_key(&limit, ATTACKER, "right", now), None);
        assert_eq!(try_key(&limit, OTHER, "right", now), Some(true));
        let wait = limit.find(ATTACKER.into(), b"", now, || Some(()));
        assert_eq!(wait.unwrap_err().as_secs_f64().round(), 20.0);
        let later = now + MINUTE / 3;
        assert_eq!(try_key(&limit, ATTACKER, "wrong", later), Some(false));
        assert_eq!(try_key(&limit, ATTACKER, "wrong", later), None);
        let tomorrow = now + MINUTE * 60 * 24;
        for _ in 0..3 {
            assert_eq!(try_key(&limit, ATTACKER, "wrong", tomorrow), Some(false));
        }
        assert_eq!(try_key(&limit, ATTACKER, "wrong", tomorrow), None);
    }

    #[test]
    fn accepted_keys_are_free_and_stay_usable() {
        let (limit, now) = (GuessLimit::new(3), Instant::now());
        for _ in 0..10 {
            assert_eq!(try_key(&limit, OTHER, "right", now), Some(true));
        }
        for _ in 0..3 {
            assert_eq!(try_key(&limit, OTHER, "wrong", now), Some(false));
        }
        assert_eq!(try_key(&limit, OTHER, "wrong", now), None);
        assert_eq!(try_key(&limit, OTHER, "right", now), Some(true));
        // A key that was revoked is looked up once more. From then on, it is a wrong key like any other.
        let revoked = || limit.find(OTHER.into(), b"right", now, || None::<()>);
        assert!(revoked().unwrap().is_none());
        assert!(revoked().is_err());
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        let (limit, now) = (GuessLimit::new(1), Instant::now());
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(
            try_key(&limit, address("2001:db8::1"), "wrong", now),
            Some(false)
        );
        assert_eq!(try_key(&limit, address("2001:db8::2"), "wrong", now), None);
        assert_eq!(
            try_key(&limit, address("2001:db8:0:1::1"), "wrong", now),
            Some(false)
        );
        assert_eq!(network(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }

    #[test]
    fn memory_is_bounded() {
        let (limit, now) = (GuessLimit::new(1), Instant::now());
        for number in 0..CLIENTS_MAX as u32 + 100 {
            try_key(&limit, number.to_be_bytes(), "wrong", now);
        }
        assert_eq!(limit.lock().len(), CLIENTS_MAX);
        for number in 0..100 {
            let find = || Some(());
            let key = format!("{number}");
            let found = limit.find(OTHER.into(), key.as_bytes(), now, find);
            found.unwrap().unwrap();
        }
        let accepted = limit.lock()[&IpAddr::from(OTHER)].accepted.len();
        assert_eq!(accepted, ACCEPTED_MAX);
    }
}
