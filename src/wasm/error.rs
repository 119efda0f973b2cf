//! Errors when a module is validated.

use std::io;

/// The reason why a module was rejected or could not be validated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The module is larger than the limit.
    #[error("the module is larger than {bytes_max} bytes (--max-module-bytes)")]
    ModuleTooLarge {
        /// The maximum length, in bytes.
        bytes_max: u64,
    },
    /// A section that must be in memory as a whole to be validated is too large.
    #[error(
        "a section of {bytes} bytes is larger than {bytes_max} bytes (--max-section-bytes; at offset {offset:#x})"
    )]
    SectionTooLarge {
        /// The offset of the section in the module, in bytes.
        offset: u64,
        /// The length of the section, in bytes.
        bytes: u64,
        /// The maximum length, in bytes.
        bytes_max: u32,
    },
    /// The estimated work to validate the module exceeds the limit.
    #[error(
        "the module needs more work to validate than --max-validation-fuel {fuel_max} allows for its size (at offset {offset:#x})"
    )]
    TooMuchWork {
        /// The limit for a large module, in units of fuel (about a nanosecond each).
        fuel_max: u64,
        /// The offset in the module at which validation stopped, in bytes.
        offset: u64,
    },
    /// The bytes are not a valid module or component.
    #[error("{reason} (at offset {offset:#x})")]
    Invalid {
        /// The reason, in most cases the error text of `wasmparser`.
        reason: String,
        /// The offset of the error in the module, in bytes.
        offset: u64,
    },
    /// The bytes of the module could not be read from their source.
    #[error("the module could not be read")]
    Read(#[source] io::Error),
    /// Other validations use all memory that is reserved for validation; the module may be valid.
    #[error("there is no memory for validating the module at the moment; try again later")]
    OutOfMemory,
    /// The validation was cancelled; the module may be valid.
    #[error("the validation was cancelled")]
    Cancelled,
    /// The validator panicked; the module may be valid.
    #[error("the validator panicked")]
    Panicked,
}

impl Error {
    /// Returns the error for invalid bytes at `offset` in the module.
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

/// The maximum length of a reason, in characters. A reason may contain names from the module, and these may be long.
const REASON_CHARS_MAX: usize = 500;

/// Converts a reason to one line: replaces line ends by colons, escapes control characters, and cuts the text after [`REASON_CHARS_MAX`]
/// characters.
pub(super) fn one_line(reason: &str) -> String {
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
