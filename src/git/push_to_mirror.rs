//! Pushes refs to a mirror: git-push(1).
//!
//! Each refspec names a single ref and the object id that the caller read from it. A pattern such as `refs/heads/*` is not used: git would
//! treat a ref that it cannot read as deleted, and delete it in the mirror. `--prune` is not used: it would delete every ref of the mirror
//! that git does not find in this repository.

use std::ffi::OsStr;
use std::time::Duration;

use super::error::Error;
use super::program::Git;
use super::remote_command::RemoteCommand;
use super::secret_config::SecretConfig;
use crate::names::RemoteUrl;

/// An update of one ref of a mirror: the full name of the ref, and its new id in hexadecimal. The id `None` deletes the ref.
pub type MirrorChange = (String, Option<String>);

/// A running git-push(1) to a mirror. Dropping this value ends the push.
#[derive(Debug)]
pub struct MirrorPush(RemoteCommand);

/// The result of a push to a mirror.
#[derive(Debug)]
pub enum MirrorPushResult {
    /// The mirror updated or deleted every ref as requested.
    Complete,
    /// The mirror rejected some refs, or the result is unknown.
    Incomplete {
        /// The full names of the refs that the mirror updated or deleted.
        accepted: Vec<String>,
        /// The reason why refs were rejected, or why the result is unknown.
        error: Error,
    },
}

impl Git {
    /// Starts a push of `changes` to the remote named `remote`, which is configured with `url`. The push overwrites the refs of the mirror
    /// whatever their current values are.
    ///
    /// # Errors
    /// If git cannot be started.
    pub fn push_to_mirror(
        &self,
        remote: &str,
        url: &RemoteUrl,
        changes: &[MirrorChange],
        limit: Duration,
    ) -> Result<MirrorPush, Error> {
        // git rejects refspecs on the command line for a remote that is configured as a mirror.
        let disable_mirror = format!("remote.{remote}.mirror=false");
        let options = [
            "-c",
            &disable_mirror,
            "push",
            "--porcelain",
            "--no-verify",
            "--",
            remote,
        ];
        let refspecs: Vec<String> = changes.iter().map(refspec).collect();
        let args: Vec<&OsStr> = options
            .into_iter()
            .chain(refspecs.iter().map(String::as_str))
            .map(OsStr::new)
            .collect();
        let (git_dir, secrets) = (Some(self.git_dir()), SecretConfig::of_url(url));
        let command = self.start(git_dir, "push", &args, &secrets, limit)?;
        Ok(MirrorPush(command))
    }
}

fn refspec((name, id): &MirrorChange) -> String {
    match id {
        Some(id) => format!("+{id}:{name}"),
        None => format!(":{name}"),
    }
}

impl MirrorPush {
    /// Waits at most `limit` for the push to end; returns `None` while it runs. Must not be called again after it has returned a result.
    pub fn wait(&mut self, limit: Duration) -> Option<MirrorPushResult> {
        match self.0.wait(limit) {
            Ok(None) => None,
            Ok(Some(output)) if output.is_success => Some(MirrorPushResult::Complete),
            Ok(Some(output)) => Some(MirrorPushResult::Incomplete {
                accepted: accepted_refs(&output.stdout),
                error: output.failure("push"),
            }),
            Err(error) => Some(MirrorPushResult::Incomplete {
                accepted: Vec::new(),
                error,
            }),
        }
    }
}

/// Returns the accepted refs from `--porcelain` output: lines `<flag>\t<from>:<to>\t<summary>`, where the flag `!` is a rejection.
fn accepted_refs(stdout: &str) -> Vec<String> {
    let accepted = |line: &str| {
        let (flag, rest) = line.split_once('\t')?;
        let (_, to) = rest.split_once('\t')?.0.split_once(':')?;
        [" ", "+", "-", "*", "="]
            .contains(&flag)
            .then(|| to.to_owned())
    };
    stdout.lines().filter_map(accepted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_refs_exclude_rejected_ones() {
        let stdout = "To /m\n \trefs/heads/a:refs/heads/a\t1..2\n-\t:refs/heads/b\t[deleted]\n\
            !\trefs/heads/c:refs/heads/c\t[remote rejected] (no)\n=\trefs/tags/d:refs/tags/d\t[up to date]\nDone\n";
        assert_eq!(
            accepted_refs(stdout),
            ["refs/heads/a", "refs/heads/b", "refs/tags/d"]
        );
    }
}
