//! Each store is measured in a process of its own, so that its memory is told and no cache is warm from another.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Result;
use crate::git::printed;
use crate::interrupt;
use crate::operations::{Measured, measure};
use crate::options::Options;
use crate::shape::Shape;

/// Measures the store at `root` in a new process.
pub fn ask(shape: Shape, root: &Path, samples: u64) -> Result<Measured> {
    interrupt::check()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--measure", &shape.to_string()]);
    command.args(["--samples", &samples.to_string()]);
    command.arg("--dir").arg(root).stderr(Stdio::inherit());
    Ok(serde_json::from_str(&printed(&mut command)?)?)
}

/// Is that process.
pub fn answer(shape: Shape, options: &Options) -> Result<()> {
    let measured = measure(&options.dir, shape, options.samples)?;
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}
