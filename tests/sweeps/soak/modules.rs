//! Millions of small, valid and distinct modules.

use crate::support::random::Random;
use crate::support::store::custom_section;

/// Larger than the uploads that are spooled in memory.
const LARGE_BYTES: usize = (1 << 20) + (1 << 17);

/// Returns the module `n`, of up to 4 KB.
pub fn small(n: u64) -> Vec<u8> {
    let mut filler = Random::new(n);
    let bytes = 100 + filler.below(4000) as usize;
    filled(n, bytes, filler)
}

/// Returns the module `n`, of more than 1 MiB.
pub fn large(n: u64) -> Vec<u8> {
    filled(n, LARGE_BYTES, Random::new(n))
}

fn filled(n: u64, bytes: usize, mut filler: Random) -> Vec<u8> {
    let random = std::iter::repeat_with(move || filler.next()).flat_map(u64::to_le_bytes);
    custom_section(n.to_le_bytes().into_iter().chain(random.take(bytes)))
}

/// Returns a module that encodes the number of a counter.
pub fn counting(number: u64) -> Vec<u8> {
    custom_section(number.to_le_bytes())
}

/// Returns the number that such a module encodes.
pub fn number(counting: &[u8]) -> u64 {
    let (_, number) = counting.split_last_chunk().unwrap();
    u64::from_le_bytes(*number)
}
