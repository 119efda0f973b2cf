//! A limit on the rate at which a client can try keys.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many addresses are remembered. Further ones replace old ones.
const CLIENTS_MAX: usize = 10_000;

/// How many keys are remembered for an address.
const ACCEPTED_MAX: usize = 32;

/// How many addresses are compared to choose the one that is replaced: the one that was updated the longest time ago.
const EVICTION_SAMPLE: usize = 8;

/// Limits the number of wrong keys that one address may send in a minute.
///
/// Above the limit, a key is not compared at all, so that the response reveals nothing about it. The exception is a key that was
/// accepted from the same address before: otherwise a client with wrong keys would lock out all others behind the same proxy. So
/// behind a proxy the limit is of use only if `--trusted-proxy` names that proxy.
#[derive(Debug)]
pub(super) struct GuessLimit {
    /// The number of wrong keys that are allowed at once, and again in each minute.
    wrong_max: f64,
    clients: Mutex<HashMap<IpAddr, Client>>,
    /// Keys are remembered as keyed hashes, so that they are not kept in memory longer than their requests.
    hasher: RandomState,
}

/// The allowance for wrong keys and the accepted keys of an address.
#[derive(Debug)]
struct Client {
    /// How many more wrong keys are allowed, as of `updated`.
    tokens: f64,
    updated: Instant,
    /// The hashes of the keys that were accepted, oldest first.
    accepted: Vec<u64>,
}

impl GuessLimit {
    /// Creates a limit of `wrong_max` wrong keys in a minute.
    pub fn new(wrong_max: usize) -> Self {
        Self {
            wrong_max: wrong_max as f64,
            clients: Mutex::default(),
            hasher: RandomState::new(),
        }
    }

    /// Looks a key up with `find`, unless the client is above the limit. A key that is not found counts against the limit.
    ///
    /// # Errors
    /// The time after which the client may try another key.
    pub fn find<T>(
        &self,
        client: IpAddr,
        key: &[u8],
        now: Instant,
        find: impl FnOnce() -> Option<T>,
    ) -> Result<Option<T>, Duration> {
        let (network, hash) = (network(client), self.hasher.hash_one(key));
        // The token is taken before the comparison, so that parallel requests cannot exceed the limit.
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

    /// Takes a token, unless the key was accepted from this network before. Returns whether it was accepted before.
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

    /// Remembers an accepted key, and gives the token back that was taken for it.
    fn accept(&self, network: IpAddr, hash: u64, now: Instant) {
        let mut clients = self.lock();
        let client = self.entry(&mut clients, network, now);
        client.tokens += 1.0;
        if client.accepted.len() >= ACCEPTED_MAX {
            client.accepted.remove(0);
        }
        client.accepted.push(hash);
    }

    /// Forgets a key that was accepted once and is now wrong.
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

/// Returns the network that counts as one client: an IPv4 address, or the /64 network of an IPv6 address, since providers assign a whole
/// /64 network to one customer.
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

    /// Returns whether a key is found, or `None` if it is not compared. The only right key is `right`.
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
        // A key that was revoked is tried once more, and is then a wrong key like any other.
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
