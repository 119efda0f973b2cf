use super::*;

const ESCAPE: &str = "a `%` is not followed by two hex digits";
const UTF8: &str = "the percent escapes are not UTF-8";

#[test]
fn escapes_are_decoded_once() {
    for (raw, text) in [
        ("", ""),
        ("plain", "plain"),
        ("feat%2Fx", "feat/x"),
        ("feat%2fx", "feat/x"),
        ("%25", "%"),
        ("%2525%252F", "%25%2F"),
        ("%C3%A4", "ä"),
        ("ä%C3%A4", "ää"),
        ("a+b", "a+b"),
        ("%00%0A", "\0\n"),
        ("%f0%9f%a6%80", "🦀"),
    ] {
        assert_eq!(decode(raw).as_deref(), Ok(text), "{raw:?}");
    }
    assert_eq!(decode(&"%41".repeat(20_000)), Ok("A".repeat(20_000)));
}

#[test]
fn malformed_escapes_are_rejected() {
    for raw in [
        "%",
        "a%",
        "%4",
        "%z1",
        "%1z",
        "%%",
        "%%41",
        "%+1",
        "% 1",
        "%ä",
        "%4%41",
        "%e\u{301}",
    ] {
        assert_eq!(decode(raw), Err(Failure::malformed(ESCAPE)), "{raw:?}");
    }
}

#[test]
fn escapes_that_are_not_utf8_are_rejected() {
    for raw in ["%ff", "%C3", "%C3x", "%80", "%ED%A0%80", "%C0%AF", "ä%A4"] {
        assert_eq!(decode(raw), Err(Failure::malformed(UTF8)), "{raw:?}");
    }
}

#[test]
fn headers_may_contain_unescaped_utf8() {
    let value = |bytes: &[u8]| HeaderValue::from_bytes(bytes).unwrap();
    assert_eq!(decode_header(&value(b"feat%2Fx")).as_deref(), Ok("feat/x"));
    let umlauts = value("J\u{f6}rg %C3%84".as_bytes());
    assert_eq!(decode_header(&umlauts).as_deref(), Ok("Jörg Ä"));
    assert_eq!(decode_header(&value(b"")).as_deref(), Ok(""));
    let not_utf8 = Err(Failure::malformed("a header is not UTF-8"));
    assert_eq!(decode_header(&value(b"\xf6")), not_utf8);
    assert_eq!(decode_header(&value(b"\xc3%A4")), not_utf8);
    let malformed = Err(Failure::malformed(ESCAPE));
    assert_eq!(decode_header(&value(b"100%")), malformed);
}
