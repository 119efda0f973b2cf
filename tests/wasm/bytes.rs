//! Bytes that are not a module, or more than one module.

use std::io::{self, Read};

use wasmstore::config::ModuleLimits;
use wasmstore::wasm::{Error, inspect, validate};

use super::fixtures::valid;
use super::{HEADER, assert_agrees, custom, validate_in_chunks, validate_whole};

fn reason(bytes: &[u8]) -> String {
    let whole = validate_whole(bytes).unwrap_err().to_string();
    let limits = ModuleLimits::default();
    let in_pieces = validate_in_chunks(bytes, &[1], &limits)
        .unwrap_err()
        .to_string();
    assert_eq!(whole, in_pieces);
    assert!(inspect(bytes).is_err());
    whole
}

#[test]
fn errors_name_the_foreign_format() {
    assert_eq!(
        reason(b""),
        "the module is empty: it has no bytes (at offset 0x0)"
    );
    let text =
        "this is the text format; compile it with wat2wasm or wasm-tools parse (at offset 0x0)";
    assert_eq!(reason(b"(module)"), text);
    assert_eq!(reason(b" ;; adds\n(module (func))"), text);
    let long_comment = format!(";;{}\n(module)", "x".repeat(100_000));
    assert_eq!(reason(long_comment.as_bytes()), text);
    assert_eq!(
        reason(b"#!/bin/sh"),
        "not WebAssembly: the magic number is missing (at offset 0x0)"
    );
    assert_eq!(
        reason(&[0; 100_000]),
        "not WebAssembly: the magic number is missing (at offset 0x0)"
    );
    assert_eq!(
        reason(b"\0as"),
        "truncated: the module ends within its magic number (at offset 0x0)"
    );
    assert_eq!(
        reason(&HEADER[..6]),
        "truncated: unexpected end-of-file (at offset 0x4)"
    );
    assert!(reason(b"\0asm\x02\0\0\0").starts_with("unknown binary version"));
}

#[test]
fn trailing_bytes_are_rejected() {
    for (name, module) in valid() {
        println!("{name}");
        let with = |tail: &[u8]| reason(&[&module, tail].concat());
        assert!(
            with(b"trailing").contains("trailing bytes"),
            "{}",
            with(b"trailing")
        );
        assert!(with(HEADER).contains("expected section, got wasm magic number"));
        assert!(with(b"\0").starts_with("truncated: "));
        with(b"\0\0");
        with(b"\n");
    }
}

#[test]
fn wasmparser_agrees_on_garbage() {
    let mut state = 0x9e37_79b9_u32;
    for length in 0..2000 {
        let mut bytes = HEADER.to_vec();
        bytes.extend((0..length % 50).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8 & if length % 3 == 0 { 0x0f } else { 0xff }
        }));
        assert_agrees(&bytes, &[1]);
    }
}

#[test]
fn the_section_after_a_long_custom_section_is_read() {
    let long = custom("long", &vec![0xaa; 300_000]);
    let module = [
        HEADER,
        &long,
        &[1, 4, 1, 0x60, 0, 0],
        &long,
        &[3, 2, 1, 0],
        &long,
        &[10, 4, 1, 2, 0, 0x0b],
        &long,
    ];
    let info = super::assert_valid(&module.concat(), &[1000, 1]);
    assert_eq!(info.custom_sections, ["long"; 4]);
    // The sections between them are in the wrong order.
    let module = [HEADER, &[3, 2, 1, 0], &long, &[1, 4, 1, 0x60, 0, 0], &long];
    assert_agrees(&module.concat(), &[1000, 1]);
    for cut in [8, 9, 12, 14, 20, 70_000, 300_000] {
        assert!(reason(&[HEADER, &long].concat()[..8 + cut]).starts_with("truncated: "));
    }
}

#[test]
fn a_long_custom_section_with_a_malformed_name_is_rejected() {
    let mut not_text = custom("long", &vec![0; 300_000]);
    not_text[6] = 0xff;
    let mut name_too_long = custom("n", &vec![0; 300_000]);
    name_too_long[4..7].copy_from_slice(&[0xa1, 0x8d, 0x06]);
    let mut past_the_end = custom("n", &vec![0; 80_000]);
    past_the_end[4..7].copy_from_slice(&[0xa0, 0x8d, 0x06]);
    for section in [not_text, name_too_long, past_the_end] {
        let module = [HEADER, &section, &vec![0; 100_000]].concat();
        assert_agrees(&module, &[1000, 1]);
        reason(&module);
    }
}

#[test]
fn a_long_custom_section_cannot_extend_past_its_nested_module() {
    let long = custom("long", &vec![0xaa; 200_000]);
    let component = |module_bytes: usize| {
        let head = [
            b"\0asm\x0d\0\x01\0".to_vec(),
            vec![1],
            super::leb(module_bytes),
        ]
        .concat();
        [head, HEADER.to_vec(), long.clone(), custom("after", b"")].concat()
    };
    let whole = HEADER.len() + long.len();
    let info = super::assert_valid(&component(whole), &[1000, 1]);
    assert_eq!(info.custom_sections, ["after"]);
    for bytes in [
        whole - 1,
        whole + 1,
        whole - 150_000,
        whole + 10,
        whole + 100,
    ] {
        assert_agrees(&component(bytes), &[1000, 1]);
        assert!(validate_whole(&component(bytes)).is_err());
    }
}

#[test]
fn a_failing_source_is_a_read_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    match validate(HEADER.chain(Broken), &ModuleLimits::default()) {
        Err(Error::Read(error)) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        other => panic!("{other:?}"),
    }
    assert!(validate(HEADER, &ModuleLimits::default()).is_ok());
}
