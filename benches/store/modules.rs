//! Modules of an exact size, no two the same.

/// The module `n` of this many bytes, at most a gigabyte: one custom section of its number and random bytes.
pub fn module(n: u64, size_bytes: usize) -> Vec<u8> {
    filled(n, size_bytes, 0xff)
}

/// The version `n` of a module: eight bytes differ from the one before, and half of all compresses away.
pub fn version(n: u64, size_bytes: usize) -> Vec<u8> {
    let mut bytes = filled(0, size_bytes, 0x0f);
    for n in 1..=n {
        let free = (bytes.len() - HEAD_BYTES - 8) as u64;
        let at = HEAD_BYTES + (spread(n) % free) as usize;
        bytes[at..at + 8].copy_from_slice(&spread(!n).to_le_bytes());
    }
    bytes
}

/// A number that looks random, for another.
pub fn spread(n: u64) -> u64 {
    // SplitMix64.
    let z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What comes before the contents: the header of the module, and that of a custom section called `x`.
const HEAD_BYTES: usize = 8 + 1 + LENGTH_BYTES + 2;
/// A length always takes as many bytes, so that the rest can be counted.
const LENGTH_BYTES: usize = 4;

fn filled(n: u64, size_bytes: usize, mask: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size_bytes + 8);
    bytes.extend(b"\0asm\x01\0\0\0\0");
    bytes.extend(length(size_bytes - bytes.len() - LENGTH_BYTES));
    bytes.extend(b"\x01x");
    bytes.extend(n.to_le_bytes());
    let mut random = spread(n);
    while bytes.len() < size_bytes {
        random = spread(random);
        bytes.extend(random.to_le_bytes().map(|byte| byte & mask));
    }
    bytes.truncate(size_bytes);
    bytes
}

/// LEB128, filled up.
fn length(length: usize) -> [u8; LENGTH_BYTES] {
    let digit = |nth: usize| (length >> (7 * nth)) as u8 & 0x7f;
    [digit(0) | 0x80, digit(1) | 0x80, digit(2) | 0x80, digit(3)]
}
