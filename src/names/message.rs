//! Commit messages.

use std::fmt;
use std::str::FromStr;

use super::error::{Error, quoted};

/// The trailers that wasmstore itself writes as the last line of a commit message, and later reads.
const TRAILERS: [&str; 2] = ["Restores:", "Squashed:"];

/// A commit message from a user. It cannot end with one of the trailers that wasmstore itself writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message(String);

impl Message {
    /// The maximum length of a message, in bytes.
    pub const BYTES_MAX: usize = 64 << 10;

    /// Parses any text that is not blank. Line endings become LF, and trailing white space is removed.
    ///
    /// # Errors
    /// [`Error::Message`] if it is blank, too long or contains a NUL; [`Error::MessageTrailer`] if its last line is a trailer that only
    /// rollback (`Restores:`) or gc (`Squashed:`) writes.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let unix = text.replace("\r\n", "\n").replace('\r', "\n");
        let trimmed = unix.trim_end();
        let rejected = |fault| Err(Error::Message { fault });
        if trimmed.is_empty() {
            return rejected("is blank");
        }
        if trimmed.len() > Self::BYTES_MAX {
            return rejected("is longer than 64 KiB");
        }
        if trimmed.contains('\0') {
            return rejected("contains a NUL");
        }
        match trimmed.lines().next_back().filter(|line| is_trailer(line)) {
            Some(line) => Err(Error::MessageTrailer { line: quoted(line) }),
            None => Ok(Self(trimmed.to_owned())),
        }
    }

    /// Returns the message, without trailing white space.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether a line looks like one of the [`TRAILERS`]. The check ignores letter case and leading white space, so that lines
/// that only look like a trailer are rejected, too.
fn is_trailer(line: &str) -> bool {
    let line = line.trim_start().as_bytes();
    TRAILERS.iter().any(|trailer| {
        let head = line.get(..trailer.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(trailer.as_bytes()))
    })
}

impl FromStr for Message {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_endings_become_lf_and_the_end_is_trimmed() {
        for (text, wanted) in [
            ("Add a", "Add a"),
            ("a\r\n\r\nb\rc\n", "a\n\nb\nc"),
            ("\n a \t\u{a0}\r\n\n", "\n a"),
            ("a\n\r\nb", "a\n\nb"),
            ("ä\u{1b}", "ä\u{1b}"),
        ] {
            let message = Message::parse(text).unwrap();
            assert_eq!(message.as_str(), wanted, "{text:?}");
            assert_eq!(message.to_string().parse(), Ok(message));
        }
    }

    #[test]
    fn blank_messages_and_nul_are_rejected() {
        for text in ["", " ", "\r\n\t", "\u{3000}"] {
            let fault = "is blank";
            assert_eq!(
                Message::parse(text),
                Err(Error::Message { fault }),
                "{text:?}"
            );
        }
        let fault = "contains a NUL";
        assert_eq!(Message::parse("a\0b"), Err(Error::Message { fault }));
    }

    #[test]
    fn a_message_over_64_kib_is_rejected() {
        let longest = "a".repeat(64 << 10);
        assert_eq!(
            Message::parse(&format!("{longest}\n")).unwrap().as_str(),
            longest
        );
        let fault = "is longer than 64 KiB";
        assert_eq!(
            Message::parse(&format!("{longest}a")),
            Err(Error::Message { fault })
        );
    }

    #[test]
    fn a_message_cannot_end_in_a_trailer_of_the_store() {
        for text in [
            "Restores: e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
            "a\n\nSquashed: true",
            "a\n\nsquashed:",
            "a\n \t RESTORES:x\n\n ",
            "a\rRestores: x",
            "a\r\nRestores: x\r\n",
            "\u{2028}Restores: x",
        ] {
            let error = Message::parse(text).unwrap_err();
            assert!(
                matches!(error, Error::MessageTrailer { .. }),
                "{text:?}: {error}"
            );
        }
    }

    #[test]
    fn a_trailer_elsewhere_is_plain_text() {
        for text in [
            "Restores: x\n\na",
            "Restores\nSquashed",
            "a Restores: x",
            "Restores : x",
            "Réstores: x",
        ] {
            assert_eq!(Message::parse(text).unwrap().as_str(), text);
        }
    }
}
