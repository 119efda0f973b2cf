//! Measures the validation of a module, read in pieces of 64 KiB, beside `wasm-tools validate` if that is on `PATH` or in
//! `WASM_TOOLS`: best of five runs each, by turns, and the most memory that this process, which does nothing else, took.
//!
//! Run with `cargo bench --bench validate -- FILE…`.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wasmstore::config::ModuleLimits;
use wasmstore::wasm::validate;

const RUNS: usize = 5;

fn main() {
    // cargo adds `--bench` of its own.
    let files: Vec<_> = std::env::args_os()
        .skip(1)
        .filter(|argument| !argument.as_encoded_bytes().starts_with(b"--"))
        .collect();
    if files.is_empty() {
        println!("no FILE given: nothing to measure");
    }
    for file in &files {
        measure(Path::new(file));
    }
}

fn measure(file: &Path) {
    let bytes = file.metadata().expect("FILE can be read").len();
    println!("{} ({bytes} bytes)", file.display());
    let mut ours = Duration::MAX;
    let mut theirs = None;
    for _ in 0..RUNS {
        ours = ours.min(validate_here(file));
        theirs = validate_with_wasm_tools(file)
            .map(|took| theirs.map_or(took, |best: Duration| best.min(took)));
    }
    println!("  wasmstore   {:7.1} ms", ours.as_secs_f64() * 1e3);
    match theirs {
        Some(theirs) => {
            println!("  wasm-tools  {:7.1} ms", theirs.as_secs_f64() * 1e3);
            println!(
                "  ratio       {:7.2}",
                ours.as_secs_f64() / theirs.as_secs_f64()
            );
        }
        None => println!("  wasm-tools  not found, or it refuses the module"),
    }
    match peak_memory_bytes() {
        Some(peak) => println!("  peak memory {:7.1} MiB", peak as f64 / f64::from(1 << 20)),
        None => println!("  peak memory not known on this system"),
    }
}

fn validate_here(file: &Path) -> Duration {
    let start = Instant::now();
    let source = File::open(file).expect("FILE can be read");
    let info = validate(source, &ModuleLimits::default()).expect("FILE is valid");
    let took = start.elapsed();
    assert!(info.size_bytes > 0);
    took
}

fn validate_with_wasm_tools(file: &Path) -> Option<Duration> {
    let program = std::env::var_os("WASM_TOOLS").unwrap_or_else(|| "wasm-tools".into());
    let start = Instant::now();
    let status = Command::new(program)
        .args(["validate", "--features", "all"])
        .arg(file)
        .stdout(Stdio::null())
        .status()
        .ok()?;
    status.success().then(|| start.elapsed())
}

fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}
