//! Why bytes are no module that is taken in.

use std::io;

/// Says why a module was refused or could not be validated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The module is longer than it may be.
    #[error("the module is larger than {bytes_max} bytes")]
    ModuleTooLarge {
        /// The limit that was passed, in bytes.
        bytes_max: u64,
    },
    /// A section that has to be held in memory whole is longer than it may be.
    #[error("a section of {bytes} bytes is larger than {bytes_max} bytes (at offset {offset:#x})")]
    SectionTooLarge {
        /// Where the section begins, in bytes from the start of the module.
        offset: u64,
        /// How long it is, in bytes.
        bytes: u64,
        /// How long it may be, in bytes.
        bytes_max: u32,
    },
    /// The bytes are not a valid module or component.
    #[error("{reason} (at offset {offset:#x})")]
    Invalid {
        /// What is wrong: a fragment of English, mostly wasmparser's.
        reason: String,
        /// Where it is wrong, in bytes from the start of the module.
        offset: u64,
    },
    /// The source of the bytes failed.
    #[error("the module could not be read")]
    Read(#[source] io::Error),
    /// The validator itself failed; nothing is known about the module.
    #[error("the validator panicked")]
    Panicked,
}

impl Error {
    /// Makes the error for bytes that are wrong at `offset`.
    pub(super) fn invalid(reason: impl Into<String>, offset: u64) -> Self {
        Self::Invalid {
            reason: reason.into(),
            offset,
        }
    }
}

impl From<wasmparser::Error> for Error {
    fn from(error: wasmparser::Error) -> Self {
        Self::invalid(one_line(error.message()), error.offset())
    }
}

/// How much of a reason is given, in characters. It may quote names of the module, which may be long.
const REASON_CHARS_MAX: usize = 500;

/// Makes one line of a reason that has several, or that quotes a name with control characters.
fn one_line(reason: &str) -> String {
    let mut line = String::with_capacity(reason.len().min(REASON_CHARS_MAX));
    for (n, char) in reason.chars().enumerate() {
        match char {
            _ if n == REASON_CHARS_MAX => {
                line.push('…');
                break;
            }
            '\n' => line.push_str(": "),
            char if char.is_control() => line.extend(char.escape_default()),
            char => line.push(char),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_of_bounded_length() {
        assert_eq!(
            one_line("type mismatch\nin `a\0\r`"),
            "type mismatch: in `a\\u{0}\\r`"
        );
        let long = one_line(&"é".repeat(REASON_CHARS_MAX + 1));
        assert_eq!(long, format!("{}…", "é".repeat(REASON_CHARS_MAX)));
        let exact = "é".repeat(REASON_CHARS_MAX);
        assert_eq!(one_line(&exact), exact);
    }
}
