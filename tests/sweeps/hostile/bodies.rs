//! The bodies that a hostile client uploads.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// The header of a core module.
const HEAD: &[u8] = b"\0asm\x01\0\0\0";

/// Returns a module of 1 MB, distinct for each `n`, that cannot be compressed.
pub fn megabyte(n: u32) -> Vec<u8> {
    let content = [b"\x01a".to_vec(), noise(n, 1_000_000)].concat();
    [HEAD, &section(0, &content)].concat()
}

/// Returns the beginning of a zstd frame with a window of 8 MiB whose content fills the window.
pub fn stalled_zstd() -> Vec<u8> {
    let content = [b"\x01a".to_vec(), noise(1, 12 << 20)].concat();
    let module = [HEAD, &section(0, &content)].concat();
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(23).unwrap();
    encoder.write_all(&module).unwrap();
    let mut body = encoder.finish().unwrap();
    body.truncate(10 << 20);
    body
}

/// Returns a compressed module with one recursion group of this number of function types.
pub fn type_group(types: u32) -> Vec<u8> {
    let group = [
        b"\x01\x4e".to_vec(),
        leb(types),
        b"\x60\0\0".repeat(types as usize),
    ]
    .concat();
    gzip(&[HEAD, &section(1, &group)].concat())
}

/// Returns a compressed module with this number of imports in the compact encoding, whose module name has 60 control characters.
pub fn import_list(imports: u32) -> Vec<u8> {
    let name = [b"\x3c".to_vec(), vec![1; 60]].concat();
    let entries = vec![0; imports as usize];
    let list = [
        b"\x01".to_vec(),
        name,
        b"\0\x7e\x03\x7f\0".to_vec(),
        leb(imports),
        entries,
    ]
    .concat();
    gzip(&[HEAD, &section(2, &list)].concat())
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    let length = leb(u32::try_from(content.len()).unwrap());
    [vec![id], length, content.to_vec()].concat()
}

/// Encodes a number as LEB128.
fn leb(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Returns bytes that cannot be compressed: a linear congruential generator.
fn noise(seed: u32, count: usize) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(count).collect()
}
