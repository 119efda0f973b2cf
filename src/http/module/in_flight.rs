//! Values that are being sent from memory. Each value is charged to the memory budget only once, even if several responses share it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::budget::Charge;

/// The values that responses are sending from memory, by lookup key.
pub(in crate::http) struct InFlight<K: Copy + Eq + Hash, V> {
    values: Arc<Values<K, V>>,
}

type Values<K, V> = Mutex<HashMap<K, Weak<InFlightValue<K, V>>>>;

/// A value that is being sent, and its charge on the memory budget. The charge is released when the last clone of the `Arc` is dropped.
pub(in crate::http) struct InFlightValue<K: Copy + Eq + Hash, V> {
    /// The value that responses send, such as a module.
    pub value: V,
    key: K,
    #[expect(dead_code, reason = "held for its drop")]
    charge: Charge,
    values: Arc<Values<K, V>>,
}

impl<K: Copy + Eq + Hash, V> Default for InFlight<K, V> {
    fn default() -> Self {
        Self {
            values: Arc::default(),
        }
    }
}

impl<K: Copy + Eq + Hash, V> InFlight<K, V> {
    /// Returns the value with this lookup key if it is being sent.
    pub fn get(&self, key: K) -> Option<Arc<InFlightValue<K, V>>> {
        lock(&self.values).get(&key)?.upgrade()
    }

    /// Makes a value available to later responses until the last response that shares it is sent. If another response already shares a
    /// value with this lookup key, returns that value and releases `charge`.
    pub fn share(&self, key: K, value: V, charge: Charge) -> Arc<InFlightValue<K, V>> {
        let mut values = lock(&self.values);
        if let Some(sent) = values.get(&key).and_then(Weak::upgrade) {
            return sent;
        }
        let sent = Arc::new(InFlightValue {
            value,
            key,
            charge,
            values: Arc::clone(&self.values),
        });
        values.insert(key, Arc::downgrade(&sent));
        sent
    }
}

impl<K: Copy + Eq + Hash, V> Drop for InFlightValue<K, V> {
    fn drop(&mut self) {
        let mut values = lock(&self.values);
        // The map may contain a newer value with this key, which another response has shared since. That value must stay in the map.
        if values
            .get(&self.key)
            .is_some_and(|sent| sent.strong_count() == 0)
        {
            values.remove(&self.key);
        }
    }
}

fn lock<K: Copy + Eq + Hash, V>(
    values: &Values<K, V>,
) -> MutexGuard<'_, HashMap<K, Weak<InFlightValue<K, V>>>> {
    values.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::ByteBudget;

    #[test]
    fn value_is_charged_once_until_its_last_response_is_sent() {
        let budget = ByteBudget::new(100);
        let in_flight = InFlight::default();
        assert!(in_flight.get(1).is_none());
        let first = in_flight.share(1, "a", budget.try_charge(10).unwrap());
        let second = in_flight.share(1, "b", budget.try_charge(20).unwrap());
        assert_eq!((first.value, second.value, budget.used()), ("a", "a", 10));
        drop(first);
        assert_eq!(in_flight.get(1).unwrap().value, "a");
        drop(second);
        assert_eq!(budget.used(), 0);
        assert!(in_flight.get(1).is_none() && lock(&in_flight.values).is_empty());
    }
}
