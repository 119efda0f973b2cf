//! The threads and the memory that validation uses. It is a single test in its own process, because it counts those of the process.
#![cfg(target_os = "linux")]

use std::io::{self, Read};
use std::time::{Duration, Instant};

use wasmstore::config::ModuleLimits;
use wasmstore::wasm::{Validation, validate};

const HEADER: &[u8] = b"\0asm\x01\0\0\0";

#[test]
fn validation_ends_its_threads_and_bounds_its_memory() {
    a_huge_custom_section_uses_no_memory();
    a_small_module_starts_no_thread();
    an_incomplete_validation_ends_its_threads();
    a_rejected_module_ends_its_threads();
}

fn a_huge_custom_section_uses_no_memory() {
    const CONTENTS_BYTES: u64 = 100 << 20;
    let head = [HEADER, &[0], &leb(CONTENTS_BYTES as u32), b"\x04huge"].concat();
    let before = peak_memory_bytes();
    let source = head.chain(io::repeat(0xaa).take(CONTENTS_BYTES - 5));
    let info = validate(source, &ModuleLimits::default()).unwrap();
    assert_eq!(info.custom_sections, ["huge"]);
    assert_eq!(info.size_bytes, CONTENTS_BYTES - 5 + head.len() as u64);
    let grown = peak_memory_bytes() - before;
    assert!(grown < 4 << 20, "{grown} bytes");
}

fn a_small_module_starts_no_thread() {
    let mut validation = Validation::new(&ModuleLimits::default());
    validation.write(&many_bodies(20)).unwrap();
    assert_eq!(body_threads(), 0);
    validation.finish().unwrap();
}

fn an_incomplete_validation_ends_its_threads() {
    let module = many_bodies(1000);
    let mut validation = Validation::new(&ModuleLimits::default());
    validation.write(&module[..module.len() - 1]).unwrap();
    let cores = std::thread::available_parallelism().unwrap().get();
    wait_for_threads(cores - 1);
    drop(validation);
    wait_for_threads(0);
}

fn a_rejected_module_ends_its_threads() {
    let mut module = many_bodies(1000);
    module.push(0x7f);
    let mut validation = Validation::new(&ModuleLimits::default());
    validation.write(&module).unwrap_err();
    wait_for_threads(0);
    drop(validation);
}

/// Returns a module with functions of one kilobyte each.
fn many_bodies(count: u32) -> Vec<u8> {
    let body = [&[0xf0, 0x07, 0][..], &[1; 0x3f0 - 2], &[0x0b]].concat();
    let code = [leb(count), body.repeat(count as usize)].concat();
    let functions = [leb(count), vec![0; count as usize]].concat();
    let section = |id, contents: &[u8]| [&[id], &leb(contents.len() as u32)[..], contents].concat();
    [
        HEADER,
        &section(1, &[1, 0x60, 0, 0]),
        &section(3, &functions),
        &section(10, &code),
    ]
    .concat()
}

fn leb(number: u32) -> Vec<u8> {
    (0..5)
        .map(|n| (number >> (7 * n)) as u8 & 0x7f | if n < 4 { 0x80 } else { 0 })
        .collect()
}

/// Waits until `count` threads are listed. A thread gets its name shortly after its start, and may be listed shortly after its end.
fn wait_for_threads(count: usize) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while body_threads() != count {
        assert!(Instant::now() < deadline, "{} threads", body_threads());
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn body_threads() -> usize {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.trim() == "wasm-bodies")
        .count()
}

fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim()
        .strip_suffix(" kB")
        .unwrap()
        .parse::<u64>()
        .unwrap()
        << 10
}
