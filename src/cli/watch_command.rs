//! The command that `watch` runs for each event.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use super::color::ColorChoice;
use super::environment::variable;
use super::exit::{Error, Result};
use super::output::print_error;
use crate::names::{BranchName, ModulePath, ModuleRef, TreePath};
use crate::remote::StoreOperations;
use crate::store::Revision;
use crate::wire::BranchEvent;

/// The maximum delay after the first failure of the command. It doubles with each further failure.
const DELAY_FIRST: Duration = Duration::from_millis(500);
/// The maximum delay after any failure.
const DELAY_MAX: Duration = Duration::from_secs(60);

/// The option with which `watch` continues after a restart.
const SINCE_FILE: &str = "--since-file";
/// The other options that select what `watch` reports. Other programs may have options of these names.
const OPTIONS: [&str; 4] = ["--path", "--since", "--branch", "--root"];

/// The reaction to a failure of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnFailure {
    /// The failure is reported, and `watch` continues with the next event.
    Continue,
    /// The failure is reported, and the command is run again for the same event until it succeeds.
    Retry,
}

/// The program that `watch` runs for each event, and its arguments.
#[derive(Debug)]
pub(super) struct WatchCommand<'c> {
    program: &'c str,
    args: &'c [String],
    color: ColorChoice,
}

impl<'c> WatchCommand<'c> {
    /// Returns the command that consists of these words; `None` if there are none.
    ///
    /// # Errors
    /// Fails if the first word is one of these:
    /// - The name of a branch, without a slash: `watch main` is more likely a mistyped `watch --branch main`.
    /// - A glob, or the path of modules on the watched `branch`, unless it is also a program: it was probably meant for `--path`.
    /// - A word without a slash, if `PATH` has no program with this name. A word with a slash gets a note instead, see
    ///   [`note`](Self::note), because its program may be installed later.
    pub fn parse(
        words: &'c [String],
        store: &dyn StoreOperations,
        branch: Option<&BranchName>,
        color: ColorChoice,
    ) -> Result<Option<Self>> {
        let Some((program, args)) = words.split_first() else {
            return Ok(None);
        };
        let command = Self {
            program,
            args,
            color,
        };
        if selects_modules(program, store, branch) {
            return Err(Error::PathAsCommand(program.clone()));
        }
        if program.contains('/') {
            return Ok(Some(command));
        }
        if store
            .branches()?
            .iter()
            .any(|branch| branch.as_str() == program)
        {
            return Err(Error::BranchAsCommand(program.clone()));
        }
        if !is_on_path(program) {
            return Err(Error::NoProgram(program.clone()));
        }
        Ok(Some(command))
    }

    /// Returns what the user may not expect of the command, if anything: its program is not there yet, or one of its arguments is an option
    /// of `watch`. `is_delimited` is whether a `--` before the command says that all of it is meant; a `--` in the command says that of what
    /// follows.
    ///
    /// # Errors
    /// `--since-file` is an argument of the command: without it, `watch` loses events, and no other program has an option of this name.
    pub fn note(&self, is_delimited: bool) -> Result<Option<String>> {
        let name = |arg: &'c String| arg.split('=').next().unwrap_or_default();
        let args = self.args.iter().filter(|_| !is_delimited);
        let mut names = args.take_while(|arg| *arg != "--").map(name);
        if names.clone().any(|name| name == SINCE_FILE) {
            return Err(Error::OptionAfterCommand(SINCE_FILE));
        }
        let program = self.program;
        if let Some(option) = names.find(|name| OPTIONS.contains(name)) {
            return Ok(Some(format!(
                "{option} is an argument of {program}, because it stands after it: write the options of `watch` first; \
                 a `--` before the command says that this is meant"
            )));
        }
        let is_missing = program.contains('/') && !is_executable(Path::new(program));
        Ok(is_missing.then(|| {
            format!("{program} is not an executable file now: `watch` reports each run until it is")
        }))
    }

    /// Runs the command for an event, and writes `line` to its standard input. Reports failures on standard error.
    pub fn run(&self, event: &BranchEvent, line: &str, on_failure: OnFailure) {
        let mut failures = 0;
        loop {
            let failure = match self.run_once(event, line) {
                Ok(status) if status.success() => return,
                Ok(status) => format!("{:?} failed: {status}", self.program),
                Err(error) => format!("cannot run {:?}: {error}", self.program),
            };
            match on_failure {
                OnFailure::Continue => return print_error(&failure, self.color),
                OnFailure::Retry => {
                    let delay = delay_after(failures);
                    let failure = format!("{failure}; retrying in {:.1} s", delay.as_secs_f64());
                    print_error(&failure, self.color);
                    std::thread::sleep(delay);
                    failures += 1;
                }
            }
        }
    }

    fn run_once(&self, event: &BranchEvent, line: &str) -> io::Result<ExitStatus> {
        let mut child = Command::new(self.program)
            .args(self.args)
            .env("WASMSTORE_WATCH_BRANCH", event.branch.as_str())
            .env("WASMSTORE_WATCH_COMMIT", event.commit.to_string())
            .stdin(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A write error is ignored, because a command may exit without reading its input. Its exit status says whether it failed.
            let _ = writeln!(stdin, "{line}");
        }
        child.wait()
    }
}

/// Returns whether a word is a glob or the path of a module or directory on the watched branch, and not the name of a program. A word that
/// begins with `/`, `./` or `../` is always the path of a program, as in a shell.
fn selects_modules(word: &str, store: &dyn StoreOperations, branch: Option<&BranchName>) -> bool {
    if ["/", "./", "../"]
        .iter()
        .any(|start| word.starts_with(start))
    {
        return false;
    }
    if is_executable(Path::new(word)) || (!word.contains('/') && is_on_path(word)) {
        return false;
    }
    if word.contains(['*', '?', '[']) {
        return true;
    }
    let Ok(path) = TreePath::parse(word).and_then(ModulePath::try_from) else {
        return false;
    };
    let tip = Revision::Branch(branch.cloned());
    // If the store cannot be read, for example because the API key does not allow reads, the word is treated as a command.
    let below = store.list_first(&tip, path.as_tree_path(), 1);
    let is_directory = below.is_ok_and(|(modules, _)| !modules.is_empty());
    is_directory
        || store
            .contains(&tip, &ModuleRef::Path(path))
            .unwrap_or_default()
}

fn is_executable(file: &Path) -> bool {
    let metadata = file.metadata().ok();
    metadata.is_some_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Returns whether `PATH` has a program with this name. If `PATH` is not set, returns true, because the system then searches a default list
/// of directories.
fn is_on_path(program: &str) -> bool {
    let Some(path) = variable("PATH") else {
        return true;
    };
    std::env::split_paths(&path).any(|directory| is_executable(&directory.join(program)))
}

/// Returns the delay before the command runs again, after `failures` earlier failures for the same event. The delay is random, between half
/// and all of the maximum, so that several `watch` processes whose commands failed at the same time do not retry at the same time.
fn delay_after(failures: u32) -> Duration {
    let doubled = DELAY_FIRST * (1 << failures.min(16));
    // `RandomState` is the standard library's only source of randomness: the hash depends on its random keys.
    let random = RandomState::new().build_hasher().finish();
    let fraction = (random >> 11) as f64 / (1_u64 << 53) as f64;
    doubled.min(DELAY_MAX).mul_f64(0.5 + fraction / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_limit() {
        for failures in 0..40 {
            let delay = delay_after(failures);
            assert!(delay >= DELAY_FIRST / 2 && delay <= DELAY_MAX, "{delay:?}");
            assert!(failures < 7 || delay >= DELAY_MAX / 2, "{delay:?}");
        }
        assert!(delay_after(0) <= DELAY_FIRST);
    }
}
