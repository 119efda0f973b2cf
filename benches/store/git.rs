//! Runs stock git on a store, without the user's configuration.

use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Result;

/// git on one store.
pub struct Git {
    root: PathBuf,
}

impl Git {
    pub fn new(root: &Path) -> Self {
        let root = root.to_owned();
        Self { root }
    }

    /// Returns the directory of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns a git command with these arguments.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(name);
            }
        }
        command
            .args(["-c", "safe.directory=*", "--git-dir"])
            .arg(&self.root)
            .args(args)
            .stdin(Stdio::null())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("LC_ALL", "C");
        command
    }

    /// Runs git, and returns its output.
    pub fn output(&self, args: &[&str]) -> Result<String> {
        output_of(&mut self.command(args))
    }

    /// Runs git with the output of `write` as its standard input.
    pub fn feed(
        &self,
        args: &[&str],
        write: impl FnOnce(&mut BufWriter<ChildStdin>) -> std::io::Result<()>,
    ) -> Result<()> {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn()?;
        let pipe = child.stdin.take().ok_or("BUG: stdin is piped")?;
        let mut stdin = BufWriter::with_capacity(1 << 16, pipe);
        let written = write(&mut stdin).and_then(|()| stdin.flush());
        drop(stdin);
        let status = child.wait()?;
        if !status.success() {
            return Err(format!("git {args:?}: {status}").into());
        }
        Ok(written?)
    }
}

/// Runs a program, and returns its output without the trailing newline.
///
/// # Errors
/// The program fails.
pub fn output_of(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?}: {stderr}").into());
    }
    let out = String::from_utf8(output.stdout)?;
    Ok(out.trim_end().to_owned())
}

/// A running `git cat-file --batch`.
pub struct CatFile {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl CatFile {
    pub fn open(git: &Git) -> Result<Self> {
        let mut command = git.command(&["cat-file", "--batch"]);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (stdin, stdout) = pipes.ok_or("BUG: both are piped")?;
        Ok(Self {
            child,
            stdin,
            stdout: BufReader::new(stdout),
        })
    }

    /// Returns the contents of the object with this name.
    pub fn get(&mut self, name: &str) -> Result<Vec<u8>> {
        self.stdin.write_all(format!("{name}\n").as_bytes())?;
        let mut head = String::new();
        self.stdout.read_line(&mut head)?;
        let size = head.trim_end().rsplit(' ').next().unwrap_or_default();
        let size_bytes: usize = size.parse().map_err(|_| format!("git cat-file: {head}"))?;
        // A newline follows the contents.
        let mut bytes = vec![0; size_bytes + 1];
        self.stdout.read_exact(&mut bytes)?;
        bytes.pop();
        Ok(bytes)
    }
}

impl Drop for CatFile {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
