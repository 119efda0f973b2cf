//! The block of trailers at the end of a commit message, as git-interpret-trailers(1) finds it.

/// The beginnings of trailers that git itself writes. A block that contains one of them may also contain lines that are not trailers.
const GIT_LINES: [&[u8]; 2] = [b"Signed-off-by: ", b"(cherry picked from commit "];

/// Returns a message with a trailer at its end: in the block of trailers, if there is one, otherwise after an empty line.
pub fn with_trailer(message: &str, trailer: &str) -> String {
    let message = message.trim_end();
    format!("{message}{}{trailer}", separator(message.as_bytes()))
}

/// Returns the separator between a message, whose trailing white space is removed, and a trailer that is appended to it.
pub fn separator(message: &[u8]) -> &'static str {
    match ends_with_trailers(message) {
        true => "\n",
        false => "\n\n",
    }
}

/// Returns whether the last paragraph consists of trailers. The first paragraph is the title, which never does.
fn ends_with_trailers(message: &[u8]) -> bool {
    let lines = message.trim_ascii_end().split(|byte| *byte == b'\n');
    let is_blank = |line: &&[u8]| line.trim_ascii().is_empty();
    let lines: Vec<_> = lines.skip_while(is_blank).collect();
    let Some(start) = lines.iter().rposition(is_blank) else {
        return false;
    };
    let (mut trailers, mut others, mut has_git_line) = (0, 0, false);
    let mut follows_trailer = false;
    for line in &lines[start + 1..] {
        let is_git_line = GIT_LINES.iter().any(|prefix| line.starts_with(prefix));
        has_git_line |= is_git_line;
        // A line that begins with white space continues the one before.
        if line.first().is_some_and(u8::is_ascii_whitespace) {
            others += usize::from(!follows_trailer);
        } else if is_git_line || is_trailer(line) {
            follows_trailer = true;
            trailers += 1;
        } else {
            follows_trailer = false;
            others += 1;
        }
    }
    trailers > 0 && (others == 0 || has_git_line && trailers * 3 >= others)
}

/// Returns whether a line is a trailer: a name of letters, digits and hyphens, and a colon.
fn is_trailer(line: &[u8]) -> bool {
    let end = line.iter().position(|byte| *byte == b':');
    let name = end.map(|end| line[..end].trim_ascii_end());
    name.is_some_and(|name| {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        !name.is_empty() && name.iter().all(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailer_joins_the_block_at_the_end() {
        for (message, is_joined) in [
            ("Fix it", false),
            ("Fix: it", false),
            ("Fix it\n\nMore text", false),
            ("Fix it\n\nReviewed-by: Ann", true),
            ("\n\nFix: it", false),
            ("Fix it\n\nReviewed-by: Ann\nand more text", false),
            (
                "Fix it\n\nReviewed-by: Ann\n  of the team\nFixes : #1",
                true,
            ),
            ("Fix it\n\nsome text\nSigned-off-by: Ann", true),
            ("Fix it\n\na\nb\nc\nd\nSigned-off-by: Ann", false),
            ("Fix it\n\n(cherry picked from commit 1234)", true),
            ("Fix it\n\nsee http://example.org", false),
            ("Fix it\n\nRestores: 1", true),
        ] {
            let blank = if is_joined { "" } else { "\n" };
            let expected = format!("{message}\n{blank}Squashed: true");
            let expected = expected.trim_start();
            assert_eq!(
                with_trailer(message, "Squashed: true").trim_start(),
                expected
            );
        }
        assert_eq!(with_trailer("", "Squashed: true"), "\n\nSquashed: true");
    }
}
