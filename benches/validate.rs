//! Measures the validation of a module that is read in pieces of 64 KiB, without and with facts, and `wasm-tools validate` for comparison if it is on `PATH` or
//! named by `WASM_TOOLS`.
//!
//!     cargo bench --bench validate -- FILE…
//!
//! They run alternately, five times each, or more often if they take little time; the fastest run of each is reported. The peak memory is that of this process, which
//! does nothing else.
//!
//! With `VALIDATE_ONLY=plain` or `VALIDATE_ONLY=facts`, ten runs without or with facts are all that is done, for example in `valgrind
//! --tool=callgrind`, whose count of instructions does not depend on the load of the machine.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wasmstore::budget::ByteBudget;
use wasmstore::config::ModuleLimits;
use wasmstore::wasm::Validation;

const RUNS_MIN: usize = 5;
/// The number of runs if only one kind of validation is to run.
const PROFILED_RUNS: usize = 10;
/// How long the runs with a file take at least.
const TIME_MIN: Duration = Duration::from_secs(1);

fn main() {
    // cargo adds the argument `--bench`.
    let files: Vec<_> = std::env::args_os()
        .skip(1)
        .filter(|argument| !argument.as_encoded_bytes().starts_with(b"--"))
        .collect();
    if files.is_empty() {
        println!("nothing is measured: run `cargo bench --bench validate -- FILE…`");
    }
    for file in &files {
        measure(Path::new(file));
    }
}

/// Validates a file `runs` times without or with facts and does nothing else, so that a profiler can count the instructions.
fn only(file: &Path, mode: &str, runs: usize) {
    for _ in 0..runs {
        let (limits, budget) = (ModuleLimits::default(), ByteBudget::default());
        validate_here(
            file,
            match mode {
                "facts" => Validation::with_facts(&limits, &budget),
                _ => Validation::new(&limits),
            },
        );
    }
}

fn measure(file: &Path) {
    if let Ok(mode) = std::env::var("VALIDATE_ONLY") {
        return only(file, &mode, PROFILED_RUNS);
    }
    let bytes = file.metadata().expect("read FILE").len();
    println!("{} ({bytes} bytes)", file.display());
    let mut ours = Duration::MAX;
    let mut with_facts = Duration::MAX;
    let mut theirs = None;
    let (started, mut runs) = (Instant::now(), 0);
    while runs < RUNS_MIN || started.elapsed() < TIME_MIN {
        runs += 1;
        ours = ours.min(validate_here(
            file,
            Validation::new(&ModuleLimits::default()),
        ));
        let (limits, budget) = (ModuleLimits::default(), ByteBudget::default());
        with_facts = with_facts.min(validate_here(
            file,
            Validation::with_facts(&limits, &budget),
        ));
        if runs <= RUNS_MIN {
            theirs = validate_with_wasm_tools(file)
                .map(|elapsed| theirs.map_or(elapsed, |best: Duration| best.min(elapsed)));
        }
    }
    println!("  wasmstore   {:8.3} ms", ours.as_secs_f64() * 1e3);
    println!(
        "  with facts  {:8.3} ms ({:+.1}%)",
        with_facts.as_secs_f64() * 1e3,
        (with_facts.as_secs_f64() / ours.as_secs_f64() - 1.0) * 100.0
    );
    match theirs {
        Some(theirs) => {
            println!("  wasm-tools  {:8.3} ms", theirs.as_secs_f64() * 1e3);
            println!(
                "  ratio       {:8.2}",
                ours.as_secs_f64() / theirs.as_secs_f64()
            );
        }
        None => println!("  wasm-tools  not found, or it rejects the module"),
    }
    match peak_memory_bytes() {
        Some(peak) => println!("  peak memory {:8.1} MiB", peak as f64 / f64::from(1 << 20)),
        None => println!("  peak memory unknown on this system"),
    }
}

fn validate_here(file: &Path, mut validation: Validation) -> Duration {
    let start = Instant::now();
    let mut source = File::open(file).expect("read FILE");
    let mut chunk = vec![0; 64 << 10];
    loop {
        match source.read(&mut chunk).expect("read FILE") {
            0 => break,
            bytes => validation.write(&chunk[..bytes]).expect("validate FILE"),
        }
    }
    let (info, _) = validation.finish_with_facts().expect("validate FILE");
    let elapsed = start.elapsed();
    assert!(info.size_bytes > 0);
    elapsed
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
