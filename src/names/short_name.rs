//! The syntax that names of mirrors and of logins share.

/// The maximum length of a name, in bytes.
const BYTES_MAX: usize = 64;

/// Returns the rule that a name breaks, as a predicate such as `is empty`; `None` for a valid name. A name must consist of letters, digits,
/// `.`, `_` and `-`, and start with a letter or digit.
pub(super) fn fault(name: &str) -> Option<&'static str> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    match name {
        "" => Some("is empty"),
        name if name.len() > BYTES_MAX => Some("is longer than 64 bytes"),
        name if !name.chars().all(is_allowed) => {
            Some("contains something other than letters, digits, '.', '_' and '-'")
        }
        name if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) => {
            Some("does not start with a letter or digit")
        }
        _ => None,
    }
}
