//! Checks that the first bytes of an upload are those of WebAssembly, and recognises other formats.

use super::Error;

/// The maximum number of bytes that [`check`] needs. WebAssembly is recognised by its first 4 bytes; more bytes are needed to recognise
/// other formats.
pub(super) const HEAD_BYTES_MAX: usize = 4096;

/// Returns whether a module is a component. `head` must have at least the first 8 bytes of the module.
pub fn is_component(head: &[u8]) -> bool {
    wasmparser::Parser::is_component(head)
}

const MAGIC: &[u8] = b"\0asm";

/// Returns whether the first bytes `head` are enough for [`check`].
pub(super) fn is_enough(head: &[u8]) -> bool {
    head.starts_with(MAGIC) || head.len() >= HEAD_BYTES_MAX
}

/// Checks that `head` begins with the magic number of WebAssembly. `head` has the first [`HEAD_BYTES_MAX`] bytes of a module, or all bytes
/// of a shorter one.
pub(super) fn check(head: &[u8]) -> Result<(), Error> {
    if head.starts_with(MAGIC) {
        return Ok(());
    }
    let reason = if head.is_empty() {
        "the module is empty: it has no bytes"
    } else if MAGIC.starts_with(head) {
        "truncated: the module ends within its magic number"
    } else if let Some(reason) = foreign(head) {
        reason
    } else if is_text(head) {
        "this is the text format; compile it with wat2wasm or wasm-tools parse"
    } else {
        "not WebAssembly: the magic number is missing"
    };
    Err(Error::invalid(reason, 0))
}

/// Returns the error text for a file in another format that users often upload by mistake; `None` for all other bytes. The text says what
/// to do instead.
fn foreign(head: &[u8]) -> Option<&'static str> {
    let (gzip_magic, zstd_magic) = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd");
    let text = head.trim_ascii_start();
    let begins = |word: &[u8]| {
        text.get(..word.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(word))
    };
    let contains = |word: &[u8]| head.windows(word.len()).any(|found| found == word);
    if head.starts_with(gzip_magic) {
        Some(
            "this is compressed with gzip; decompress it first, or upload it with Content-Encoding: gzip",
        )
    } else if head.starts_with(zstd_magic) {
        Some(
            "this is compressed with zstd; decompress it first, or upload it with Content-Encoding: zstd",
        )
    } else if head.starts_with(b"\x7fELF") {
        Some("this is an ELF file, a native program or library; compile for a wasm32 target")
    } else if text.starts_with(b"version https://git-lfs.github.com/spec/") {
        Some("this is a pointer of Git LFS, not the file; run git lfs pull")
    } else if begins(b"<!doctype html") || begins(b"<html") {
        Some(
            "this is an HTML page, perhaps an error page that was downloaded instead of the module",
        )
    } else if is_javascript(text) {
        Some(
            "this looks like JavaScript, perhaps the code that loads the module; add the .wasm file next to it",
        )
    } else if text.starts_with(b"AGFzbQ") {
        Some("this is a module as Base64 text; decode it first")
    } else if text.starts_with(b"--") && contains(b"\r\n") && contains(b"ontent-") {
        Some(
            "this is a multipart form; send only the module as the body, as curl --data-binary does",
        )
    } else if [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"]
        .iter()
        .any(|mark| head.starts_with(mark))
    {
        Some(
            "this begins with a byte-order mark, so it was saved as text; copy the module as a binary file",
        )
    } else {
        None
    }
}

/// The words with which a script in JavaScript or TypeScript usually begins. Bundlers and `wasm-bindgen` write such scripts next to modules.
const SCRIPT_WORDS: [&[u8]; 11] = [
    b"import",
    b"export",
    b"const",
    b"let",
    b"var",
    b"function",
    b"async",
    b"class",
    b"\"use strict\"",
    b"'use strict'",
    b"#!/usr/bin/env node",
];

/// Returns whether the text looks like JavaScript: after comments, it begins with one of its usual first words. Other languages have some
/// of these words, too.
fn is_javascript(text: &[u8]) -> bool {
    let mut rest = text;
    loop {
        let end: &[u8] = if rest.starts_with(b"//") {
            b"\n"
        } else if rest.starts_with(b"/*") {
            b"*/"
        } else {
            break;
        };
        // C, Go, Rust and others have these comments, too, so a comment that fills the head decides nothing.
        let Some(at) = rest.windows(end.len()).position(|bytes| bytes == end) else {
            return false;
        };
        rest = rest[at + end.len()..].trim_ascii_start();
    }
    let is_in_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    SCRIPT_WORDS.iter().any(|word| {
        let after = rest.strip_prefix(*word);
        after.is_some_and(|after| after.first().is_some_and(|byte| !is_in_word(byte)))
    })
}

/// Returns whether the bytes may be in the [text format](https://webassembly.github.io/spec/core/text/lexical.html): an opening parenthesis
/// after white space and line comments. A block comment also begins with a parenthesis.
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
        assert!(reason(b"\x7fElf").contains("not WebAssembly"));
        for (head, words) in [
            (&b"\x28\xb5\x2f\xfd\x20\x12\x91"[..], "zstd"),
            (b"\x1f\x8b\x08", "gzip"),
            (
                b"version https://git-lfs.github.com/spec/v1\noid sha256:",
                "git lfs pull",
            ),
            (b"\n<!DOCTYPE html><html>", "HTML"),
            (b"<HTML>", "HTML"),
            (b"\x7fELF\x02", "ELF"),
            (b"AGFzbQEAAAA=", "Base64"),
            (
                b"--x\r\nContent-Disposition: form-data\r\n\r\n\0asm",
                "multipart",
            ),
            (b"import * as wasm from \"./add_bg.wasm\";\n", "JavaScript"),
            (b"/* @ts-self-types */\n// c\nlet wasm;\n", "JavaScript"),
            (b"\"use strict\";", "JavaScript"),
            (b"import sys\n", "looks like JavaScript"),
            (b"// a comment that does not end", "not WebAssembly"),
            (b"/* a comment of C", "not WebAssembly"),
            (b"\xef\xbb\xbf\0asm", "byte-order mark"),
            (b"\xff\xfe\0\0", "byte-order mark"),
        ] {
            assert!(reason(head).contains(words), "{head:?}: {}", reason(head));
        }
        assert!(reason(b"   \n").contains("not WebAssembly"));
        assert!(reason(b"important notes").contains("not WebAssembly"));
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
