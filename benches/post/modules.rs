//! Distinct modules of an exact size.

use hyper::body::Bytes;

use crate::options::Size;

const SMALL_BYTES: usize = 4096;
const LARGE_BYTES: usize = 1_000_000;
/// The size of the code in a large module.
const CODE_BYTES: usize = 600_000;

/// Makes the modules of one size.
pub struct ModuleMaker {
    /// Everything before the custom section at the end.
    head: Vec<u8>,
    size_bytes: usize,
}

impl ModuleMaker {
    pub fn new(size: Size) -> Self {
        let (head, size_bytes) = match size {
            Size::Small => (b"\0asm\x01\0\0\0".to_vec(), SMALL_BYTES),
            Size::Large => (with_code(), LARGE_BYTES),
        };
        Self { head, size_bytes }
    }

    /// Returns the module `n`.
    pub fn make(&self, n: u64) -> Bytes {
        let mut bytes = Vec::with_capacity(self.size_bytes + 8);
        bytes.extend(&self.head);
        let contents_bytes = self.size_bytes - bytes.len() - 1 - LENGTH_BYTES;
        bytes.push(0);
        bytes.extend(length(contents_bytes));
        bytes.extend(b"\x01x");
        let mut random = Random(n.wrapping_mul(0x2545_f491_4f6c_dd1d));
        while bytes.len() < self.size_bytes {
            bytes.extend(random.next().to_le_bytes());
        }
        bytes.truncate(self.size_bytes);
        bytes.into()
    }
}

/// Returns a module with a memory, and many functions with two parameters and one result.
fn with_code() -> Vec<u8> {
    let mut random = Random(1);
    let mut bodies = Vec::new();
    let mut count = 0;
    while bodies.len() < CODE_BYTES {
        let body = body(&mut random);
        bodies.extend(length(body.len()));
        bodies.extend(body);
        count += 1;
    }
    let functions = [length(count).to_vec(), vec![0; count]].concat();
    let code = [length(count).to_vec(), bodies].concat();
    let sections: [(u8, &[u8]); 4] = [
        (1, &[1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f]),
        (3, &functions),
        (5, &[1, 0, 1]),
        (10, &code),
    ];
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    for (id, contents) in sections {
        bytes.push(id);
        bytes.extend(length(contents.len()));
        bytes.extend(contents);
    }
    bytes
}

/// Returns a function body of statements that resemble compiled C: arithmetic, loads, stores, calls and branches on a few locals.
fn body(random: &mut Random) -> Vec<u8> {
    const LOCAL_GET: u8 = 0x20;
    const LOCAL_SET: u8 = 0x21;
    const I32_CONST: u8 = 0x41;
    let mut body = vec![1, 6, 0x7f]; // Six locals in addition to the two parameters.
    for _ in 0..10 + random.below(60) {
        let (a, b, c) = (random.below(8), random.below(8), random.below(8));
        let (number, offset) = (random.below(64), random.below(32) * 4);
        let operation = [0x6a, 0x6a, 0x6a, 0x6b, 0x71, 0x72, 0x73, 0x74][random.below(8) as usize];
        let statement: &[u8] = match random.below(6) {
            0 => &[LOCAL_GET, a, I32_CONST, number, operation, LOCAL_SET, b],
            1 => &[LOCAL_GET, a, LOCAL_GET, b, operation, LOCAL_SET, c],
            2 => &[LOCAL_GET, a, 0x28, 2, offset, LOCAL_SET, b],
            3 => &[LOCAL_GET, a, LOCAL_GET, b, 0x36, 2, offset],
            4 => &[LOCAL_GET, a, LOCAL_GET, b, 0x10, number, LOCAL_SET, c],
            _ => &[
                2, 0x40, LOCAL_GET, a, 0x45, 0x0d, 0, LOCAL_GET, b, LOCAL_SET, c, 0x0b,
            ],
        };
        body.extend(statement);
    }
    body.extend([LOCAL_GET, random.below(8), 0x0b]);
    body
}

/// The encoded size of every length. It is fixed, so that the size of the rest can be computed.
const LENGTH_BYTES: usize = 4;

/// Encodes a length as LEB128, padded to [`LENGTH_BYTES`].
fn length(length: usize) -> [u8; LENGTH_BYTES] {
    let digit = |nth: usize| (length >> (7 * nth)) as u8 & 0x7f;
    [digit(0) | 0x80, digit(1) | 0x80, digit(2) | 0x80, digit(3)]
}

/// A random number generator (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u8) -> u8 {
        (self.next() % u64::from(end)) as u8
    }
}
