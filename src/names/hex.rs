//! Conversion between hexadecimal digits and bytes.

use std::fmt;

/// Parses exactly `2 * N` digits in upper or lower case; `None` for any other text.
pub(super) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

/// Writes two lower-case digits per byte, for at most 64 bytes.
pub(super) fn write(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 128];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    f.write_str(str::from_utf8(&text[..2 * bytes.len()]).expect("BUG: hex digits are not ASCII"))
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_either_case_are_decoded() {
        assert_eq!(decode::<3>("00fFA9"), Some([0x00, 0xff, 0xa9]));
    }

    #[test]
    fn any_other_number_of_digits_is_rejected() {
        for text in [
            "", "0", "00ff", "00ffa9b", "00ffa9b0", "00ffag", "+0ffa9", " 0ffa9", "00ffä",
        ] {
            assert_eq!(decode::<3>(text), None, "{text:?}");
        }
    }
}
