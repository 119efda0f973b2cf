//! Stock git on one store, without the user's configuration.

use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Result;

/// Git on the store in a folder.
pub struct Git {
    root: PathBuf,
}

impl Git {
    pub fn new(root: &Path) -> Self {
        let root = root.to_owned();
        Self { root }
    }

    /// The folder of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Git with these arguments.
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

    /// What git prints.
    pub fn output(&self, args: &[&str]) -> Result<String> {
        printed(&mut self.command(args))
    }

    /// Runs git with what `write` writes on its standard input.
    pub fn feed(
        &self,
        args: &[&str],
        write: impl FnOnce(&mut BufWriter<ChildStdin>) -> std::io::Result<()>,
    ) -> Result<()> {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take().ok_or("BUG: stdin is piped")?;
        let mut stdin = BufWriter::with_capacity(1 << 16, stdin);
        let written = write(&mut stdin).and_then(|()| stdin.flush());
        drop(stdin);
        let status = child.wait()?;
        if !status.success() {
            return Err(format!("git {args:?}: {status}").into());
        }
        Ok(written?)
    }
}

/// What a program prints, without the last line's end.
///
/// # Errors
/// It does not succeed.
pub fn printed(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?}: {said}").into());
    }
    let out = String::from_utf8(output.stdout)?;
    Ok(out.trim_end().to_owned())
}

/// `git cat-file --batch`, kept open.
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
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (stdin, stdout) = stdin.zip(stdout).ok_or("BUG: both are piped")?;
        Ok(Self {
            child,
            stdin,
            stdout: BufReader::new(stdout),
        })
    }

    /// The bytes of the object that `name` names.
    pub fn get(&mut self, name: &str) -> Result<Vec<u8>> {
        self.stdin.write_all(format!("{name}\n").as_bytes())?;
        let mut head = String::new();
        self.stdout.read_line(&mut head)?;
        let size = head.trim_end().rsplit(' ').next().unwrap_or_default();
        let size: usize = size.parse().map_err(|_| format!("git cat-file: {head}"))?;
        let mut bytes = vec![0; size + 1];
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
