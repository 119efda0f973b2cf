//! The error text of a failed git command: the lines of git's output that state the cause.

use super::error::Error;
use super::process_limits::reached_limit;
use super::remote_command::CommandOutput;

/// The maximum length of the error text, in characters.
const CHARS_MAX: usize = 600;

/// The prefixes of the lines of git's standard error that state a cause. git also prints progress, advice and empty lines.
const CAUSE_PREFIXES: [&str; 6] = ["remote:", "fatal:", "error:", "ssh:", "! ", "Host key"];

/// The prefixes of lines that are left out, because git prints them after every failure or repeats a cause in them.
const REDUNDANT_PREFIXES: [&str; 3] = [
    "error: failed to push some refs",
    "fatal: Could not read from remote repository",
    "fatal: the remote end hung up",
];

impl CommandOutput {
    /// Returns the error for git's subcommand `command`, whose output is `self`. The error text consists of the lines that state the cause,
    /// joined by semicolons, without control characters, and at most [`CHARS_MAX`] characters long. The text may contain secrets, such as a
    /// URL with a password.
    pub(super) fn failure(&self, command: &'static str) -> Error {
        if let Some(limit) = reached_limit(&self.stderr, None) {
            return Error::LimitReached {
                command: command.to_owned(),
                limit,
            };
        }
        let mut causes = self.rejected_refs();
        let stderr_lines = || {
            self.stderr
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
        };
        causes.extend(
            stderr_lines()
                .filter(|line| starts_with_any(line, &CAUSE_PREFIXES))
                .filter(|line| !starts_with_any(line, &REDUNDANT_PREFIXES))
                .map(str::to_owned),
        );
        if causes.is_empty() {
            causes.extend(stderr_lines().map(str::to_owned));
        }
        causes.dedup();
        let text = causes.join("; ").replace(char::is_control, " ");
        Error::Failed {
            command: command.to_owned(),
            stderr: match text.char_indices().nth(CHARS_MAX) {
                Some((end, _)) => format!("{}…", &text[..end]),
                None => text,
            },
        }
    }

    /// Returns the rejected refs and the reasons, from the lines `!\t<from>:<to>\t<reason>` of `push --porcelain`.
    fn rejected_refs(&self) -> Vec<String> {
        let rejected = self.stdout.lines().filter_map(|line| {
            let (refs, reason) = line.strip_prefix("!\t")?.split_once('\t')?;
            Some(format!("{}: {reason}", refs.rsplit(':').next()?))
        });
        rejected.collect()
    }
}

fn starts_with_any(line: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| line.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(stdout: &str, stderr: &str) -> String {
        let output = CommandOutput {
            is_success: false,
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        };
        output.failure("push").to_string()
    }

    #[test]
    fn message_contains_the_lines_that_state_a_cause() {
        let stderr =
            "Enumerating objects: 3\nremote: no room for you\u{1b}[31m\n\nfatal: early end\n";
        assert_eq!(
            message("", stderr),
            "git push failed: remote: no room for you [31m; fatal: early end"
        );
        let stdout =
            "To /m\n!\trefs/heads/a:refs/heads/a\t[remote rejected] (hook declined)\nDone\n";
        let stderr = "error: failed to push some refs to '/m'\n";
        assert_eq!(
            message(stdout, stderr),
            "git push failed: refs/heads/a: [remote rejected] (hook declined)"
        );
        assert_eq!(message("", "odd\n"), "git push failed: odd");
        assert_eq!(message("", &"ä".repeat(4000)).chars().count(), 17 + 600 + 1);
    }
}
