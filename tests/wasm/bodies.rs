//! Validation of enough function bodies to keep the threads busy.

use wasmstore::config::ModuleLimits;
use wasmstore::wasm::Error;

use super::{HEADER, assert_valid, leb, reference, section, validate_in_chunks};

/// The number of dropped vectors in each body.
const VECTORS: usize = 50;

/// Returns a module with `bodies` function bodies. Those in `wrong` leave a value on the stack.
fn module(bodies: usize, wrong: &[usize]) -> Vec<u8> {
    let good = [
        &[0][..],
        &[&[0xfd, 12][..], &[7; 16], &[0x1a]]
            .concat()
            .repeat(VECTORS),
        &[0x0b],
    ]
    .concat();
    let bad = [&good[..good.len() - 1], &[0x41, 0, 0x0b]].concat();
    let mut code = leb(bodies);
    for n in 0..bodies {
        let body = if wrong.contains(&n) { &bad } else { &good };
        code.extend(leb(body.len()));
        code.extend(body);
    }
    let functions = [leb(bodies), vec![0; bodies]].concat();
    [
        HEADER,
        &section(1, &[1, 0x60, 0, 0]),
        &section(3, &functions),
        &section(10, &code),
    ]
    .concat()
}

fn error(module: &[u8], chunk: usize) -> (String, u64) {
    match validate_in_chunks(module, &[chunk], &ModuleLimits::default()) {
        Err(Error::Invalid { reason, offset }) => (reason, offset),
        other => panic!("{other:?}"),
    }
}

#[test]
fn more_bodies_than_may_be_in_flight_are_accepted() {
    let module = module(20_000, &[]);
    assert!(module.len() > 18 << 20);
    assert_valid(&module, &[65536]);
}

#[test]
fn the_first_of_several_errors_is_reported() {
    for wrong in [
        &[0][..],
        &[1999],
        &[3, 4, 1000],
        &[700, 699, 1999],
        &[150, 280, 410, 540],
    ] {
        let module = module(2000, wrong);
        let theirs = reference(&module).unwrap_err();
        for _ in 0..3 {
            for chunk in [usize::MAX, 65536, 1009] {
                assert_eq!(
                    error(&module, chunk),
                    (theirs.message().to_owned(), theirs.offset())
                );
            }
        }
    }
}

#[test]
fn an_error_in_a_body_precedes_errors_after_the_body() {
    let mut wrong = module(2000, &[1990]);
    let theirs = reference(&wrong).unwrap_err();
    wrong.extend(section(11, &[1, 0, 0x41, 0, 0x0b, 0]));
    assert_eq!(
        reference(&wrong).unwrap_err().message(),
        "unknown memory 0: memory index out of bounds"
    );
    for chunk in [usize::MAX, 65536] {
        assert_eq!(
            error(&wrong, chunk),
            (theirs.message().to_owned(), theirs.offset())
        );
    }
    let too_large = ModuleLimits {
        module_bytes_max: wrong.len() as u64 - 1,
        ..ModuleLimits::default()
    };
    let refused = validate_in_chunks(&wrong, &[65536], &too_large).unwrap_err();
    assert!(
        matches!(refused, Error::Invalid { offset, .. } if offset == theirs.offset()),
        "{refused:?}"
    );
}

#[test]
fn a_module_cut_in_its_code_is_truncated() {
    let module = module(2000, &[]);
    let (reason, offset) = error(&module[..module.len() - 100], 65536);
    assert_eq!(reason, "truncated: unexpected end-of-file");
    assert!(offset <= module.len() as u64);
}
