//! Modules over the limits.

use wasmstore::config::ModuleLimits;
use wasmstore::wasm::{Error, Validation, inspect_after};

use super::{HEADER, assert_valid, custom, leb, section, validate_in_chunks};

fn limits(module_bytes_max: u64, section_bytes_max: u32) -> ModuleLimits {
    ModuleLimits {
        module_bytes_max,
        section_bytes_max,
        ..ModuleLimits::default()
    }
}

#[test]
fn a_module_over_the_limit_is_rejected() {
    let module = [HEADER, &custom("long", &vec![0; 100_000])].concat();
    let bytes = module.len() as u64;
    for chunks in [usize::MAX, 1000, 1] {
        assert!(validate_in_chunks(&module, &[chunks], &limits(bytes, 10)).is_ok());
        match validate_in_chunks(&module, &[chunks], &limits(bytes - 1, 10)) {
            Err(Error::ModuleTooLarge { bytes_max }) => assert_eq!(bytes_max, bytes - 1),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_error_before_the_limit_is_reported_first() {
    let module = [
        HEADER,
        &section(1, b"\x01\x00"),
        &custom("long", &vec![0; 100_000]),
    ]
    .concat();
    for chunks in [usize::MAX, 1000, 1] {
        let error = validate_in_chunks(&module, &[chunks], &limits(1000, 10)).unwrap_err();
        assert!(
            matches!(error, Error::Invalid { offset: 11, .. }),
            "{error:?}"
        );
    }
}

#[test]
fn a_section_over_the_limit_is_rejected_from_its_header() {
    let memory_and_data = |bytes: usize| {
        let data = [&[1, 0, 0x41, 0, 0x0b][..], &leb(bytes), &vec![7; bytes]].concat();
        [HEADER, &section(5, &[1, 0, 1]), &section(11, &data)].concat()
    };
    let module = memory_and_data(1000);
    assert!(validate_in_chunks(&module, &[1], &limits(1 << 20, 1007)).is_ok());
    for chunks in [usize::MAX, 1] {
        match validate_in_chunks(&module, &[chunks], &limits(1 << 20, 1006)) {
            Err(Error::SectionTooLarge {
                offset,
                bytes,
                bytes_max,
            }) => assert_eq!((offset, bytes, bytes_max), (13, 1007, 1006)),
            other => panic!("{other:?}"),
        }
    }
    let mut validation = Validation::new(&ModuleLimits::default());
    validation.write(HEADER).unwrap();
    let error = validation.write(&[11, 0x81, 0x80, 0x80, 0x20]).unwrap_err();
    assert!(matches!(error, Error::SectionTooLarge { .. }), "{error:?}");
}

#[test]
fn bytes_after_a_nested_module_do_not_count_towards_its_limits() {
    let inner = [HEADER, &custom("long", &[0; 5000])].concat();
    let component = [
        b"\0asm\x0d\0\x01\0",
        &section(1, HEADER)[..],
        &section(1, &inner),
    ]
    .concat();
    for chunks in [usize::MAX, 1] {
        validate_in_chunks(&component, &[chunks], &limits(1 << 20, 10)).unwrap();
    }
}

#[test]
fn a_validation_can_be_moved_between_threads() {
    let mut validation = Validation::new(&ModuleLimits::default());
    validation.write(HEADER).unwrap();
    let finished = std::thread::spawn(|| validation.finish()).join().unwrap();
    assert_eq!(finished.unwrap().size_bytes, HEADER.len() as u64);
}

#[test]
fn a_rejected_module_stays_rejected() {
    let mut validation = Validation::new(&ModuleLimits::default());
    validation.write(&[HEADER, &[0x7f]].concat()).unwrap_err();
    validation.write(HEADER).unwrap_err();
    assert!(matches!(validation.finish(), Err(Error::Invalid { .. })));
}

#[test]
fn a_body_over_the_limit_is_rejected_from_its_length() {
    let module = |body_bytes: usize, body: &[u8]| {
        let code = [&[1][..], &leb(body_bytes), body].concat();
        let mut bytes = [HEADER, &section(1, &[1, 0x60, 0, 0]), &section(3, &[1, 0])].concat();
        bytes.push(10);
        bytes.extend(leb(code.len() - body.len() + body_bytes));
        bytes.extend(code);
        bytes
    };
    let body = |bytes: usize| [&[0][..], &vec![1; bytes - 2], &[0x0b]].concat();
    const MAX: usize = 7_654_321;
    assert_valid(&module(MAX, &body(MAX)), &[65536]);

    let theirs = super::reference(&module(MAX + 1, &body(MAX + 1))).unwrap_err();
    let mut validation = Validation::new(&ModuleLimits::default());
    match validation.write(&module(MAX + 1, &[])) {
        Err(Error::Invalid { reason, offset }) => {
            assert_eq!(
                (reason.as_str(), offset),
                (theirs.message(), theirs.offset())
            );
        }
        other => panic!("{other:?}"),
    }
}

/// wasmparser copies the module's name for each import: this module of 4 MB would use 80 GB.
#[test]
fn compact_imports_that_expand_beyond_the_limit_are_rejected() {
    let imports = |name_bytes: usize, count: u32| {
        let name = "m".repeat(name_bytes);
        let mut contents = [
            &[1][..],
            &leb(name_bytes),
            name.as_bytes(),
            &[0, 0x7e, 0, 0],
        ]
        .concat();
        contents.extend(leb(count as usize));
        for n in 0..count {
            contents.push(4);
            contents.extend(format!("{n:04x}").as_bytes()[..4].iter());
        }
        [
            HEADER,
            &section(1, &[1, 0x60, 0, 0]),
            &section(2, &contents),
        ]
        .concat()
    };
    let info = assert_valid(&imports(1000, 1000), &[999]);
    assert_eq!(info.imports.len(), 1000);
    for chunks in [usize::MAX, 999] {
        match validate_in_chunks(
            &imports(90_000, 900_000),
            &[chunks],
            &ModuleLimits::default(),
        ) {
            Err(Error::SectionTooLarge { bytes, .. }) => assert_eq!(bytes, 81_000_000_000),
            other => panic!("{other:?}"),
        }
    }
}

/// Imports in the compact encoding, which contains the name of the module once.
fn compact_imports(module: &[u8], count: usize) -> Vec<u8> {
    let name = [leb(module.len()), module.to_vec()].concat();
    let imports = [
        &[1][..],
        &name,
        &[0, 0x7e, 3, 0x7f, 0],
        &leb(count),
        &vec![0; count],
    ];
    [HEADER, &section(2, &imports.concat())].concat()
}

#[test]
fn the_lists_of_a_description_are_bounded_and_continue() {
    let module = compact_imports(&[1; 60], 25_000);
    let (mut skip, mut imports) = (0, 0);
    loop {
        let info = inspect_after(&module, skip).unwrap();
        let json_bytes = info.imports.len() * (48 + 6 * 60);
        assert!(json_bytes <= 4 << 20, "{json_bytes}");
        imports += info.imports.len();
        match info.next {
            Some(next) => {
                assert_eq!(next, imports);
                skip = next;
            }
            None => break,
        }
    }
    assert_eq!(imports, 25_000);
    assert!(skip > 0);
    let few = assert_valid(&compact_imports(&[1; 60], 1000), &[1]);
    assert_eq!((few.imports.len(), few.next), (1000, None));
}
