//! Decodes text files, which editors may save with a byte-order mark or in another encoding than UTF-8.

/// The byte-order mark, which some editors write at the beginning of a UTF-8 file.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The reason why a file is not UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotUtf8 {
    /// The number of valid bytes before the first invalid one.
    pub valid_bytes: usize,
    /// What the file is instead, a fragment that can follow `it is` in an error message.
    pub description: &'static str,
}

/// Decodes the content of a UTF-8 file, without the byte-order mark.
///
/// # Errors
/// The content is not UTF-8.
pub(super) fn decode(bytes: Vec<u8>) -> Result<String, NotUtf8> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(NotUtf8 {
            valid_bytes: 0,
            description: "UTF-16: save it as UTF-8",
        });
    }
    let mut text = String::from_utf8(bytes).map_err(|error| NotUtf8 {
        valid_bytes: error.utf8_error().valid_up_to(),
        description: "not UTF-8",
    })?;
    if text.starts_with(BYTE_ORDER_MARK) {
        text.remove(0);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_order_marks_are_recognized() {
        assert_eq!(decode(b"\xef\xbb\xbfa".to_vec()).unwrap(), "a");
        assert_eq!(decode(b"a".to_vec()).unwrap(), "a");
        let utf16 = decode(b"\xff\xfea\0".to_vec()).unwrap_err();
        assert_eq!(utf16.description, "UTF-16: save it as UTF-8");
        let invalid = decode(b"a\xff".to_vec()).unwrap_err();
        assert_eq!((invalid.valid_bytes, invalid.description), (1, "not UTF-8"));
    }
}
