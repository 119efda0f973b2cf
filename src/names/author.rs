//! Authors of commits.

use std::fmt;
use std::str::FromStr;

use super::display::is_display_control;
use super::error::{Error, quoted};

/// The maximum length of `Name <mail>`, in bytes.
const AUTHOR_BYTES_MAX: usize = 1024;

/// The author of a commit. It contains nothing that git would trim or reject, so git stores it unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Author {
    name: String,
    mail: String,
}

impl Author {
    /// Parses `Name <mail>`, or a bare `Name` with an empty mail address. White space around the name and the address is removed.
    ///
    /// # Errors
    /// [`Error::Author`] if `text` has another form, has an empty name, contains a control character (including those that change the text
    /// direction), or is too long.
    pub fn parse(text: &str) -> Result<Self, Error> {
        split(text).map_err(|fault| Error::Author {
            given: quoted(text),
            fault,
        })
    }

    /// Returns the name, which is never empty.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the text between the angle brackets; it may be empty.
    pub fn mail(&self) -> &str {
        &self.mail
    }
}

fn split(text: &str) -> Result<Author, &'static str> {
    let trimmed = text.trim();
    let (before, inside) = match trimmed.strip_suffix('>') {
        Some(rest) => rest.split_once('<').ok_or("has no `<` before its `>`")?,
        None => (trimmed, ""),
    };
    let (name, mail) = (before.trim(), inside.trim());
    if name.is_empty() {
        Err("has no name")
    } else if name.contains(['<', '>']) || mail.contains(['<', '>']) {
        Err("has too many angle brackets")
    } else if name.contains(is_display_control) || mail.contains(is_display_control) {
        Err("contains a control character")
    } else if name.len() + mail.len() + " <>".len() > AUTHOR_BYTES_MAX {
        Err("is longer than 1024 bytes")
    } else {
        Ok(Author {
            name: name.to_owned(),
            mail: mail.to_owned(),
        })
    }
}

/// The author of changes for which the user gives no author.
impl Default for Author {
    fn default() -> Self {
        Self {
            name: "wasmstore".to_owned(),
            mail: "wasmstore@localhost".to_owned(),
        }
    }
}

impl FromStr for Author {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <{}>", self.name, self.mail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_mail_are_separated_and_trimmed() {
        for (text, name, mail) in [
            (
                "Ann Smith <ann@example.org>",
                "Ann Smith",
                "ann@example.org",
            ),
            ("  Ann<ann@example.org> \n", "Ann", "ann@example.org"),
            ("Ann < ann >", "Ann", "ann"),
            ("Ann", "Ann", ""),
            ("Ann <>", "Ann", ""),
            ("\u{a0}Jörg  Ä.\u{3000}", "Jörg  Ä.", ""),
            (".,;:\"'", ".,;:\"'", ""),
            ("ann@example.org", "ann@example.org", ""),
        ] {
            let author = Author::parse(text).unwrap();
            assert_eq!((author.name(), author.mail()), (name, mail), "{text:?}");
            assert_eq!(author.to_string(), format!("{name} <{mail}>"));
            assert_eq!(author.to_string().parse(), Ok(author));
        }
    }

    #[test]
    fn text_that_git_would_misread_is_rejected() {
        let nameless = ["", " ", "<a@b>", "  <a@b>", "<>"];
        let brackets = [
            "A <b",
            "A b>",
            ">",
            "<",
            "A <<b>",
            "A <b>>",
            "A <b> c",
            "A <b> <c>",
            "A > <b>",
        ];
        let controls = [
            "A\nB",
            "A\0B",
            "A\rB",
            "A\tB",
            "A <b\nc>",
            "A\u{7f}B",
            "A\u{85}B",
            "A\u{1b}[0m",
            "A\u{202e}B",
            "A <b\u{2066}>",
        ];
        for text in [&nameless[..], &brackets, &controls].concat() {
            let error = Author::parse(text).unwrap_err();
            assert!(matches!(error, Error::Author { .. }), "{text:?}: {error}");
        }
    }

    #[test]
    fn an_author_over_1024_bytes_is_rejected() {
        let longest = Author::parse(&format!("{} <b>", "a".repeat(1020))).unwrap();
        assert_eq!(longest.to_string().len(), 1024);
        assert!(Author::parse(&format!("{} <b>", "a".repeat(1021))).is_err());
        assert!(Author::parse(&"a".repeat(1021)).is_ok());
        assert!(Author::parse(&"a".repeat(1022)).is_err());
    }

    #[test]
    fn wasmstore_is_the_default_author() {
        assert_eq!(
            Author::default().to_string(),
            "wasmstore <wasmstore@localhost>"
        );
        assert_eq!(
            "wasmstore <wasmstore@localhost>".parse(),
            Ok(Author::default())
        );
    }
}
