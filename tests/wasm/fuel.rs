//! Modules that need more work than their size suggests.

use std::path::{Path, PathBuf};

use wasmstore::config::ModuleLimits;
use wasmstore::wasm::{Error, validate};

use super::fixtures::{corpus, valid};
use super::{HEADER, assert_valid, leb, section, validate_in_chunks};

const I32: u8 = 0x7f;
const END: u8 = 0x0b;

fn with_fuel(validation_fuel_max: u64) -> ModuleLimits {
    ModuleLimits {
        validation_fuel_max,
        ..ModuleLimits::default()
    }
}

fn vector(items: &[Vec<u8>]) -> Vec<u8> {
    [leb(items.len()), items.concat()].concat()
}

/// Returns a module with these types, and with one function of the last type.
fn module(types: &[Vec<u8>], code: &[u8]) -> Vec<u8> {
    let body = [&[0], code, &[END]].concat();
    let function = leb(types.len() - 1);
    [
        HEADER,
        &section(1, &vector(types)),
        &section(3, &vector(&[function])),
        &section(10, &vector(&[[leb(body.len()), body].concat()])),
    ]
    .concat()
}

fn function_type(
    params: &[u8],
    param_count: usize,
    results: &[u8],
    result_count: usize,
) -> Vec<u8> {
    let params = [leb(param_count), params.repeat(param_count)].concat();
    let results = [leb(result_count), results.repeat(result_count)].concat();
    [vec![0x60], params, results].concat()
}

/// Returns `depth` + 1 structures, each a subtype of the one before.
fn hierarchy(depth: usize) -> Vec<Vec<u8>> {
    let subtype = |parent: usize| [&[0x50, 1][..], &leb(parent), &[0x5f, 0]].concat();
    let mut types = vec![b"\x50\0\x5f\0".to_vec()];
    types.extend((0..depth).map(subtype));
    types
}

/// Returns `br_table` with this number of labels, all of them the outermost.
fn br_table(labels: usize) -> Vec<u8> {
    [&[0x41, 0, 0x0e][..], &leb(labels), &vec![0; labels + 1]].concat()
}

/// Each label checks all operands.
fn labels_times_operands(labels: usize, operands: usize) -> Vec<u8> {
    let code = [&[0x41, 0].repeat(operands)[..], &br_table(labels)].concat();
    module(&[function_type(&[], 0, &[I32], operands)], &code)
}

/// Each operand of each label walks up a hierarchy of types.
fn labels_times_operands_times_subtypes(labels: usize, operands: usize) -> Vec<u8> {
    const DEPTH: u8 = 62;
    let mut types = hierarchy(DEPTH.into());
    types.push(function_type(&[], 0, &[0x63, 0], operands));
    let code = [&[0xd0, DEPTH].repeat(operands)[..], &br_table(labels)].concat();
    module(&types, &code)
}

/// Each call checks all operands, each of which walks up a hierarchy of types.
fn calls_times_operands_times_subtypes(calls: usize, operands: usize) -> Vec<u8> {
    const DEPTH: u8 = 62;
    let mut types = hierarchy(DEPTH.into());
    types.push(function_type(
        &[0x63, 0],
        operands,
        &[0x63, DEPTH],
        operands,
    ));
    let code = [[0xd0, DEPTH].repeat(operands), [0x10, 0].repeat(calls)];
    module(&types, &code.concat())
}

#[test]
fn a_small_module_that_needs_seconds_is_rejected() {
    let modules = [
        labels_times_operands(65_000, 1000),
        labels_times_operands_times_subtypes(13_000, 1000),
        calls_times_operands_times_subtypes(20_000, 1000),
    ];
    for module in modules {
        for chunks in [usize::MAX, 1000, 1] {
            let limits = ModuleLimits::default();
            match validate_in_chunks(&module, &[chunks], &limits) {
                Err(error @ Error::TooMuchWork { .. }) => {
                    assert!(
                        error
                            .to_string()
                            .contains("--max-validation-fuel 20000000000")
                    );
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn the_same_constructions_are_accepted_in_usual_sizes() {
    assert_valid(&labels_times_operands(500, 4), &[1]);
    assert_valid(&labels_times_operands_times_subtypes(500, 4), &[1]);
    assert_valid(&calls_times_operands_times_subtypes(500, 4), &[1]);
}

#[test]
fn many_small_sections_share_the_fuel() {
    let instances = |count| {
        let empty = [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0];
        let sections = section(4, &empty).repeat(count);
        [&empty[..], &sections].concat()
    };
    assert!(validate(&instances(10)[..], &with_fuel(100_000_000)).is_ok());
    let error = validate(&instances(900)[..], &with_fuel(100_000_000)).unwrap_err();
    assert!(matches!(error, Error::TooMuchWork { .. }), "{error}");
}

/// Every module of the fixtures and of the corpus needs at most a twentieth of the fuel.
#[test]
fn real_modules_need_little_of_the_fuel() {
    let read = |path: PathBuf| (path.display().to_string(), std::fs::read(path).unwrap());
    let modules = valid().into_iter().chain(corpus().into_iter().map(read));
    for (path, module) in modules {
        let needed = needed_fuel(&module);
        let margin = ModuleLimits::default().validation_fuel_max / needed;
        let name = Path::new(&path).file_name().unwrap().display();
        println!(
            "{name}: {} bytes, fuel {needed}, margin {margin}",
            module.len()
        );
        assert!(margin >= 20, "{path}: {margin}");
    }
}

/// Returns the least fuel with which the module is accepted, to within a tenth.
fn needed_fuel(module: &[u8]) -> u64 {
    let (mut too_little, mut enough) = (0, ModuleLimits::default().validation_fuel_max);
    while enough - too_little > enough / 10 {
        let middle = too_little + (enough - too_little) / 2;
        match validate(module, &with_fuel(middle)) {
            Ok(_) => enough = middle,
            Err(Error::TooMuchWork { .. }) => too_little = middle,
            Err(error) => panic!("{error}"),
        }
    }
    enough
}

#[test]
fn a_cancelled_validation_fails() {
    let module = calls_times_operands_times_subtypes(500, 4);
    let mut validation = wasmstore::wasm::Validation::new(&ModuleLimits::default());
    let cancellation = validation.cancellation();
    validation.write(&module).unwrap();
    cancellation.cancel();
    assert!(matches!(validation.finish(), Err(Error::Cancelled)));
}
