//! Checks the first bytes of a module, and recognises other formats.

use super::Error;

/// The number of bytes that [`check`] needs to reject a module.
pub(super) const HEAD_BYTES_MAX: usize = 4096;

const MAGIC: &[u8] = b"\0asm";

/// Returns whether these bytes are enough for [`check`].
pub(super) fn is_enough(head: &[u8]) -> bool {
    head.starts_with(MAGIC) || head.len() >= HEAD_BYTES_MAX
}

/// Checks the first [`HEAD_BYTES_MAX`] bytes of a module, or all of a shorter one.
pub(super) fn check(head: &[u8]) -> Result<(), Error> {
    if head.starts_with(MAGIC) {
        return Ok(());
    }
    let reason = if head.is_empty() {
        "the module is empty: it has no bytes"
    } else if MAGIC.starts_with(head) {
        "truncated: the module ends in its magic number"
    } else if is_text(head) {
        "this is the text format; compile it with wat2wasm or wasm-tools parse"
    } else {
        "not WebAssembly: the magic number is missing"
    };
    Err(Error::invalid(reason, 0))
}

/// Returns whether this may be the [text format](https://webassembly.github.io/spec/core/text/lexical.html): an opening
/// parenthesis, which block comments begin with too, after white space and line comments.
fn is_text(head: &[u8]) -> bool {
    let mut rest = head.trim_ascii_start();
    while rest.starts_with(b";;") {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return true;
        };
        rest = rest[end..].trim_ascii_start();
    }
    rest.starts_with(b"(")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(head: &[u8]) -> String {
        check(head).unwrap_err().to_string()
    }

    #[test]
    fn each_foreign_format_has_its_own_reason() {
        assert!(reason(b"").contains("empty"));
        assert!(reason(b"\0as").contains("truncated"));
        assert!(reason(b"\x7fELF").contains("not WebAssembly"));
        assert!(reason(b"   \n").contains("not WebAssembly"));
        for text in [
            "(module)",
            "\n\t (component)",
            ";; a\n ;; b\n(module)",
            "(; a ;) (module)",
            ";; a",
        ] {
            assert!(reason(text.as_bytes()).contains("text format"), "{text}");
        }
    }

    #[test]
    fn the_magic_number_is_enough() {
        assert!(is_enough(b"\0asm"));
        assert!(!is_enough(b"\0as"));
        assert!(!is_enough(b"(module)"));
        assert!(is_enough(&[b' '; HEAD_BYTES_MAX]));
        assert!(check(b"\0asm\x01").is_ok());
    }
}
