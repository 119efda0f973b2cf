//! Distinct modules of an exact size.

/// Returns the module `n` with this size, at most 256 MiB: one custom section that contains the number and random bytes.
pub fn module(n: u64, size_bytes: usize) -> Vec<u8> {
    filled(n, size_bytes, 0xff)
}

/// Returns the version `n` of a module. Eight bytes differ from the previous version, and compression halves its size.
pub fn version(n: u64, size_bytes: usize) -> Vec<u8> {
    let mut bytes = filled(0, size_bytes, 0x0f);
    for n in 1..=n {
        let free = (bytes.len() - HEAD_BYTES - 8) as u64;
        let at = HEAD_BYTES + (spread(n) % free) as usize;
        bytes[at..at + 8].copy_from_slice(&spread(!n).to_le_bytes());
    }
    bytes
}

/// Returns a pseudo-random number for each number (SplitMix64).
pub fn spread(n: u64) -> u64 {
    let z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The length of the header of the module and of its custom section, which is called `x`.
const HEAD_BYTES: usize = 8 + 1 + LENGTH_BYTES + 2;
/// The encoded size of every length. It is fixed, so that the size of the rest can be computed.
const LENGTH_BYTES: usize = 4;

/// Returns the module `n`, whose random bytes are masked with `mask`.
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

/// Encodes a length as LEB128, padded to [`LENGTH_BYTES`].
fn length(length: usize) -> [u8; LENGTH_BYTES] {
    let digit = |nth: usize| (length >> (7 * nth)) as u8 & 0x7f;
    [digit(0) | 0x80, digit(1) | 0x80, digit(2) | 0x80, digit(3)]
}
