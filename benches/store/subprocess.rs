//! Measures each store in a new process, so that its memory can be reported and no cache is warm from another store.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Result;
use crate::git::output_of;
use crate::interrupt;
use crate::operations::{Measured, measure};
use crate::options::Options;
use crate::shape::Shape;

/// Measures the store at `root` in a new process.
pub fn measure_in_subprocess(shape: Shape, root: &Path, samples: u64) -> Result<Measured> {
    interrupt::check()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--measure", &shape.to_string()]);
    command.args(["--samples", &samples.to_string()]);
    command.arg("--dir").arg(root).stderr(Stdio::inherit());
    Ok(serde_json::from_str(&output_of(&mut command)?)?)
}

/// Runs as that process: measures the store in `--dir`, and prints the result as JSON.
pub fn run_as_subprocess(shape: Shape, options: &Options) -> Result<()> {
    let measured = measure(&options.dir, shape, options.samples)?;
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}
