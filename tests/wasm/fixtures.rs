//! The fixtures, and real modules if they are available.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmstore::config::ModuleLimits;
use wasmstore::wasm::{Error, Import, ItemKind, ModuleInfo, ModuleKind};

use super::{assert_agrees, assert_valid, reference, validate_in_chunks, validate_whole};

fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

fn fixtures(directory: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(directory);
    let files = files(&directory, "wat");
    assert!(
        files.len() >= 15,
        "{} fixtures in {}",
        files.len(),
        directory.display()
    );
    files
}

pub(crate) fn valid() -> Vec<(String, Vec<u8>)> {
    let read = |path: PathBuf| (path.display().to_string(), wat::parse_file(path).unwrap());
    fixtures("valid").into_iter().map(read).collect()
}

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/fixtures/valid/{name}.wat", env!("CARGO_MANIFEST_DIR"));
    wat::parse_file(path).unwrap()
}

fn info(name: &str) -> ModuleInfo {
    assert_valid(&fixture(name), &[1])
}

fn items<'a>(items: impl IntoIterator<Item = (&'a str, ItemKind)>) -> String {
    let items = items
        .into_iter()
        .map(|(name, kind)| format!("{kind} {name}"));
    items.collect::<Vec<_>>().join(", ")
}

fn exports(info: &ModuleInfo) -> String {
    items(
        info.exports
            .iter()
            .map(|export| (export.name.as_str(), export.kind)),
    )
}

#[test]
fn valid_fixtures_are_accepted() {
    for (name, module) in valid() {
        println!("{name}");
        assert_valid(&module, &[1]);
        assert_valid(&module, &[2, 3, 5, 7, 11]);
    }
}

#[test]
fn invalid_fixtures_are_rejected_with_their_reason() {
    for path in fixtures("invalid") {
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = text
            .lines()
            .find_map(|line| line.strip_prefix(";; error: "))
            .unwrap();
        let module = wat::parse_str(&text).unwrap();
        let theirs = reference(&module).unwrap_err();
        for chunks in [usize::MAX, 1] {
            match validate_in_chunks(&module, &[chunks], &ModuleLimits::default()) {
                Err(Error::Invalid { reason, offset }) => {
                    assert!(reason.contains(expected), "{}: {reason}", path.display());
                    assert_eq!(
                        (reason.as_str(), offset),
                        (
                            theirs.message().replace('\n', ": ").as_str(),
                            theirs.offset()
                        )
                    );
                }
                other => panic!("{}: {other:?}", path.display()),
            }
        }
    }
}

#[test]
fn wasmparser_agrees_on_every_truncated_fixture() {
    for (name, module) in valid() {
        println!("{name}");
        for end in 0..module.len() {
            assert_agrees(&module[..end], &[1]);
        }
    }
}

#[test]
fn a_module_cut_within_a_section_is_truncated() {
    let module = fixture("adder");
    let code = module.len() - 11;
    assert_eq!(
        module[code..code + 2],
        [0x0a, 9],
        "the code section is the last"
    );
    for end in code + 1..module.len() {
        let error = validate_whole(&module[..end]).unwrap_err().to_string();
        assert!(error.starts_with("truncated: "), "{end}: {error}");
    }
}

#[test]
fn imports_and_exports_are_listed_in_order() {
    let info = info("externs");
    let (env, host) = (Arc::from("env"), Arc::from("host"));
    let import = |module: &Arc<str>, name: &str, kind| Import {
        module: Some(Arc::clone(module)),
        name: name.to_owned(),
        kind,
    };
    let expected = [
        import(&env, "f", ItemKind::Func),
        import(&env, "t", ItemKind::Table),
        import(&env, "m", ItemKind::Memory),
        import(&host, "g", ItemKind::Global),
        import(&host, "e", ItemKind::Tag),
    ];
    assert_eq!(info.imports, expected);
    assert_eq!(
        exports(&info),
        "func f, table t, memory m, global g, tag é e"
    );
    assert_eq!(info.kind, ModuleKind::Module);
}

#[test]
fn a_components_imports_and_exports_are_listed() {
    let info = info("component_externs");
    let imports = info
        .imports
        .iter()
        .map(|import| (import.name.as_str(), import.kind));
    let expected =
        "func run, module lib, instance wasi:clocks/wall-clock@0.2.0, component part, type thing";
    assert_eq!(items(imports), expected);
    assert!(info.imports.iter().all(|import| import.module.is_none()));
    let expected =
        "func again, module lib-again, instance clock, component part-again, type number";
    assert_eq!(exports(&info), expected);
    assert_eq!(info.kind, ModuleKind::Component);
}

#[test]
fn custom_sections_and_producers_are_listed() {
    let info = info("custom");
    let mut names = info.custom_sections.clone();
    names.sort();
    assert_eq!(names, ["", "first", "first", "producers"]);
    let tool = |name: &str, version: &str| vec![(name.to_owned(), version.to_owned())];
    let expected = [
        ("language".to_owned(), tool("C", "17")),
        ("sdk".to_owned(), tool("kit", "2")),
        ("processed-by".to_owned(), tool("clang", "19.1.0")),
    ];
    assert_eq!(info.producers, expected);
}

#[test]
fn the_items_of_nested_modules_are_not_listed() {
    let info = info("component_nested");
    assert_eq!(info.kind, ModuleKind::Component);
    assert_eq!(info.custom_sections, ["outermost", "last"]);
    assert!(info.exports.is_empty());
}

#[test]
fn the_digest_is_the_sha256_of_the_bytes() {
    let hash = info("empty")
        .sha256
        .map(|byte| format!("{byte:02x}"))
        .concat();
    assert_eq!(
        hash,
        "93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476"
    );
}

/// Real modules are not part of the project. The test reads them from `WASMSTORE_CORPUS` or from a directory beside the project.
/// Returns the real modules, if they are available.
pub(super) fn corpus() -> Vec<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let directory = std::env::var_os("WASMSTORE_CORPUS").map_or_else(beside, PathBuf::from);
    if directory.is_dir() {
        files(&directory, "wasm")
    } else {
        println!("skipped: no directory {}", directory.display());
        Vec::new()
    }
}

#[test]
fn real_modules_are_accepted() {
    for path in corpus() {
        let info = assert_valid(&std::fs::read(&path).unwrap(), &[65536, 1, 4095]);
        println!(
            "{}: {} {} bytes, {} imports, {} exports, {:?}, {:?}",
            path.display(),
            info.kind,
            info.size_bytes,
            info.imports.len(),
            info.exports.len(),
            info.custom_sections,
            info.producers
        );
    }
}

#[test]
fn the_readmes_module_is_the_assembled_fixture() {
    let path = format!("{}/fixtures/adder.wasm", env!("CARGO_MANIFEST_DIR"));
    assert_eq!(std::fs::read(path).unwrap(), fixture("adder"));
}
