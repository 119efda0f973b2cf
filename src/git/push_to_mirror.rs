//! Making another repository equal to this one: git-push(1).

use std::ffi::OsStr;
use std::time::Duration;

use super::program::{Error, Git};
use super::remote_command::Exchange;

/// Every branch and tag, wherever it pointed before. Refs of other kinds stay as they are over there: hosts keep some of their
/// own, which nobody may delete, so that `--mirror` would fail for ever.
const REFS: [&str; 2] = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];

/// A push under way. Dropping it ends it.
#[derive(Debug)]
pub struct Push(Exchange);

/// How a push ended.
#[derive(Debug)]
pub enum Pushed {
    /// Every branch and tag is there, and no other.
    All,
    /// Some were not taken, or nothing is known of any.
    Part {
        /// The full names of those that were taken, deleted ones included.
        taken: Vec<String>,
        /// Why not all were.
        error: Error,
    },
}

impl Git {
    /// Begins to push every branch and tag to a remote of the repository, and to delete what else is there of them.
    ///
    /// # Errors
    /// git cannot be started.
    pub fn push(&self, remote: &str, limit: Duration) -> Result<Push, Error> {
        // git refuses to push named refs to a remote that is set up as a mirror.
        let not_all = format!("remote.{remote}.mirror=false");
        let args = [
            "-c",
            &not_all,
            "push",
            "--porcelain",
            "--prune",
            "--no-verify",
        ];
        let args = args.into_iter().chain(["--", remote]).chain(REFS);
        let args: Vec<&OsStr> = args.map(OsStr::new).collect();
        self.start("push", &args, limit).map(Push)
    }
}

impl Push {
    /// Waits for the end, but no longer than `pause`; `None` while it runs. Once it ended it is not to be asked again.
    pub fn wait(&mut self, pause: Duration) -> Option<Pushed> {
        match self.0.wait(pause) {
            Ok(None) => None,
            Ok(Some(said)) if said.is_success => Some(Pushed::All),
            Ok(Some(said)) => Some(Pushed::Part {
                taken: taken(&said.stdout),
                error: said.failure("push"),
            }),
            Err(error) => Some(Pushed::Part {
                taken: Vec::new(),
                error,
            }),
        }
    }
}

/// The refs that were taken: lines `<flag>\t<from>:<to>\t<summary>`, where the flag `!` is a refusal.
fn taken(stdout: &str) -> Vec<String> {
    let name = |line: &str| {
        let (flag, rest) = line.split_once('\t')?;
        let (_, to) = rest.split_once('\t')?.0.split_once(':')?;
        [" ", "+", "-", "*", "="]
            .contains(&flag)
            .then(|| to.to_owned())
    };
    stdout.lines().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_is_told_from_what_was_not() {
        let stdout = "To /m\n \trefs/heads/a:refs/heads/a\t1..2\n-\t:refs/heads/b\t[deleted]\n\
            !\trefs/heads/c:refs/heads/c\t[remote rejected] (no)\n=\trefs/tags/d:refs/tags/d\t[up to date]\nDone\n";
        assert_eq!(
            taken(stdout),
            ["refs/heads/a", "refs/heads/b", "refs/tags/d"]
        );
    }
}
