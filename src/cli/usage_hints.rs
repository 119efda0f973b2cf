//! Hints for arguments that a command does not have, but another command or another form of the call does.

use super::completion::positional_values;
use super::shell_word::shell_word;

/// Returns the hint for a call that clap rejected. `words` is the command, `rejected` the argument or value that it does not accept, and
/// `args` are all arguments.
pub(super) fn find(words: &str, rejected: &str, args: &[String]) -> Option<String> {
    let word = shell_word(rejected);
    let is_option = rejected.starts_with('-');
    let hint = match (words, rejected) {
        ("find", _) if !is_option => format!("`-o {word}` writes the module to this file"),
        ("version", _) if !is_option && is_path(rejected) => {
            format!("the number comes before the path: `wasmstore version INDEX {word}`")
        }
        ("tag", "--commit" | "--from") => {
            let name = positional_values(args).into_iter().next();
            let name = name.map_or("NAME".to_owned(), |name| shell_word(&name));
            format!("the commit is the second argument: `wasmstore tag {name} COMMIT`")
        }
        ("branch", _) if !is_option => {
            let name = shell_word(positional_values(args).first()?);
            format!("`wasmstore branch {name} --from {word}` creates the branch at this commit")
        }
        ("rollback", "--commit" | "--to") => goes_back().to_owned(),
        ("rollback", _) if !is_option => goes_back().to_owned(),
        _ => return None,
    };
    Some(hint)
}

fn goes_back() -> &'static str {
    "`rollback` undoes the newest change; `wasmstore restore COMMIT [PATH]` goes back to a commit"
}

/// Returns whether a rejected value looks like the path of a module rather than a mistyped number.
fn is_path(value: &str) -> bool {
    value.contains(['/', '.'])
}
