//! Random numbers from a seed, and the sizes of long-running tests from environment variables.

use std::time::{Duration, SystemTime};

/// A random number generator (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Creates a generator with the seed in `SOAK_SEED`, or else with the time as the seed. Prints the seed, so that a failed test can be
    /// repeated.
    pub fn from_environment() -> Self {
        let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let seed = size("SOAK_SEED", clock.unwrap().as_nanos() as u64);
        println!("SOAK_SEED={seed}");
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a random number that is less than `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Returns true with the probability 1 / `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Returns a random duration that is shorter than `end`.
    pub fn shorter_than(&mut self, end: Duration) -> Duration {
        Duration::from_micros(self.below(end.as_micros() as u64))
    }
}

/// Returns the number in an environment variable, or else `default`.
pub fn size(variable: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(variable) else {
        return default;
    };
    text.parse()
        .unwrap_or_else(|_| panic!("{variable}={text:?} is not a number"))
}
