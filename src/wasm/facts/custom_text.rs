//! Reads custom sections that contain one text or one id.

use wasmparser::BinaryReader;

use super::text::cut_text;

/// The maximum length of a text, in bytes of JSON. A longer text is cut.
const TEXT_BYTES_MAX: usize = 6 << 10;
/// The maximum length of a build id, in bytes. Linkers write up to 20 bytes.
const BUILD_ID_BYTES_MAX: usize = 64;

/// Returns the text of a section whose whole contents are the text, as `wasm-metadata` writes it. Returns `None` if it is not UTF-8.
pub(super) fn whole(data: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(data).ok()?;
    Some(cut_text(text, TEXT_BYTES_MAX))
}

/// Returns the text of a section that contains the length of the text and then the text, as the [tool
/// conventions](https://github.com/WebAssembly/tool-conventions/blob/main/Debugging.md) define it for URLs.
pub(super) fn after_length(data: &[u8]) -> Option<String> {
    let mut reader = BinaryReader::new(data, 0);
    let length = usize::try_from(reader.read_var_u32().ok()?).ok()?;
    whole(reader.read_bytes(length).ok()?)
}

/// Returns the [build id](https://github.com/WebAssembly/tool-conventions/blob/main/BuildId.md) in the contents of its section, in
/// hexadecimal digits. Returns `None` if the section is malformed.
pub(super) fn build_id(data: &[u8]) -> Option<String> {
    let mut reader = BinaryReader::new(data, 0);
    let length = usize::try_from(reader.read_var_u32().ok()?).ok()?;
    let id = reader.read_bytes(length).ok()?;
    (id.len() <= BUILD_ID_BYTES_MAX).then(|| id.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_texts_are_left_out() {
        assert_eq!(whole(b"MIT").as_deref(), Some("MIT"));
        assert_eq!(whole(b"\xff"), None);
        assert_eq!(after_length(b"\x03a.b").as_deref(), Some("a.b"));
        assert_eq!(after_length(b"\x04a.b"), None);
        assert_eq!(after_length(b""), None);
        assert_eq!(build_id(b"\x02\x0a\xff").as_deref(), Some("0aff"));
        assert_eq!(build_id(b"\x03\x0a\xff"), None);
        assert_eq!(build_id(&[&[65][..], &[0; 65]].concat()), None);
    }
}
