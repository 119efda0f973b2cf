//! Hints for arguments that a command does not have, but another command or another form of the call does.

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
            let name = first_value(words, args).unwrap_or("NAME");
            format!(
                "the commit is the second argument: `wasmstore tag {} COMMIT`",
                shell_word(name)
            )
        }
        ("branch", _) if !is_option => {
            let name = first_value(words, args)?;
            format!(
                "`wasmstore branch {} --from {word}` creates the branch at this commit",
                shell_word(name)
            )
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

/// Returns the first argument after the command's name that is not an option.
fn first_value<'a>(command: &str, args: &'a [String]) -> Option<&'a str> {
    let values = args.iter().skip_while(|arg| *arg != command).skip(1);
    let mut values = values.filter(|arg| !arg.starts_with('-'));
    values.next().map(String::as_str)
}
