//! What of git's words is worth telling.

use super::program::Error;
use super::remote_command::Said;

/// The longest message, in characters.
const CHARS_MAX: usize = 600;

/// How the lines begin that say why (git prints progress, advice and empty lines besides).
const TELLING: [&str; 6] = ["remote:", "fatal:", "error:", "ssh:", "! ", "Host key"];

/// What git says after every failure, and what it says once more in other words.
const TOLD_BESIDES: [&str; 3] = [
    "error: failed to push some refs",
    "fatal: Could not read from remote repository",
    "fatal: the remote end hung up",
];

impl Said {
    /// The failure of git's subcommand `command`: the lines that tell why, joined by semicolons, on one line and of bounded length.
    /// Secrets may be in it.
    pub(super) fn failure(&self, command: &'static str) -> Error {
        let rejected = self.stdout.lines().filter(|line| line.starts_with("!\t"));
        let rejected = rejected.filter_map(|line| {
            let (name, why) = line.strip_prefix("!\t")?.split_once('\t')?;
            Some(format!("{}: {why}", name.rsplit(':').next()?))
        });
        let lines = || {
            self.stderr
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
        };
        let tells = |line: &&str| TELLING.iter().any(|start| line.starts_with(start));
        let is_besides = |line: &&str| TOLD_BESIDES.iter().any(|said| line.starts_with(said));
        let mut told: Vec<String> = rejected.collect();
        told.extend(
            lines()
                .filter(|line| tells(line) && !is_besides(line))
                .map(str::to_owned),
        );
        if told.is_empty() {
            told.extend(lines().map(str::to_owned));
        }
        told.dedup();
        let text = told.join("; ").replace(char::is_control, " ");
        Error::Failed {
            command: command.to_owned(),
            stderr: match text.char_indices().nth(CHARS_MAX) {
                Some((end, _)) => format!("{}…", &text[..end]),
                None => text,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(stdout: &str, stderr: &str) -> String {
        let said = Said {
            is_success: false,
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        };
        said.failure("push").to_string()
    }

    #[test]
    fn the_lines_that_tell_are_told() {
        let stderr =
            "Enumerating objects: 3\nremote: no room for you\u{1b}[31m\n\nfatal: early end\n";
        assert_eq!(
            told("", stderr),
            "git push failed: remote: no room for you [31m; fatal: early end"
        );
        let stdout =
            "To /m\n!\trefs/heads/a:refs/heads/a\t[remote rejected] (hook declined)\nDone\n";
        let stderr = "error: failed to push some refs to '/m'\n";
        assert_eq!(
            told(stdout, stderr),
            "git push failed: refs/heads/a: [remote rejected] (hook declined)"
        );
        assert_eq!(told("", "odd\n"), "git push failed: odd");
        assert_eq!(told("", &"ä".repeat(4000)).chars().count(), 17 + 600 + 1);
    }
}
