//! Words of commands that the user can copy into a shell.

/// Quotes text as one word for a POSIX shell. If no character has a special meaning in a shell, returns the text unquoted.
pub(super) fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/@:-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_nothing_else_to_a_shell() {
        assert_eq!(shell_word("feat/a-b.1"), "feat/a-b.1");
        assert_eq!(shell_word("y$(id)"), "'y$(id)'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }
}
